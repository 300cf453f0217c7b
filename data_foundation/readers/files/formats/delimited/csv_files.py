"""Reads CSV files with DuckDB. A column is text unless `columns` has a type for it, so no file changes its type."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from data_foundation.errors import LoadError
from data_foundation.readers.files.formats.delimited.dialect import Dialect
from data_foundation.readers.files.formats.delimited.head import CsvHead, read_head
from data_foundation.readers.files.formats.delimited.line_ends import copy_rows, is_uniform, line_end_pattern
from data_foundation.readers.files.formats.text_columns import build_query
from data_foundation.readers.files.formats.text_table import CELLS_TABLE, as_page, convert
from data_foundation.readers.files.formats.transcode import wrong_encoding
from data_foundation.readers.files.page import BadRow, Page
from data_foundation.readers.files.path_pattern import escape_wildcards
from data_foundation.warehouses.duckdb.utc_session import connect_to_memory

_PAGE_ROWS = 100_000
_CHUNK = 1 << 16
_BUFFER_BYTES = 32_000_000
"""DuckDB's own size of a buffer; a line may be as long."""
_NOT_READ = "a quote is not closed, or a line ends in another way than the others; correct the file"


@dataclass(frozen=True)
class CsvReader:
    """Reads CSV files of one dialect.

    Attributes:
        dialect: How the files are written.
        wanted: The hints of `columns` in `sources.yaml`, by column.
        counts_bad: True if bad rows go to the quarantine table: the numbers of the good rows depend on theirs.
    """

    dialect: Dialect
    wanted: Mapping[str, Mapping[str, Any]]
    counts_bad: bool

    def read(self, path: Path, file: str) -> Iterator[Page]:
        """Yields the rows of a file.

        Args:
            path: Path of the file, which is UTF-8.
            file: Name of the file in messages and in `_file`.

        Raises:
            LoadError: The file is not a valid CSV.
        """
        try:
            head = read_head(path, self.dialect, file)
        except UnicodeDecodeError:
            raise wrong_encoding(file, "the start of the file is not UTF-8") from None
        if head is None:
            return
        if _is_blank_from(path, head.start):
            yield Page(self._no_rows(head, file))
            return
        uniform = is_uniform(path)
        with tempfile.TemporaryDirectory() as folder, connect_to_memory() as connection:
            if not (uniform and head.is_plain):
                copy = Path(folder) / "rows"
                pattern = None if uniform else line_end_pattern(head.delimiter, self.dialect)
                copy_rows(path, copy, head.start, pattern)
                path, head = copy, replace(head, lines=0, line_end=None if uniform else "\\n")
            try:
                yield from self._pages(connection, path, file, head)
            except duckdb.Error as error:
                raise _unreadable(file, error) from None

    def _no_rows(self, head: CsvHead, file: str) -> Any:
        """Returns an empty table, which has the columns of a file with headings alone."""
        query = build_query(CELLS_TABLE, head.names, self.wanted, self.dialect.notation)
        return convert([], [], head.names, query, file).rows

    def _pages(self, connection: duckdb.DuckDBPyConnection, path: Path, file: str, head: CsvHead) -> Iterator[Page]:
        source, values = self._source(path, head)
        rejected: list[BadRow] = []
        if self.counts_bad:
            connection.execute(f"SELECT count(*) FROM {source}", values).fetchall()  # noqa: S608 - contains no name of the file's
            rejected = _rejected(connection, head, file)
        numbers = _Numbers([bad.number for bad in rejected])
        query = build_query(source, head.names, self.wanted, self.dialect.notation, head.delimiter)
        rows = connection.execute(query, values)
        for batch in rows.to_arrow_reader(_PAGE_ROWS):
            yield as_page(pa.Table.from_batches([batch]), head.names, file, numbers.take(len(batch)))
        # The count above reads no values, so values of a wrong type are found here.
        found = _rejected(connection, head, file)
        yield Page(None, rejected or found)

    def _source(self, path: Path, head: CsvHead) -> tuple[str, list[Any]]:
        """Returns the call of `read_csv`, with every option set, and the values of its placeholders."""
        dialect = self.dialect
        options: dict[str, Any] = {
            "auto_detect": False,
            "columns": {f"c{index}": "VARCHAR" for index in range(len(head.names))},
            "delim": head.delimiter,
            "quote": dialect.quote,
            "escape": dialect.escape if dialect.quote else "",
            "header": False,
            "skip": head.lines,
            "strict_mode": True,
            "nullstr": ["", *dialect.null_values],
            "allow_quoted_nulls": False,
            "compression": "none",
            "max_line_size": _BUFFER_BYTES,
            "buffer_size": _BUFFER_BYTES,
            "store_rejects": True,
        }
        if head.line_end:
            options["new_line"] = head.line_end
        placeholders = ", ".join(f"{key} = ?" for key in options)
        return f"read_csv(?, {placeholders})", [escape_wildcards(path), *options.values()]


class _Numbers:
    """Numbers the good rows; the numbers of bad rows are skipped."""

    def __init__(self, taken: Sequence[int]) -> None:
        self._taken = np.unique(np.array(taken, dtype=np.int64))
        self._next = 1

    def take(self, count: int) -> Any:
        """Returns the numbers of the next `count` good rows."""
        first, extra = self._next, 0
        while True:
            last = first + count + extra
            inside = self._taken[np.searchsorted(self._taken, first) : np.searchsorted(self._taken, last)]
            if len(inside) == extra:
                break
            extra = len(inside)
        self._next = last
        return np.setdiff1d(np.arange(first, last), inside, assume_unique=True)


def _is_blank_from(path: Path, start: int) -> bool:
    """Returns whether a file has nothing but line ends from a position on."""
    with path.open("rb") as file:
        file.seek(start)
        return not any(chunk.strip(b"\r\n") for chunk in iter(lambda: file.read(_CHUNK), b""))


def _rejected(connection: duckdb.DuckDBPyConnection, head: CsvHead, file: str) -> list[BadRow]:
    """Returns the rows that DuckDB's last scan rejected, sorted by number.

    Raises:
        LoadError: A row is not UTF-8, so every text of the file may be wrong.
    """
    rows = connection.execute(
        "SELECT line, any_value(csv_line), any_value(error_type::VARCHAR), any_value(error_message) FROM reject_errors "
        "WHERE scan_id = (SELECT max(scan_id) FROM reject_errors) GROUP BY line ORDER BY line"
    ).fetchall()
    bad = []
    for line, text, kind, message in rows:
        number = line - head.lines
        if kind == "INVALID ENCODING":
            raise wrong_encoding(file, f"row {number} is not UTF-8")
        bad.append(BadRow(number, (text or "").strip("\r\n"), message))
    return bad


def _unreadable(file: str, error: duckdb.Error) -> LoadError:
    message = str(error).partition("\n")[0]
    return LoadError(f"{file}: {_NOT_READ if 'invalid state' in message else message}")
