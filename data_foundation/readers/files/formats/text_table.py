"""A table of text as a page: values that fit their columns, and rows of which one does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_foundation.readers.files.formats.text_columns import BAD, TEXT
from data_foundation.readers.files.page import BadRow, Page, placed
from data_foundation.warehouses.duckdb.utc_session import connect_to_memory

CELLS = "cells"
"""What the table of a document's cells is called in SQL."""


def as_page(table: Any, names: Sequence[str], file: str, numbers: Any) -> Page:
    """Returns what `typed.build_query` made of some rows, the bad ones apart.

    Args:
        table: An Arrow table.
        names: Of the columns.
        file: The rows' file.
        numbers: Of the rows in it.
    """
    reasons = table[BAD]
    values = placed(table.select(range(len(names))).rename_columns(list(names)), file, numbers)
    if reasons.null_count == len(table):
        return Page(values)
    is_bad = pc.is_valid(reasons)
    bad = zip(*(column.filter(is_bad).to_pylist() for column in (values.column(len(names) + 1), table[TEXT], reasons)),
              strict=True)  # fmt: skip
    return Page(values.filter(pc.invert(is_bad)), [BadRow(*row) for row in bad])


def convert(
    rows: Sequence[Sequence[str | None]], numbers: Sequence[int], names: Sequence[str], query: str, file: str
) -> Page:
    """Returns rows of text as a page.

    Args:
        rows: As many cells each as there are names.
        numbers: Of the rows in their file.
        names: Of the columns.
        query: What `typed.build_query` returned for the table CELLS.
        file: The rows' file.
    """
    columns = [pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)]
    cells = pa.Table.from_arrays(columns, names=[f"c{index}" for index in range(len(names))])
    with connect_to_memory() as connection:
        connection.register(CELLS, cells)
        made = connection.execute(query).to_arrow_table()
    return as_page(made, names, file, numbers)
