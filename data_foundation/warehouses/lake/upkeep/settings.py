"""The settings of `foundation lake optimize`: the size of files, and how long versions are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from data_foundation.errors import WarehouseError
from data_foundation.warehouses.base import Setting

FILE_MEGABYTES = Setting(
    "LAKE_FILE_MEGABYTES",
    "Size of the files into which `foundation lake optimize` puts smaller ones together.",
    default="128",
)
KEEP_VERSIONS = Setting(
    "LAKE_KEEP_VERSIONS",
    "Newest versions, or snapshots, of each Delta or Iceberg table that `foundation lake optimize` keeps in any case.",
    default="5",
)
EXPIRE_HOURS = Setting(
    "LAKE_EXPIRE_HOURS",
    "Age from which it removes other versions with their files; a query of one that is older may fail while it runs.",
    default="168",
)
UPKEEP_SETTINGS = (FILE_MEGABYTES, KEEP_VERSIONS, EXPIRE_HOURS)


@dataclass(frozen=True)
class Upkeep:
    """How tables are kept.

    Attributes:
        file_bytes: Size of files in bytes.
        keep: Versions that are kept whatever their age, at least 1.
        expire_after: Age from which others are removed.
    """

    file_bytes: int
    keep: int
    expire_after: timedelta

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Upkeep:
        """Returns what the settings say.

        Raises:
            WarehouseError: One is no whole number, or too small.
        """
        megabytes, keep = _read(settings, FILE_MEGABYTES, 1), _read(settings, KEEP_VERSIONS, 1)
        return cls(megabytes * 1024**2, keep, timedelta(hours=_read(settings, EXPIRE_HOURS, 1)))


def _read(settings: Mapping[str, str], setting: Setting, least: int) -> int:
    text = (settings.get(setting.name) or setting.default).strip()
    if not (text.isascii() and text.isdigit() and least <= int(text) <= 10**6):
        raise WarehouseError(f"{setting.name}: got '{text}'; accepted: a whole number from {least} to 1000000")
    return int(text)
