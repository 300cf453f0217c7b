"""Asset keys: the form of those of tables, and those of the external assets of the source folders."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

import dagster as dg

from data_foundation.errors import FoundationError
from data_foundation.naming import TableName
from data_foundation.project.find_sources import SOURCE_KEY

_NO_NAME = re.compile(r"[^A-Za-z0-9_]")
_PART = re.compile(r"\{dataset\}|[\w.-]+")


@dataclass(frozen=True)
class KeyPattern:
    """The parts of an asset key, joined by `/`: fixed ones, `{dataset}`, and at the end `{table}`."""

    text: str = "{dataset}/{table}"

    def __post_init__(self) -> None:
        *parts, table = self.text.split("/")
        if table != "{table}" or not all(map(_PART.fullmatch, parts)):
            message = (
                f"asset_key: got '{self.text}'; accepted are parts joined by /, the last of which is {{table}}: words "
                "and {dataset}, for instance {dataset}/raw/{table}"
            )
            raise FoundationError(message)

    def key_of(self, name: TableName) -> dg.AssetKey:
        """Returns the asset key of a table."""
        values = {"{dataset}": name.dataset, "{table}": name.table}
        return dg.AssetKey([values.get(part, part) for part in self.text.split("/")])


def dagster_name(name: str) -> str:
    """Returns a folder's name with the characters that Dagster accepts; only a broken folder's name can differ."""
    return _NO_NAME.sub("_", name)


def source_key(name: str) -> dg.AssetKey:
    """Returns the key of a source folder's external asset. Dagster derives op names from it, so they must be unique."""
    accepted = dagster_name(name)
    return dg.AssetKey([SOURCE_KEY, name if accepted == name else f"{accepted}_{zlib.crc32(name.encode()):08x}"])
