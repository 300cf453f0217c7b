"""Finds where the rows of a CSV file begin: behind skipped lines, blank lines, `sep=;` and the headings.

This parser alone decides, to the byte. DuckDB reads the rows behind that place.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_foundation.errors import LoadError
from data_foundation.readers.files.formats.column_names import name_columns
from data_foundation.readers.files.formats.delimited.dialect import Dialect

_LINE = re.compile(rb"[^\r\n]*+(\r\n|\r|\n|\Z)")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_SAMPLE_BYTES = 1 << 14
"""Bytes that decide about the delimiter."""
_SHOWN = 60
"""Characters of a line that a message shows."""


@dataclass(frozen=True)
class CsvHead:
    """The start of a file, before its rows.

    Attributes:
        names: Names of the columns.
        delimiter: Character between values.
        start: Position of the first row in the file, in bytes.
        lines: Number of lines before the first row.
        line_end: How DuckDB writes the end of all lines, None if it finds that itself.
        is_plain: True if these are lines for every parser: no quote in a skipped line, no line break inside of quotes.
    """

    names: Sequence[str]
    delimiter: str
    start: int
    lines: int
    is_plain: bool
    line_end: str | None = None


def read_head(path: Path, dialect: Dialect, file: str) -> CsvHead | None:
    """Returns the start of a file. Returns None if no line of it has a character.

    Args:
        path: Path of the file, which is UTF-8.
        dialect: How the file is written.
        file: Name of the file in messages.

    Raises:
        UnicodeDecodeError: The start of the file is not UTF-8.
        LoadError: A quote of the headings is not closed, or the numbers of names and columns differ.
    """
    if not path.stat().st_size:
        return None
    with path.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return _Scan(content, dialect, file).find_head()


class _Scan:
    """A place in a file, which moves from its beginning to the first row."""

    def __init__(self, content: mmap.mmap, dialect: Dialect, file: str) -> None:
        self._content, self._dialect, self._file = content, dialect, file
        self._at = 0
        self._lines = 0
        self._is_plain = True

    def find_head(self) -> CsvHead | None:
        """Returns the start of the file; see `read_head`."""
        for _ in range(self._dialect.skip):
            self._skip_line()
        named = self._skip_separator_line()
        if self._at >= len(self._content):
            return None
        delimiter = self._dialect.delimiter or named or self._guess_delimiter()
        at, lines, is_plain = self._at, self._lines, self._is_plain
        first = self._read_record(delimiter)
        header = self._dialect.header
        if header is True:
            at, lines, is_plain = self._at, self._lines, self._is_plain
        names = name_columns(len(first), first if header is True else header or (), self._file)
        return CsvHead(names, delimiter, at, lines, is_plain)

    def _skip_line(self) -> str:
        """Returns the next line, without its end."""
        found = _LINE.match(self._content, self._at)
        text = found[0].rstrip(b"\r\n").decode() if found else ""
        self._at = found.end() if found else len(self._content)
        self._lines += 1
        self._is_plain = self._is_plain and not (self._dialect.quote and self._dialect.quote in text)
        return text

    def _skip_separator_line(self) -> str | None:
        """Skips blank lines, and a line like `sep=;`, by which Excel names the delimiter; returns that, or None."""
        named = None
        while self._at < len(self._content):
            before = self._at, self._lines, self._is_plain
            line = self._skip_line()
            if found := _SEPARATOR_LINE.fullmatch(line):
                named = found[1]
            elif line:
                self._at, self._lines, self._is_plain = before
                break
        return named

    def _guess_delimiter(self) -> str:
        """Returns the delimiter that the first lines have.

        Raises:
            LoadError: The first line is a title: as a heading it would make one column of whole lines.
        """
        sample = self._content[self._at : self._at + _SAMPLE_BYTES].decode(errors="replace")
        if self._dialect.header is True and self._dialect.has_title(sample):
            raise LoadError(
                f"{self._file}: the first line has no delimiter, and the lines below have several values each: "
                f"{self._shown(self._at)}; set `skip` to the number of lines before the headings, or `delimiter` if "
                "each line is one value"
            )
        return self._dialect.guess_delimiter(sample)

    def _read_record(self, delimiter: str) -> list[str]:
        """Returns the values of the next record.

        Raises:
            LoadError: A quote is not closed, or has text behind it.
        """
        start, at, quote = self._at, self._at, self._dialect.quote
        ends = f"(?P<end>{re.escape(delimiter)}|\r\n|\r|\n|\\Z)"
        quoted = re.compile(f"{self._dialect.quoted_text}{ends}".encode())
        plain = re.compile(f"(?P<text>(?:(?!{re.escape(delimiter)})[^\r\n])*+){ends}".encode())
        values, stray = [], 0
        while True:
            is_quoted = bool(quote) and self._content[at : at + len(quote.encode())] == quote.encode()
            found = (quoted if is_quoted else plain).match(self._content, at)
            if found is None:
                raise self._refuse(start)
            text = found["text"].decode()
            values.append(self._dialect.unescape(text) if is_quoted else text)
            stray += 0 if is_quoted or not quote else text.count(quote)
            at = found.end()
            if found["end"] != delimiter.encode():
                break
        if stray % 2:
            raise self._refuse(start)
        self._at = at
        self._lines += 1
        self._is_plain = self._is_plain and not any(re.search(r"[\r\n]", value) for value in values)
        return values

    def _shown(self, start: int) -> str:
        """Returns the text of a line, for a message."""
        line = _LINE.match(self._content, start)
        text = line[0].decode(errors="replace").strip() if line else ""
        return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")

    def _refuse(self, start: int) -> LoadError:
        return LoadError(
            f"{self._file}: the first row has a quote that is not closed, or text behind a closed one: "
            f"{self._shown(start)}; "
            'correct the file, or set `quote: ""` if its values are never quoted, or `skip` if the row is no heading; '
            "`skip` counts lines, even inside of quotes"
        )
