"""Comparison of the flat rows in two engines."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from benchmarks.content import casts, read_content
from benchmarks.flat.rows import COLUMNS

PAGE = 50_000


def read_outcome(client: Any, size: int) -> dict[str, Any]:
    """Returns the hashes of `raw.rows`.

    Args:
        client: A client of dlt for SQL.
        size: Number of rows of the side.
    """
    return outcome_of(_read_pages(client), size)


def outcome_of(pages: Iterable[Sequence[Sequence[Any]]], size: int) -> dict[str, Any]:
    """Returns the hashes of rows, whose values become texts that DuckDB casts: engines differ in their types.

    Args:
        pages: Lists of rows, with the values in the order of `COLUMNS`.
        size: Number of rows of the side.
    """
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "texts.duckdb")
        with duckdb.connect(str(database)) as texts:
            texts.execute("CREATE TABLE rows (" + ", ".join(f"{name} VARCHAR" for name in COLUMNS) + ")")
            for rows in pages:
                columns = [list(map(_as_text, column)) for column in zip(*rows, strict=True)]
                texts.register("page", pa.table([pa.array(found, pa.string()) for found in columns], list(COLUMNS)))
                texts.execute("INSERT INTO rows SELECT * FROM page")
        return {"content": read_content(database, size, {"rows": f"SELECT {casts(COLUMNS)} FROM rows"})}  # noqa: S608 - our own


def _read_pages(client: Any) -> Iterator[Sequence[Sequence[Any]]]:
    names = ", ".join(map(client.escape_column_name, COLUMNS))
    query = f"SELECT {names} FROM {client.make_qualified_table_name('rows')}"  # noqa: S608 - quoted by dlt
    with client.execute_query(query) as cursor:
        while rows := cursor.fetchmany(PAGE):
            yield rows


def _as_text(value: Any) -> str | None:
    return None if value is None else str(value)
