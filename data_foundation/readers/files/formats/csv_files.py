"""CSV, read by DuckDB: every column is text unless `columns` says what it is, so no file changes a column's type."""

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
from data_foundation.readers.files.path_pattern import literal
from data_foundation.warehouses.duckdb.utc_session import connect_to_memory

_DELIMITERS = (",", ";", "\t", "|")
_QUOTED = re.compile(r'"[^"]*"')
_PAGE = 100_000
_MIXED = "some of its lines end in a line feed and some in a carriage return before it; make them alike"


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written.

    Attributes:
        delimiter: Between values; None for the one that the first row has most of.
        quote: Around values that hold delimiters; "" where there is none.
        escape: Before a quote inside of quotes.
        header: The first row names the columns; or their names, where it does not.
        skip: Lines before.
        null_values: Texts that stand for no value, beside an empty one.
        notation: Of numbers and times.
    """

    delimiter: str | None = None
    quote: str = '"'
    escape: str = '"'
    header: bool | Sequence[str] = True
    skip: int = 0
    null_values: Sequence[str] = ()
    notation: Notation = field(default_factory=Notation)

    def __post_init__(self) -> None:
        """Refuses what DuckDB would not understand.

        Raises:
            EntryError: Naming the key.
        """
        for key, least in (("delimiter", 1), ("quote", 0), ("escape", 0)):
            value = getattr(self, key)
            if value is not None and not (isinstance(value, str) and least <= len(value) <= 1):
                raise EntryError(f"{key}: got {value!r}; accepted is one character")
        if not isinstance(self.skip, int) or self.skip < 0:
            raise EntryError(f"skip: got {self.skip!r}; accepted is a number of lines")


@dataclass(frozen=True)
class CsvReader:
    """Reads CSV files of one dialect.

    Attributes:
        dialect: Of all.
        wanted: What `columns` of `sources.yaml` says, by name.
        counts_bad: Bad rows are set aside, so their numbers have to be known before the good ones are handed over.
    """

    dialect: Dialect
    wanted: Mapping[str, Mapping[str, Any]]
    counts_bad: bool

    def read(self, path: Path, file: str) -> Iterator[Page]:
        """Yields the rows of a file.

        Args:
            path: Where it is, as UTF-8.
            file: As it is called.

        Raises:
            LoadError: It is no CSV.
        """
        try:
            head = _Head.of(path, self.dialect)
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
            connection.execute(f"SELECT count(*) FROM {source}", values).fetchall()  # noqa: S608 - no name in it is the file's
            rejected = _rejected(connection, head, file)
        numbers = _Numbers([bad.number for bad in rejected])
        query = build_query(source, head.names, self.wanted, self.dialect.notation, head.delimiter)
        rows = connection.execute(query, values)
        for batch in rows.to_arrow_reader(_PAGE):
            yield as_page(pa.Table.from_batches([batch]), head.names, file, numbers.take(len(batch)))
        # Those of values are found here alone: they are not counted.
        found = _rejected(connection, head, file)
        yield Page(None, rejected or found)

    def _source(self, path: Path, head: _Head) -> tuple[str, list[Any]]:
        """Returns `read_csv` with nothing left to guess, and the values of its placeholders."""
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
        told = ", ".join(f"{key} = ?" for key in options)
        return f"read_csv(?, {told})", [literal(path), *options.values()]


@dataclass(frozen=True)
class _Head:
    """What stands before the rows.

    Attributes:
        names: Of the columns.
        delimiter: Of the values.
        records: How many to leave out.
    """

    names: Sequence[str]
    delimiter: str
    records: int

    @classmethod
    def of(cls, path: Path, dialect: Dialect) -> _Head | None:
        """Returns what a file begins with, None where there is nothing in it."""
        with path.open(encoding="utf-8", newline="") as text:
            lines = [text.readline() for _ in range(dialect.skip)]
            start = text.tell()
            while (line := text.readline()) and not line.strip("\r\n"):
                lines.append(line)
                start = text.tell()
            # DuckDB, which leaves them out, would take all that follows for one line.
            if len({before[len(before.rstrip("\r\n")) :] for before in [*lines, line] if before}) > 1:
                raise csv.Error(_MIXED)
            skipped = len(lines)
            delimiter = dialect.delimiter or _guess(line)
            text.seek(start)
            first = next(csv.reader(text, delimiter=delimiter, **_quoting(dialect.quote)), None)
        if not first:
            return None
        if dialect.header is True:
            return cls(name_columns(len(first), first), delimiter, skipped + 1)
        return cls(name_columns(len(first), dialect.header or ()), delimiter, skipped)


class _Numbers:
    """Numbers of good rows: those that bad ones have are left out."""

    def __init__(self, taken: Sequence[int]) -> None:
        self._taken = np.unique(np.array(taken, dtype=np.int64))
        self._next = 1

    def take(self, count: int) -> Any:
        """Returns the next numbers."""
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


def _guess(line: str) -> str:
    """Returns the delimiter that a line has most of."""
    plain = _QUOTED.sub("", line)
    return max(_DELIMITERS, key=plain.count)


def _rejected(connection: duckdb.DuckDBPyConnection, head: _Head, file: str) -> list[BadRow]:
    """Returns the rows that DuckDB's last scan rejected, by number.

    Raises:
        LoadError: One of them is not UTF-8, so no row is to be trusted.
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
        return wrong_encoding(file, "what it begins with is not UTF-8")
    told = str(error).partition("\n")[0]
    return LoadError(f"{file}: {_MIXED if 'invalid state' in told else told}")
