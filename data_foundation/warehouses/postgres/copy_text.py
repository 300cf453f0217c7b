"""Converts rows of a parquet file to the text that PostgreSQL's COPY reads, column by column in C++."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from dlt.common.json import json

from data_foundation.warehouses.sql.value_texts import as_hex, as_json, as_plain_text, escape, is_bytes, is_text, join

ROWS_AT_ONCE = 20_000
"""Rows in memory, as columns and as text; few, because a row may be long."""

_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))
_NULS = ("\0", "\\u0000")
"""U+0000 in a text and in JSON; PostgreSQL stores it in neither."""


class CopyText:
    """A file object for psycopg2 with the rows of a parquet file as COPY text.

    Attributes:
        columns: Column names, in the order of the text.
        rows: Number of rows read so far.
        error: The error raised while reading, None if there is none; psycopg2 passes on its text only.
    """

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetFile(path)
        self.columns: list[str] = self._file.schema_arrow.names
        self.rows = 0
        self.error: Exception | None = None
        self._pages = self._read_pages()
        self._page = memoryview(b"")

    def _read_pages(self) -> Iterator[memoryview]:
        for batch in self._file.iter_batches(ROWS_AT_ONCE):
            self.rows += len(batch)
            yield as_text(batch)

    def read(self, size: int) -> bytes:
        """Returns the next bytes of the text, at most `size`, and b"" at its end."""
        while not self._page:
            try:
                page = next(self._pages, None)
            except Exception as error:
                self.error = error
                raise
            if page is None:
                return b""
            self._page = page
        part, self._page = self._page[:size], self._page[size:]
        return part.tobytes()

    def close(self) -> None:
        """Closes the parquet file."""
        self._file.close()


def as_text(batch: pa.RecordBatch) -> memoryview:
    r"""Returns rows in COPY's text format: a tab between values, `\N` for NULL, UTF-8."""
    values = [pc.fill_null(_as_texts(column), "\\N") for column in batch.columns]
    lines = join(join(*values, by="\t"), "", by="\n")
    length = pc.sum(pc.binary_length(lines)).as_py() or 0
    return memoryview(lines.buffers()[2] or b"")[:length]


def _as_texts(column: pa.Array) -> pa.Array:
    """Returns the values of a column as text for PostgreSQL, escaped for COPY."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _as_texts(column.dictionary_decode())
    if pa.types.is_nested(kind):
        return escape(as_json(column), _ESCAPES)
    if is_text(kind):
        return escape(column.cast(pa.large_string()), _ESCAPES)
    if is_bytes(kind):
        return as_hex(column, "\\\\x")
    if pa.types.is_timestamp(kind) and kind.tz:
        return join(as_plain_text(column), "+00")
    return as_plain_text(column)


def find_nul(path: Path) -> str | None:
    """Returns the row and the column of the first text with U+0000, None if there is none."""
    seen = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS_AT_ONCE):
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                found = _first_nul(column)
                if found >= 0:
                    return f"row {seen + found + 1}, column {name}"
            seen += len(batch)
    return None


def _first_nul(column: Any) -> int:
    """Returns the index of the first value with U+0000, -1 if there is none."""
    if pa.types.is_nested(column.type):
        column = pa.array([None if value is None else json.dumps(value) for value in column.to_pylist()], pa.string())
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return -1
    found = [pc.match_substring(column, held).fill_null(False) for held in _NULS]  # noqa: FBT003 - Arrow's signature
    return int(pc.index(pc.or_(*found), True).as_py())
