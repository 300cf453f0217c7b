"""Splits converted rows into good rows and bad rows, whose texts do not fit the types of their columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_foundation.readers.files.formats.text_columns import REASON, ROW_TEXT
from data_foundation.readers.files.page import BadRow, Page, add_place
from data_foundation.warehouses.duckdb.utc_session import connect_to_memory

CELLS_TABLE = "cells"
"""Name in SQL of the table with a document's cells."""


def as_page(table: Any, names: Sequence[str], file: str, numbers: Any) -> Page:
    """Returns a page of converted rows.

    Args:
        table: Arrow table with the result of `build_query`.
        names: Names of the columns.
        file: Name of the file, for `_file`.
        numbers: Numbers of the rows, for `_row`.
    """
    reasons = table[REASON]
    values = add_place(table.select(range(len(names))).rename_columns(list(names)), file, numbers)
    if reasons.null_count == len(table):
        return Page(values)
    is_bad = pc.is_valid(reasons)
    # By position: a column of the file may have the name of `ROW`.
    parts = (values.column(len(names) + 1), table[ROW_TEXT], reasons)
    bad = zip(*(part.filter(is_bad).to_pylist() for part in parts), strict=True)
    return Page(values.filter(pc.invert(is_bad)), [BadRow(*row) for row in bad])


def convert(
    rows: Sequence[Sequence[str | None]], numbers: Sequence[int], names: Sequence[str], query: str, file: str
) -> Page:
    """Converts rows of text to a page.

    Args:
        rows: The rows, each with one cell for each name.
        numbers: Numbers of the rows, for `_row`.
        names: Names of the columns.
        query: Result of `build_query` for `CELLS_TABLE`.
        file: Name of the file, for `_file`.
    """
    columns = [pa.array(cells, pa.string()) for cells in (zip(*rows, strict=True) if rows else [()] * len(names))]
    cells = pa.Table.from_arrays(columns, names=[f"c{index}" for index in range(len(names))])
    with connect_to_memory() as connection:
        connection.register(CELLS_TABLE, cells)
        converted = connection.execute(query).to_arrow_table()
    return as_page(converted, names, file, numbers)
