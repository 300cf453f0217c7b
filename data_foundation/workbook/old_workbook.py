"""Finds the cells with an error in a workbook of the format .xls: records in a stream of a compound file."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_FREE = 0xFFFFFFFC
"""Numbers of sectors from here on end a chain."""
_STREAMS = ("Workbook", "Book")
_SHEET, _START, _END, _ERROR, _FORMULA = 0x85, 0x0809, 0x0A, 0x0205, 0x06
_IS_ERROR = 1
_RESULT_IS_ERROR = 2


def find_errors_in_old_workbook(file: Path, sheet: str) -> Iterator[tuple[int, int]]:
    """Yields row and column, from 0, of each cell with an error.

    Args:
        file: The workbook.
        sheet: Name of the sheet.

    Raises:
        ValueError: The file is damaged.
    """
    stream = _read_stream(file.read_bytes())
    start = _starts(stream).get(sheet)
    depth = 0
    for kind, body in _records(stream, start) if start is not None else ():
        depth += (kind == _START) - (kind == _END)
        if not depth:
            return
        is_error = kind == _ERROR and body[7] == _IS_ERROR
        # The result of a formula is a number of eight bytes, or says by the last two that it is none.
        is_result = kind == _FORMULA and body[12:14] == b"\xff\xff" and body[6] == _RESULT_IS_ERROR
        if is_error or is_result:
            row, column = struct.unpack_from("<HH", body)
            yield row, column


def _starts(stream: bytes) -> Mapping[str, int]:
    """Returns the position of each sheet in the stream."""
    found = {}
    for kind, body in _records(stream, 0):
        if kind == _END:
            break
        if kind == _SHEET:
            start, _, count, is_wide = struct.unpack_from("<IHBB", body)
            name = body[8 : 8 + 2 * count].decode("utf-16-le") if is_wide & 1 else body[8 : 8 + count].decode("latin-1")
            found[name] = start
    return found


def _records(stream: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        yield kind, stream[at + 4 : at + 4 + size]
        at += 4 + size


def _read_stream(content: bytes) -> bytes:
    """Returns the stream of the workbook.

    Raises:
        ValueError: The file has none.
    """
    try:
        size, small_size = (1 << shift for shift in struct.unpack_from("<HH", content, 30))
        sectors = _Sectors(content[size:], size, _sector_table(content, size))
        first, _, most_small, first_of_table = struct.unpack_from("<IIII", content, 48)
        directory = sectors.chain(first)
        for at in range(0, len(directory), 128):
            (length,) = struct.unpack_from("<H", directory, at + 64)
            if directory[at : at + max(length - 2, 0)].decode("utf-16-le", "replace") in _STREAMS:
                start, count = struct.unpack_from("<II", directory, at + 116)
                if count < most_small:
                    # The first entry of the directory has all small sectors, as one stream.
                    (root,) = struct.unpack_from("<I", directory, 116)
                    sectors = _Sectors(sectors.chain(root), small_size, _numbers(sectors.chain(first_of_table)))
                return sectors.chain(start)[:count]
    except (struct.error, IndexError) as error:
        raise ValueError(f"the compound file is damaged: {error}") from None
    raise ValueError("the compound file has no workbook")


@dataclass(frozen=True)
class _Sectors:
    """The sectors of one size of a compound file.

    Attributes:
        content: All of them, one behind the other.
        size: Their size in bytes.
        table: For each, the number of the sector that follows it.
    """

    content: bytes
    size: int
    table: Sequence[int]

    def chain(self, start: int) -> bytes:
        """Returns the content of the sectors that begin with `start`."""
        parts: list[bytes] = []
        while start < _FREE and len(parts) <= len(self.table):
            parts.append(self.content[start * self.size : (start + 1) * self.size])
            start = self.table[start]
        return b"".join(parts)


def _sector_table(content: bytes, sector: int) -> list[int]:
    """Returns the number of the sector that follows each sector."""
    numbers = [*struct.unpack_from("<109I", content, 76)]
    (further,) = struct.unpack_from("<I", content, 68)
    per_sector = sector // 4
    while further < _FREE:
        *more, further = struct.unpack_from(f"<{per_sector}I", content, (further + 1) * sector)
        numbers += more
    table: list[int] = []
    for number in numbers:
        if number < _FREE:
            table += struct.unpack_from(f"<{per_sector}I", content, (number + 1) * sector)
    return table


def _numbers(content: bytes) -> Sequence[int]:
    return struct.unpack(f"<{len(content) // 4}I", content)
