"""Reads the settings of one connection from dlt's configuration; names those that are missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import dlt

from data_foundation.errors import SettingMissing


@dataclass(frozen=True)
class ConnectionSettings:
    """The settings in `[sources.<folder>.<name>]` of dlt's files, or in the same environment variables.

    Attributes:
        folder: Name of the source's folder.
        name: Name of the connection in `sources.yaml`.
    """

    folder: str
    name: str

    @property
    def section(self) -> str:
        """The section of dlt's configuration."""
        return f"sources.{self.folder}.{self.name}"

    @property
    def hint(self) -> str:
        """The places where a setting can be set, for error messages."""
        return f"Set it in .dlt/secrets.toml under [{self.section}], in .env or the environment"

    def section_value(self) -> Any:
        """Returns the value of the section itself: a table, or a DSN in its place. Returns None if it is not set."""
        return dlt.secrets.get(self.section) or dlt.config.get(self.section)

    def find(self, setting: str, *, secret: bool = False) -> Any:
        """Returns the value of a setting, or None if it is not set.

        Args:
            setting: Name of the setting; a dot separates the name of a nested table.
            secret: Read it as a secret, which dlt keeps out of its trace.
        """
        key = f"{self.section}.{setting}"
        value: Any = dlt.secrets.get(key) if secret else None
        return dlt.config.get(key) if value is None else value

    def variable(self, setting: str) -> str:
        """Returns the environment variable that sets `setting`."""
        return f"{self.section}.{setting}".replace(".", "__").upper()

    def missing(self, settings: Iterable[str], more: str = "") -> SettingMissing:
        """Returns the error for settings that are not set; `more` is added after the places where to set them."""
        return SettingMissing([self.variable(setting) for setting in settings], f"{self.hint}{more}")
