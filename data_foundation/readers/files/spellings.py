"""Spells the columns of all files of a load as the first file does: headings may differ in case from file to file."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from data_foundation.naming import normalize


class Spellings:
    """The first spelling of each column."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._known: dict[str, str] = {}

    def unify(self, rows: Any) -> Any:
        """Returns rows with the first spelling of each column; JSON is returned as it is.

        Args:
            rows: An Arrow table, a list of dicts, or JSON.
        """
        if isinstance(rows, pa.Table):
            names = [self._spell(name) for name in rows.column_names]
            return rows if names == rows.column_names else rows.rename_columns(names)
        if isinstance(rows, list) and rows and any(self._spell(name) != name for name in rows[0]):
            return [{self._spell(name): value for name, value in row.items()} for row in rows]
        return rows

    def _spell(self, name: str) -> str:
        if name not in self._known:
            self._known[name] = self._first.setdefault(normalize(name) if name.strip() else name, name)
        return self._known[name]
