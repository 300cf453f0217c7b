"""Recognises the rows at the stored value as dlt's own incremental has recorded them, before this project did."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dlt.extract.utils import digest_dedup_value, has_legacy_dedup_hashes, resolve_column_value


class RecordedRows:
    """The rows at the stored value as dlt's own incremental has recorded them, before this project did."""

    def __init__(self, hashes: Iterable[str], key: Any) -> None:
        self._hashes = frozenset(hashes)
        self._is_legacy = has_legacy_dedup_hashes(self._hashes)
        self._key = key

    def __call__(self, row: Any) -> bool:
        """Returns True if a row was recorded."""
        if not self._hashes:
            return False
        try:
            value = resolve_column_value(self._key, row) if self._key else row
        except KeyError:
            return False
        return digest_dedup_value(value, self._is_legacy) in self._hashes
