"""Opens .xlsx files, and checks workbooks of data: refuses encrypted files, zip bombs and XML entities."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from data_foundation.workbook.unpack_limits import MAX_RATIO, max_unpacked_bytes

if TYPE_CHECKING:
    from openpyxl import Workbook

_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_DOCUMENT_TYPE = re.compile(rb"<!(DOCTYPE|ENTITY)")
_MERGED = re.compile(rb"""<(?:\w+:)?mergeCell\s[^>]*?ref=["']([A-Z0-9:]+)["']""")
_STRICT = b"http://purl.oclc.org/ooxml/spreadsheetml/main"
_PARTS_OF_ODS = "META-INF/manifest.xml"
_CHUNK = 1 << 20
_OVERLAP = 1_000
"""Bytes read again with the next chunk, more than one match of the patterns above takes."""


class UnreadableXlsxError(Exception):
    """A file is not a readable .xlsx file; the message continues a sentence that begins with the file's name."""


class OpenpyxlMissingError(UnreadableXlsxError):
    """The optional dependency openpyxl is not installed."""


@contextmanager
def open_xlsx(file: Path, *, formulas: bool) -> Iterator[Workbook]:
    """Yields the workbook, which openpyxl reads row by row.

    Args:
        file: The .xlsx file.
        formulas: Read a formula as its text; otherwise as the value that Excel computed last.

    Raises:
        UnreadableXlsxError: The file is not a workbook, is encrypted, or unpacks to more than it may.
    """
    try:
        import openpyxl  # noqa: PLC0415 - an extra, which most folders do not need
    except ModuleNotFoundError:
        raise OpenpyxlMissingError(
            "needs openpyxl, which is not installed: install data-foundation[workbook] or data-foundation[files]"
        ) from None
    if is_old_format(file):
        raise UnreadableXlsxError("has the old format .xls; save it as an Excel workbook (.xlsx)")
    _check_parts(file)
    with file.open("rb") as content:
        try:
            book = openpyxl.load_workbook(content, read_only=True, data_only=not formulas, keep_links=False)
        except Exception as error:  # noqa: BLE001 - a broken file makes openpyxl raise nearly anything
            raise UnreadableXlsxError(f"is not a readable workbook: {type(error).__name__}: {error}") from None
        if not book.sheetnames or _is_strict(file):
            raise UnreadableXlsxError(
                "is a Strict Open XML workbook, or has no sheet; save it as an Excel workbook (.xlsx)"
            )
        yield book


def check_data_file(file: Path) -> None:
    """Checks a workbook of data, which may also have the format .xlsb, .ods or .xls, before it is read.

    Raises:
        UnreadableXlsxError: The file is not a workbook, is encrypted, or unpacks to more than it may.
    """
    if not is_old_format(file):
        _check_parts(file)


def find_merged_cells(file: Path, part: str) -> list[str]:
    """Returns the merged ranges of a sheet, for instance A3:A5; openpyxl does not read them row by row.

    Args:
        file: The .xlsx file, which `open_xlsx` has checked.
        part: The sheet's path inside the file.
    """
    with zipfile.ZipFile(file) as archive:
        windows = windows_of(archive, part)
        return list(dict.fromkeys(match.decode() for window in windows for match in _MERGED.findall(window)))


def _is_strict(file: Path) -> bool:
    """Returns whether a workbook is written in the strict form of Open XML, of which openpyxl reads no cell."""
    with zipfile.ZipFile(file) as archive:
        return "xl/workbook.xml" in archive.namelist() and _STRICT in archive.read("xl/workbook.xml")


def is_old_format(file: Path) -> bool:
    """Returns whether a file has the format .xls, not that of a zip archive.

    Raises:
        UnreadableXlsxError: The file is encrypted, or cannot be read.
    """
    try:
        with file.open("rb") as content:
            if content.read(len(_OLE)) != _OLE:
                return False
            window = b""
            while chunk := content.read(_CHUNK):
                if _ENCRYPTED in (window := window[-len(_ENCRYPTED) :] + chunk):
                    raise UnreadableXlsxError("is encrypted; save it without a password")
    except OSError as error:
        raise UnreadableXlsxError(f"cannot be read: {error.strerror}") from None
    return True


def _check_parts(file: Path) -> None:
    """Checks the unpacked size and searches every XML part for a document type, which could expand without end.

    zipfile never reads more of a part than the size that the archive declares for it.
    """
    limit = max_unpacked_bytes(file.stat().st_size)
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(part.file_size for part in archive.infolist())
            if size > limit:
                raise UnreadableXlsxError(
                    f"unpacks to {size:,} bytes; accepted are at most {limit:,}, which is {MAX_RATIO} times its size "
                    "or 64 MiB"
                )
            # LibreOffice's list of parts has a document type, and nothing reads it.
            names = [name for name in archive.namelist() if name.endswith((".xml", ".rels")) and name != _PARTS_OF_ODS]
            for name in names:
                if any(map(_DOCUMENT_TYPE.search, windows_of(archive, name))):
                    raise UnreadableXlsxError("contains an XML document type, which Excel never writes; save it again")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise UnreadableXlsxError(f"is not an Excel workbook (.xlsx), or is truncated: {error}") from None


def windows_of(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """Yields a part of an archive in chunks, each with the end of the one before it."""
    window = b""
    with archive.open(part) as content:
        while chunk := content.read(_CHUNK):
            window = window[-_OVERLAP:] + chunk
            yield window
