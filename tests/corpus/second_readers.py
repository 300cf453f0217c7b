"""Reads files a second time, by programs that share no parser with `data_foundation.readers.files`."""

from __future__ import annotations

import bz2
import csv
import datetime as dt
import gzip
import io
import json
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import xlrd

Rows = dict[int, tuple[Any, ...]]
"""The values of each row by its number, from 1; rows without a value are left out."""


def read_again(file: Path, width: int, sheet: str = "") -> Rows:
    """Returns the rows of a file, without its headings, and without rows of another width.

    Args:
        file: The file.
        width: Number of columns that were found, which decides between possible delimiters of a CSV.
        sheet: Name of the sheet of a workbook.
    """
    if sheet:
        return _sheet(_cells(file, sheet), width)
    return _READERS[file.name.removesuffix(".gz").removesuffix(".bz2").rpartition(".")[2].lower()](file, width)


def sheets_of(file: Path) -> list[str]:
    """Returns the names of a workbook's sheets; none for any other file."""
    if file.suffix == ".xls":
        return [sheet.name for sheet in xlrd.open_workbook(file).sheets()]
    return [sheet.title for sheet in _open(file).worksheets] if file.suffix == ".xlsx" else []


def _content(file: Path) -> bytes:
    content = file.read_bytes()
    if content[:2] == b"\x1f\x8b":
        return gzip.decompress(content)
    if file.suffix == ".zip":
        with zipfile.ZipFile(file) as archive:
            return archive.read(archive.namelist()[0])
    return bz2.decompress(content) if file.suffix == ".bz2" else content


def _text(file: Path) -> str:
    content = _content(file)
    return content.decode("utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig")


def _read_csv(file: Path, width: int) -> Rows:
    text, tables = _text(file), []
    for one in ",;\t|":
        # DuckDB leaves out blanks before a quote.
        lines = io.StringIO(re.sub(rf'(?<={re.escape(one)}) +"(?!")', '"', text), newline="")
        tables.append(list(filter(None, csv.reader(lines, delimiter=one))))
    table = next((table for table in tables if table and len(table[0]) == width), [])
    # DuckDB takes a delimiter behind the last value for the end of the row.
    rows = {number: row[:-1] if len(row) == width + 1 and not row[-1] else row for number, row in enumerate(table)}
    return {number: tuple(cell or None for cell in row) for number, row in rows.items() if number and len(row) == width}


def _read_json(file: Path, _width: int) -> Rows:
    text, found, at = _text(file).strip(), [], 0
    while at < len(text):
        value, at = json.JSONDecoder().raw_decode(text, at)
        found.append(value)
        at += len(text[at:]) - len(text[at:].lstrip())
    rows = found[0] if len(found) == 1 and isinstance(found[0], list) else found
    return {number: (row,) for number, row in enumerate(rows, 1)}


def _read_lines(file: Path, _width: int) -> Rows:
    lines = _text(file).splitlines()
    return {number: (json.loads(line),) for number, line in enumerate(lines, 1) if line.strip()}


def _read_parquet(file: Path, _width: int) -> Rows:
    return dict(enumerate(pl.read_parquet(file).iter_rows(), 1))


def _open(file: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return openpyxl.load_workbook(file, data_only=True, read_only=True)


def _cells(file: Path, sheet: str) -> list[list[Any]]:
    if file.suffix == ".xlsx":
        cells: Any = _open(file)[sheet]
        cells.reset_dimensions()
        return [list(row) for row in cells.iter_rows(values_only=True)]
    book = xlrd.open_workbook(file)
    found = book.sheet_by_name(sheet)
    return [[_old_cell(cell, book.datemode) for cell in found.row(number)] for number in range(found.nrows)]


def _old_cell(cell: Any, mode: int) -> Any:
    kinds: Mapping[int, Callable[[Any], Any]] = {
        xlrd.XL_CELL_DATE: lambda value: _old_time(xlrd.xldate_as_datetime(value, mode), value),
        xlrd.XL_CELL_BOOLEAN: bool,
        xlrd.XL_CELL_EMPTY: lambda _: None, xlrd.XL_CELL_BLANK: lambda _: None,
    }  # fmt: skip
    return kinds.get(cell.ctype, lambda value: value)(cell.value)


def _old_time(moment: dt.datetime, value: float) -> dt.datetime | dt.time:
    """Returns the time of a day if the number of the cell has no day."""
    return moment.time() if value < 1 else moment


def _sheet(rows: list[list[Any]], width: int) -> Rows:
    filled = [[cell not in {None, ""} for cell in row] for row in rows]
    first = next((number for number, row in enumerate(filled) if any(row)), 0)
    # Columns before the first with a value are none of the table.
    left = min((row.index(True) for row in filled if any(row)), default=0)
    padded = ((row[left:] + [None] * width)[:width] for row in rows[first + 1 :])
    below = {number: tuple(map(_plain, row)) for number, row in enumerate(padded, 1)}
    return {number: row for number, row in below.items() if any(cell is not None for cell in row)}


def _plain(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime.combine(value, dt.time())
    return None if value == "" else value


_READERS: Mapping[str, Callable[[Path, int], Rows]] = {
    "csv": _read_csv, "tsv": _read_csv, "zip": _read_csv, "json": _read_json, "jsonl": _read_lines,
    "ndjson": _read_lines, "parquet": _read_parquet,
}  # fmt: skip


def spell(value: Any) -> Any:
    """Returns a value so that equal ones of two readers are equal: NaN, empty texts, numbers of different types."""
    if value == "":
        return None
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - NaN alone differs from itself
        return "NaN"
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dt.datetime) and value.tzinfo:
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    return value


def differences(ours: Rows, others: Rows) -> Counter[str]:
    """Returns how many rows and cells differ, by what differs."""
    counts: Counter[str] = Counter()
    for number in ours.keys() | others.keys():
        one, other = ours.get(number), others.get(number)
        if one is None or other is None:
            counts["rows of one reader only"] += 1
        else:
            counts["cells"] += sum(spell(a) != spell(b) for a, b in zip(one, other, strict=False))
            counts["widths"] += len(one) != len(other)
    return +counts
