"""Finds files whose lines end in different ways, and copies the rows of a CSV with line feeds at their ends."""

from __future__ import annotations

import mmap
import re
import shutil
from pathlib import Path

from data_foundation.readers.files.formats.delimited.dialect import Dialect

_CHUNK = 1 << 20


def is_uniform(path: Path) -> bool:
    """Returns whether all lines of a file end in the same way, those inside of quotes included."""
    with path.open("rb") as file:
        # Most files have no carriage return, and this is the cheapest way to know.
        if not any(b"\r" in chunk for chunk in iter(lambda: file.read(_CHUNK), b"")):
            return True
        file.seek(0)
        returns = feeds = both = 0
        before = b""
        while chunk := file.read(_CHUNK):
            returns += chunk.count(b"\r")
            feeds += chunk.count(b"\n")
            both += chunk.count(b"\r\n") + (before == b"\r" and chunk.startswith(b"\n"))
            before = chunk[-1:]
    return not feeds or returns == feeds == both


def line_end_pattern(delimiter: str, dialect: Dialect) -> re.Pattern[bytes]:
    """Returns the expression of the line ends with a carriage return, as the group `end`, and of values in quotes.

    A line break inside of quotes is part of a value.
    """
    before_quote = re.escape(f"{delimiter}\r\n".encode()[-3:])
    quoted = dialect.quoted_text.replace("?P<text>", "?:").encode()
    return re.compile(rb"(?:(?<![^" + before_quote + rb"])" + quoted + rb")|(?P<end>\r\n?)")


def copy_rows(path: Path, target: Path, start: int, pattern: re.Pattern[bytes] | None) -> None:
    """Copies the rows of a CSV.

    Args:
        path: The file.
        target: The copy.
        start: Position of the first row, in bytes.
        pattern: Finds the line ends that become line feeds, as the group `end`; None if they stay as they are.
    """
    with path.open("rb") as source, target.open("wb") as copy:
        if pattern is None:
            source.seek(start)
            shutil.copyfileobj(source, copy, _CHUNK)
            return
        with mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as content:
            at = start
            for found in pattern.finditer(content, start):
                if found["end"]:
                    copy.write(content[at : found.start()])
                    copy.write(b"\n")
                    at = found.end()
            copy.write(content[at:])
