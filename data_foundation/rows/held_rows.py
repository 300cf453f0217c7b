"""Holds rows that wait for others, as they were when they were yielded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from data_foundation.rows.columnar.arrow_conversions import NotColumnar
from data_foundation.rows.columnar.rows_as_json import rows_of, write_plain
from data_foundation.rows.copies import copy_rows


class HeldRows:
    """Rows that will be converted at once; the entry may go on to change its own objects.

    Attributes:
        arrays: The rows as JSON arrays; empty if they are held as copies.
    """

    def __init__(self, *, as_json: bool) -> None:
        """Begins without rows.

        Args:
            as_json: Whether Arrow may be able to read the rows as JSON. Rows that JSON cannot hold become copies, and
                with them all others, so that they are converted together.
        """
        self.arrays: list[bytes] = []
        self._rows: list[Any] = []
        self._as_json = as_json
        self._count = 0

    def __len__(self) -> int:
        """Returns the number of rows."""
        return self._count

    def add(self, rows: Sequence[Any]) -> None:
        """Adds rows as they are now."""
        self._count += len(rows)
        if self._as_json:
            try:
                self.arrays.append(write_plain(rows))
            except NotColumnar:
                self._as_json, self._rows, self.arrays = False, self.rows(), []
            else:
                return
        self._rows += copy_rows(rows)

    def rows(self) -> list[Any]:
        """Returns the rows as Python objects."""
        return rows_of(self.arrays) if self.arrays else self._rows
