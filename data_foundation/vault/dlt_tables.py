"""Builds the tables of a vault for dlt's schema."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from data_foundation.dlt_keys import VAULT
from data_foundation.vault.hashes import BUSINESS_KEY, HASH_KEY, ROW_HASH

_SEEN = {"seen-data": True}
_ADDED_COLUMNS: Mapping[str, Mapping[str, Any]] = {
    HASH_KEY: {"data_type": "text", "nullable": False, "merge_key": True},
    ROW_HASH: {"data_type": "text", "nullable": False, "x-row-version": True},
    "_dlt_valid_from": {"data_type": "timestamp", "nullable": True, "x-valid-from": True},
    "_dlt_valid_to": {
        "data_type": "timestamp", "nullable": True, "x-valid-to": True, "x-active-record-timestamp": None,
    },
}  # fmt: skip


def newest_satellite(tables: Mapping[str, Any]) -> str | None:
    """Returns the name of the satellite that was opened last, None if there is none."""
    opened = {name: table[VAULT]["opened"] for name, table in tables.items() if VAULT in table}
    return max(opened, key=lambda name: opened[name], default=None)


def newest_key(tables: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the key columns of the newest satellite in their order; empty if no load has stored them."""
    newest = newest_satellite(tables)
    return tuple(tables[newest][VAULT].get("key", ())) if newest else ()


def satellite_schema(extracted: Any, name: str, vault: Mapping[str, Any]) -> Any:
    """Returns the table of a satellite.

    A satellite is a table of dlt's scd2 strategy with a merge key: it ends the version of a key that arrives with
    another row hash, and keeps the keys that do not arrive.

    Args:
        extracted: The table of the extracted rows.
        name: The name of the satellite.
        vault: The value of the hint `VAULT`.
    """
    columns = {
        column: {key: value for key, value in hints.items() if key != "primary_key"}
        for column, hints in extracted["columns"].items()
    }
    own = {column: {"name": column, **hints} for column, hints in _ADDED_COLUMNS.items()}
    changed = {"name": name, "write_disposition": "merge", "x-merge-strategy": "scd2", "x-normalizer": dict(_SEEN)}
    return {**extracted, **changed, VAULT: dict(vault), "columns": columns | own}


def as_extracted(satellite: Any, name: str) -> Any:
    """Returns the table as which rows of a satellite are extracted: one with a plain merge."""
    left_out = {"x-merge-strategy", VAULT}
    table = {key: deepcopy(value) for key, value in satellite.items() if key not in left_out}
    columns = {column: hints for column, hints in table["columns"].items() if column not in _ADDED_COLUMNS}
    return {**table, "name": name, "columns": columns}


def find_changed_columns(satellite: Any, extracted: Any) -> tuple[str, ...]:
    """Returns the columns that a satellite lacks or has with another type."""
    known = {name: hints.get("data_type") for name, hints in satellite["columns"].items()}
    return tuple(
        name
        for name, hints in extracted["columns"].items()
        if hints.get("data_type") and hints["data_type"] != known.get(name)
    )


def hub_schema(name: str) -> Any:
    """Returns the table of a hub, into which only new keys are inserted."""
    kinds = {
        HASH_KEY: "text", BUSINESS_KEY: "text", "first_seen": "timestamp", "source": "text", "_dlt_load_id": "text",
    }  # fmt: skip
    return _keyed(name, kinds, HASH_KEY, "insert-only")


def satellites_schema(name: str) -> Any:
    """Returns the table that lists the satellites of a tag, with their names for the tag's columns as JSON."""
    kinds = {"satellite": "text", "asset": "text", "source": "text", "tag_columns": "text", "opened_at": "timestamp"}
    return _keyed(name, kinds, "satellite", "upsert")


def _keyed(name: str, kinds: Mapping[str, str], key: str, strategy: str) -> Any:
    columns: dict[str, Any] = {
        column: {"name": column, "data_type": kind, "nullable": False} for column, kind in kinds.items()
    }
    columns[key]["primary_key"] = True
    return {
        "name": name, "columns": columns, "write_disposition": "merge", "x-merge-strategy": strategy,
        "resource": name, "x-normalizer": dict(_SEEN),
    }  # fmt: skip
