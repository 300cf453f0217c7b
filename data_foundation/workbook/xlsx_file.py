"""An .xlsx file as what it is, a zip of XML: opened only where it is one, small enough, and open to everybody."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FILE = 20_000_000
MAX_UNPACKED = 100_000_000
"""Bytes of the file, and of all that is in it: beyond any list of tables, below what a bomb needs."""

_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_MERGED = re.compile(rb"""<(?:\w+:)?mergeCell\s[^>]*?ref=["']([A-Z0-9:]+)["']""")


class Unreadable(Exception):
    """Why a file cannot be read as a workbook."""


@contextmanager
def open_workbook(file: Path) -> Iterator[tuple[Any, Mapping[str, bytes]]]:
    """Yields the workbook of openpyxl's, read row by row, and the XML of its sheets by their place in the file.

    Raises:
        Unreadable: It is no workbook, is encrypted, or takes more memory than `MAX_UNPACKED`.
    """
    try:
        import openpyxl  # noqa: PLC0415 - an extra, which most folders do not need
    except ModuleNotFoundError:
        raise Unreadable("needs openpyxl, which is not installed: install the extra `workbook`") from None
    content = _read(file)
    sheets = _unpack(content)
    with catch_warnings():
        simplefilter("ignore")  # of parts that only Excel understands
        try:
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
        except Exception as error:  # noqa: BLE001 - a broken file makes openpyxl raise nearly anything
            raise Unreadable(f"is no workbook that can be read: {type(error).__name__}: {error}") from None
        try:
            yield book, sheets
        finally:
            book.close()


def merged_cells(xml: bytes) -> list[str]:
    """Returns the ranges of a sheet whose cells are merged, for instance A3:A5."""
    return [found.decode() for found in _MERGED.findall(xml)]


def _read(file: Path) -> bytes:
    try:
        size = file.stat().st_size
        content = file.read_bytes() if size <= MAX_FILE else b""
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from None
    if size > MAX_FILE:
        raise Unreadable(f"has {size:,} bytes; accepted are at most {MAX_FILE:,}")
    if content.startswith(_OLE):
        if _ENCRYPTED in content:
            raise Unreadable("is encrypted; save it without a password (secrets do not belong into it anyway)")
        raise Unreadable("is of the old kind .xls; save it as an Excel workbook (.xlsx)")
    return content


def _unpack(content: bytes) -> dict[str, bytes]:
    """Returns the XML of every sheet; looks at all other parts too.

    The size that the zip tells of a part is the most that is ever read of it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            size = sum(part.file_size for part in parts.infolist())
            if size > MAX_UNPACKED:
                raise Unreadable(f"unpacks to {size:,} bytes; accepted are at most {MAX_UNPACKED:,}")
            texts = {part.filename: parts.read(part) for part in parts.infolist() if part.filename.endswith(".xml")}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise Unreadable(f"is no Excel workbook (.xlsx), or is cut short: {error}") from None
    if any(b"<!DOCTYPE" in text or b"<!ENTITY" in text for text in texts.values()):
        raise Unreadable("holds an XML document type, which no program that writes workbooks makes; save it anew")
    return {name: text for name, text in texts.items() if "worksheets/" in name}
