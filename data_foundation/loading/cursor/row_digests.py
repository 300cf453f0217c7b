"""Digests of rows, by all columns or by some, that do not depend on nulls and on the order of keys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dlt.common.json import json
from dlt.common.time import datetime_to_timestamp_us

from data_foundation.rows.exact.value_rules import plain

_BYTES = 8
_ABOVE_ALL = 1 << (8 * _BYTES)


def as_mapping(row: Any) -> Mapping[str, Any]:
    """Returns a row as a mapping; a value that is none as the only value of one."""
    value = plain(row)
    return value if isinstance(value, Mapping) else {"value": value}


def digest(value: Any) -> str:
    """Returns the digest of a value, sixteen hexadecimal digits; one moment in two zones is one value."""
    try:
        text = json.dumps(value, sort_keys=True, datetime_encoder=datetime_to_timestamp_us)
    except TypeError:
        text = repr(value)
    return hashlib.blake2b(text.encode(), digest_size=_BYTES).hexdigest()


def add_up(digests: Iterable[str]) -> int:
    """Returns a number that stands for digests in any order."""
    return sum(int(one, 16) for one in digests) % _ABOVE_ALL


def digest_key(row: Mapping[str, Any], key: Sequence[str]) -> str:
    """Returns the digest of a row's key; "" if a part of the key is missing."""
    values = [row.get(name) for name in key]
    return "" if any(value is None for value in values) else digest(values)


def prune(value: Any, columns: set[str] | None = None, seen: set[str] | None = None, path: str = "") -> Any:
    """Returns a value without nulls, empty objects and empty lists, which land as nothing.

    Args:
        value: A row, or a value in it.
        columns: Paths to keep; None for all.
        seen: Receives the paths that are kept.
        path: The value's own path in the row.
    """
    if isinstance(value, Mapping):
        pruned = {}
        for name, item in value.items():
            place = f"{path}.{name}" if path else str(name)
            if item is None or (columns is not None and place not in columns):
                continue
            kept = prune(item, columns, seen, place)
            if isinstance(kept, dict | list) and not kept:
                continue
            pruned[name] = kept
            if seen is not None:
                seen.add(place)
        return pruned
    if isinstance(value, list | tuple):
        return [prune(item, columns, seen, f"{path}[]") for item in value]
    return value
