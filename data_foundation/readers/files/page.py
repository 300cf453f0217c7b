"""The result of every format's reader: pages of good and bad rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

FILE, ROW = "_file", "_row"
"""Columns with a row's place: the file's path below the root, and the number of the row, from 1."""


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be loaded.

    Attributes:
        number: Its number in the file, from 1.
        text: Its text in the file.
        reason: Why it cannot be loaded.
    """

    number: int
    text: str
    reason: str


@dataclass(frozen=True)
class Page:
    """Some rows of a file.

    Attributes:
        rows: The good rows, with the columns `FILE` and `ROW`: an Arrow table, a list of dicts, or JSON as bytes.
            None if there are none; empty rows say that the file was understood, and has none.
        bad: The bad rows.
        document_rows: Number of rows of JSON.
        warning: What the load is to warn of, "" for nothing.
    """

    rows: Any
    bad: Sequence[BadRow] = ()
    document_rows: int = 0
    warning: str = ""

    @property
    def count(self) -> int:
        """Number of rows, good and bad."""
        is_document = isinstance(self.rows, bytes)
        return (self.document_rows if is_document else len(self.rows or ())) + len(self.bad)


def add_place(table: Any, file: str, numbers: Any) -> Any:
    """Returns an Arrow table with the columns `FILE` and `ROW` added.

    Args:
        table: Rows of a file.
        file: Name of the file.
        numbers: Numbers of the rows, as an Arrow array or a list.
    """
    table = table.append_column(FILE, pa.repeat(pa.scalar(file), len(table)))
    return table.append_column(ROW, pa.array(numbers, pa.int64()))
