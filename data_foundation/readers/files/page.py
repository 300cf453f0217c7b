"""What a reader of one format hands over: rows that are good, and those that are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

FILE, ROW = "_file", "_row"
"""The columns that tell where a row stood: the file below its root, and its number there, the first row being 1."""


@dataclass(frozen=True)
class BadRow:
    """A row that cannot land as it is.

    Attributes:
        number: In its file, the first row being 1.
        text: As it stands there, as far as it is text.
        reason: What is wrong with it.
    """

    number: int
    text: str
    reason: str


@dataclass(frozen=True)
class Page:
    """Some rows of a file.

    Attributes:
        rows: What an entry may yield: an Arrow table, a list of dicts, or JSON as bytes; with `FILE` and `ROW` in it.
        bad: Rows that were among them.
    """

    rows: Any
    bad: Sequence[BadRow] = ()


def placed(table: Any, file: str, numbers: Any) -> Any:
    """Returns an Arrow table with the columns that tell where its rows stood.

    Args:
        table: Of a file.
        file: Its name.
        numbers: Of its rows, as an Arrow array or a list.
    """
    table = table.append_column(FILE, pa.repeat(pa.scalar(file), len(table)))
    return table.append_column(ROW, pa.array(numbers, pa.int64()))
