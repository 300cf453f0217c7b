"""Converts rows of a parquet file to the text that PostgreSQL's COPY reads, column by column in C++."""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from dlt.common.json import json

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
    lines = _join(_join(*values, by="\t"), "", by="\n")
    length = pc.sum(pc.binary_length(lines)).as_py() or 0
    return memoryview(lines.buffers()[2] or b"")[:length]


def _as_texts(column: pa.Array) -> pa.Array:
    """Returns the values of a column as text for PostgreSQL, escaped for COPY."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _as_texts(column.dictionary_decode())
    if pa.types.is_nested(kind):
        column = pa.array([None if value is None else json.dumps(value) for value in column.to_pylist()], pa.string())
        return _escape(column.cast(pa.large_string()))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _escape(column.cast(pa.large_string()))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return _as_hex(column.cast(pa.large_binary()))
    if pa.types.is_timestamp(kind) and kind.tz:
        # Cast by way of the integer: the text is then in UTC, whatever the zone of the column.
        instants = column.cast(pa.int64()).cast(pa.timestamp(kind.unit)).cast(pa.large_string())
        return _join(instants, "+00")
    if pa.types.is_floating(kind):
        # The shortest text of a 32-bit float is a different number when read as a double.
        column = column.cast(pa.float64())
    return column.cast(pa.large_string())


def _join(*parts: Any, by: str = "") -> pa.Array:
    """Returns the texts of each row joined; NULL if one of them is NULL."""
    return pc.binary_join_element_wise(
        *(pa.scalar(part, pa.large_string()) if isinstance(part, str) else part for part in (*parts, by))
    )


def _escape(texts: pa.Array) -> pa.Array:
    data = texts.buffers()[2]
    held = data.to_pybytes() if data else b""
    for character, escaped in _ESCAPES:
        if character.encode() in held:
            texts = pc.replace_substring(texts, character, escaped)
    return texts


def _as_hex(values: pa.Array) -> pa.Array:
    r"""Returns bytes as `\x` and hexadecimal digits, its backslash escaped."""
    if values.offset or not len(values):
        values = pa.concat_arrays([values, pa.array([b""], values.type)]).slice(0, len(values))
    validity, offsets, data = values.buffers()
    twice = pc.multiply(pa.Array.from_buffers(pa.int64(), len(values) + 1, [None, offsets]), 2)
    digits = pa.py_buffer(binascii.hexlify(data) if data else b"")
    texts = pa.Array.from_buffers(pa.large_string(), len(values), [validity, twice.buffers()[1], digits])
    return _join("\\\\x", texts)


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
