"""Reads CSV files with DuckDB. A column is text unless `columns` has a type for it, so no file changes its type."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from data_foundation.errors import EntryError, LoadError
from data_foundation.readers.files.formats.column_names import name_columns
from data_foundation.readers.files.formats.decompress import wrong_encoding
from data_foundation.readers.files.formats.text_columns import Notation, build_query
from data_foundation.readers.files.formats.text_table import as_page
from data_foundation.readers.files.page import BadRow, Page
from data_foundation.readers.files.path_pattern import escape_wildcards
from data_foundation.warehouses.duckdb.utc_session import connect_to_memory

_DELIMITERS = (",", ";", "\t", "|")
_QUOTED = re.compile(r'"[^"]*"')
_PAGE_ROWS = 100_000
_MIXED_LINE_ENDS = "some lines end in LF and some in CRLF; convert the file to one of them"


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written.

    Attributes:
        delimiter: Character between values; None for the most frequent one in the first row.
        quote: Character around values that contain delimiters; "" if values are never quoted.
        escape: Character before a quote inside of a quoted value.
        header: True if the first row names the columns; otherwise their names, or False for `column_1`, `column_2`.
        skip: Number of lines before the first row.
        null_values: Texts that are read as NULL, in addition to an empty value.
        notation: How the file writes numbers and times.
    """

    delimiter: str | None = None
    quote: str = '"'
    escape: str = '"'
    header: bool | Sequence[str] = True
    skip: int = 0
    null_values: Sequence[str] = ()
    notation: Notation = field(default_factory=Notation)

    def __post_init__(self) -> None:
        """Checks the options that DuckDB would refuse.

        Raises:
            EntryError: Names the invalid option.
        """
        for key, shortest in (("delimiter", 1), ("quote", 0), ("escape", 0)):
            value = getattr(self, key)
            if value is not None and not (isinstance(value, str) and shortest <= len(value) <= 1):
                none = "" if shortest else ', or "" for none'
                raise EntryError(f"{key}: got {value!r}; accepted: one character{none}")
        if not isinstance(self.skip, int) or self.skip < 0:
            raise EntryError(f"skip: got {self.skip!r}; accepted: a number of lines, 0 or more")


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
            head = _Head.of(path, self.dialect, file)
        except (UnicodeDecodeError, csv.Error) as error:
            raise _unreadable(file, error) from None
        if head is None:
            return
        with connect_to_memory() as connection:
            try:
                yield from self._pages(connection, path, file, head)
            except duckdb.Error as error:
                raise _unreadable(file, error) from None

    def _pages(self, connection: duckdb.DuckDBPyConnection, path: Path, file: str, head: _Head) -> Iterator[Page]:
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

    def _source(self, path: Path, head: _Head) -> tuple[str, list[Any]]:
        """Returns the call of `read_csv`, with every option set, and the values of its placeholders."""
        dialect = self.dialect
        options: dict[str, Any] = {
            "auto_detect": False,
            "columns": {f"c{index}": "VARCHAR" for index in range(len(head.names))},
            "delim": head.delimiter,
            "quote": dialect.quote,
            "escape": dialect.escape if dialect.quote else "",
            "header": False,
            "skip": head.records,
            "strict_mode": True,
            "nullstr": ["", *dialect.null_values],
            "allow_quoted_nulls": False,
            "compression": "none",
            "store_rejects": True,
        }
        placeholders = ", ".join(f"{key} = ?" for key in options)
        return f"read_csv(?, {placeholders})", [escape_wildcards(path), *options.values()]


@dataclass(frozen=True)
class _Head:
    """The start of a file, before its rows.

    Attributes:
        names: Names of the columns.
        delimiter: Character between values.
        records: Number of records to skip.
    """

    names: Sequence[str]
    delimiter: str
    records: int

    @classmethod
    def of(cls, path: Path, dialect: Dialect, file: str) -> _Head | None:
        """Returns the start of a file. Returns None if the file is empty."""
        with path.open(encoding="utf-8", newline="") as text:
            lines = [text.readline() for _ in range(dialect.skip)]
            start = text.tell()
            while (line := text.readline()) and not line.strip("\r\n"):
                lines.append(line)
                start = text.tell()
            # If a skipped line ends in another way, DuckDB reads the rest of the file as one line.
            if len({before[len(before.rstrip("\r\n")) :] for before in [*lines, line] if before}) > 1:
                raise csv.Error(_MIXED_LINE_ENDS)
            skipped = len(lines)
            delimiter = dialect.delimiter or _guess_delimiter(line)
            text.seek(start)
            first = next(csv.reader(text, delimiter=delimiter, **_quoting(dialect.quote)), None)
        if not first:
            return None
        if dialect.header is True:
            return cls(name_columns(len(first), first, file), delimiter, skipped + 1)
        return cls(name_columns(len(first), dialect.header or (), file), delimiter, skipped)


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


def _quoting(quote: str) -> dict[str, Any]:
    return {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}


def _guess_delimiter(line: str) -> str:
    """Returns the most frequent delimiter of a line, outside of quotes."""
    unquoted = _QUOTED.sub("", line)
    return max(_DELIMITERS, key=unquoted.count)


def _rejected(connection: duckdb.DuckDBPyConnection, head: _Head, file: str) -> list[BadRow]:
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
        number = line - head.records
        if kind == "INVALID ENCODING":
            raise wrong_encoding(file, f"row {number} is not UTF-8")
        bad.append(BadRow(number, (text or "").strip("\r\n"), message))
    return bad


def _unreadable(file: str, error: Exception) -> LoadError:
    if isinstance(error, UnicodeDecodeError):
        return wrong_encoding(file, "the start of the file is not UTF-8")
    message = str(error).partition("\n")[0]
    return LoadError(f"{file}: {_MIXED_LINE_ENDS if 'invalid state' in message else message}")
