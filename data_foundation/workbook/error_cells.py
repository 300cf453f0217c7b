"""Finds the cells of a sheet whose value is an error, for instance #DIV/0!; python-calamine reads them as empty."""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree.ElementTree import fromstring, iterparse

from data_foundation.workbook.old_workbook import find_errors_in_old_workbook
from data_foundation.workbook.xlsx_file import is_old_format, windows_of

Cell = tuple[int, int]
"""A cell's row and column, from 0."""

_ERROR = re.compile(rb"""<(?:\w+:)?c\s(?=[^>]*?\bt=["']e["'])[^>]*?\br=["']([A-Z]+)(\d+)["']""")
_RELATIONS = "xl/_rels/workbook.{}.rels"
_CALCEXT = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}value-type"
_DOCUMENT_ERROR = b'value-type="error"'
_ROW, _BLANK_ERROR, _FORMULA_ERROR, _SHEET = 0, 3, 11, 156
"""Records of .xlsb: the header of a row, a cell with an error, a formula with an error, a sheet of the workbook."""


def find_error_cells(file: Path, sheet: str) -> set[Cell]:
    """Returns the cells with an error.

    Args:
        file: A workbook that `check_data_file` has checked: .xlsx, .xlsm, .xlsb, .xls or .ods.
        sheet: Name of the sheet.
    """
    if is_old_format(file):
        return set(find_errors_in_old_workbook(file, sheet))
    with zipfile.ZipFile(file) as archive:
        names = set(archive.namelist())
        if "xl/workbook.xml" in names:
            part = _parts_of_xml(archive).get(sheet)
            return set(_errors_of_xml(archive, part)) if part in names else set()
        if "xl/workbook.bin" in names:
            part = _parts_of_records(archive).get(sheet)
            return set(_errors_of_records(archive.read(part))) if part in names else set()
        return set(_errors_of_document(archive, sheet)) if "content.xml" in names else set()


def is_open_document(file: Path) -> bool:
    """Returns whether a workbook that `check_data_file` has checked has the format .ods."""
    if is_old_format(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return "content.xml" in archive.namelist()


def _errors_of_document(archive: zipfile.ZipFile, sheet: str) -> Iterator[Cell]:
    """Yields the errors of .ods, in which one element may stand for several cells or rows."""
    if not any(_DOCUMENT_ERROR in window for window in windows_of(archive, "content.xml")):
        return
    table, row, column = "", 0, 0
    with archive.open("content.xml") as content:
        for event, element in iterparse(content, ("start", "end")):  # noqa: S314 - document types are refused
            tag, attributes = element.tag.rpartition("}")[2], element.attrib
            names = {key.rpartition("}")[2]: value for key, value in attributes.items()}
            is_start = event == "start"
            if tag == "table" and is_start:
                table, row = names.get("name", ""), 0
            elif tag == "table-row":
                column = 0
                row += 0 if is_start else int(names.get("number-rows-repeated", 1))
            elif tag in {"table-cell", "covered-table-cell"} and is_start:
                if table == sheet and any(key == _CALCEXT and value == "error" for key, value in attributes.items()):
                    yield row, column
                column += int(names.get("number-columns-repeated", 1))
            if not is_start:
                element.clear()


def _errors_of_xml(archive: zipfile.ZipFile, part: str) -> Iterator[Cell]:
    for window in windows_of(archive, part):
        if b'"e"' in window or b"'e'" in window:
            for letters, number in _ERROR.findall(window):
                column = 0
                for letter in letters:
                    column = column * 26 + letter - ord("A") + 1
                yield int(number) - 1, column - 1


def _parts_of_xml(archive: zipfile.ZipFile) -> Mapping[str, str]:
    """Returns the part of the archive that holds each sheet."""
    parts = _targets(archive, "xml")
    found = {}
    for element in fromstring(archive.read("xl/workbook.xml")).iter():  # noqa: S314 - document types are refused
        if element.tag.endswith("}sheet"):
            identifier = next((value for key, value in element.attrib.items() if key.endswith("}id")), "")
            found[element.attrib.get("name", "")] = parts.get(identifier, "")
    return found


def _targets(archive: zipfile.ZipFile, kind: str) -> Mapping[str, str]:
    relations = fromstring(archive.read(_RELATIONS.format(kind)))  # noqa: S314 - document types are refused
    targets = {one.attrib["Id"]: one.attrib["Target"] for one in relations if "Id" in one.attrib}
    return {key: target.lstrip("/") if target.startswith("/") else f"xl/{target}" for key, target in targets.items()}


def _parts_of_records(archive: zipfile.ZipFile) -> Mapping[str, str]:
    parts, found = _targets(archive, "bin"), {}
    for kind, body in _records(archive.read("xl/workbook.bin")):
        if kind == _SHEET:
            identifier, end = _text(body, 8)
            name, _ = _text(body, end)
            found[name] = parts.get(identifier, "")
    return found


def _text(body: bytes, start: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", body, start)
    end = start + 4 + 2 * length
    return body[start + 4 : end].decode("utf-16-le"), end


def _errors_of_records(content: bytes) -> Iterator[Cell]:
    row = 0
    for kind, body in _records(content):
        if kind == _ROW:
            (row,) = struct.unpack_from("<I", body)
        elif kind in {_BLANK_ERROR, _FORMULA_ERROR}:
            yield row, struct.unpack_from("<I", body)[0]


def _records(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields the records of a part of .xlsb: their kind, of one or two bytes, and their body."""
    at = 0
    while at < len(content):
        kind = content[at]
        at += 1
        if kind & 0x80:
            kind = (kind & 0x7F) | (content[at] << 7)
            at += 1
        size = shift = 0
        while True:
            part = content[at]
            at += 1
            size |= (part & 0x7F) << shift
            shift += 7
            if not part & 0x80:
                break
        yield kind, content[at : at + size]
        at += size
