"""Reads files a second time, by programs that share no parser with `data_foundation.readers.files`."""

from __future__ import annotations

import bz2
import csv
import datetime as dt
import gzip
import io
import json
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


def read_again(file: Path, width: int) -> Rows:
    """Returns the rows of a file, without its headings.

    Args:
        file: The file.
        width: Number of columns that were found, which decides between possible delimiters of a CSV.
    """
    return _READERS[file.name.removesuffix(".gz").removesuffix(".bz2").rpartition(".")[2].lower()](file, width)


def _content(file: Path) -> bytes:
    content = file.read_bytes()
    if file.suffix == ".gz":
        return gzip.decompress(content)
    if file.suffix == ".zip":
        with zipfile.ZipFile(file) as archive:
            return archive.read(archive.namelist()[0])
    return bz2.decompress(content) if file.suffix == ".bz2" else content


def _read_csv(file: Path, width: int) -> Rows:
    text = _content(file).decode("utf-8-sig")
    tables = [list(filter(None, csv.reader(io.StringIO(text, newline=""), delimiter=one))) for one in ",;\t|"]
    table = next(table for table in tables if len(table[0]) == width)
    rows = {number: row for number, row in enumerate(table[1:], 1) if len(row) == width}
    return {number: tuple(cell or None for cell in row) for number, row in rows.items()}


def _read_json(file: Path, _width: int) -> Rows:
    text = _content(file).decode("utf-8-sig")
    found = json.loads(text)
    return {number: (row,) for number, row in enumerate(found if isinstance(found, list) else [found], 1)}


def _read_lines(file: Path, _width: int) -> Rows:
    lines = _content(file).decode("utf-8-sig").splitlines()
    return {number: (json.loads(line),) for number, line in enumerate(lines, 1) if line.strip()}


def _read_parquet(file: Path, _width: int) -> Rows:
    return dict(enumerate(pl.read_parquet(file).iter_rows(), 1))


def _read_xlsx(file: Path, width: int) -> Rows:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(file, data_only=True)
    return _sheet([list(row) for row in book.worksheets[0].iter_rows(min_row=1, min_col=1, values_only=True)], width)


def _read_xls(file: Path, width: int) -> Rows:
    book = xlrd.open_workbook(file)
    sheet = book.sheet_by_index(0)
    rows = [[_old_cell(cell, book.datemode) for cell in sheet.row(number)] for number in range(sheet.nrows)]
    return _sheet(rows, width)


def _old_cell(cell: Any, mode: int) -> Any:
    kinds: Mapping[int, Callable[[Any], Any]] = {
        xlrd.XL_CELL_DATE: lambda value: xlrd.xldate_as_datetime(value, mode), xlrd.XL_CELL_BOOLEAN: bool,
        xlrd.XL_CELL_EMPTY: lambda _: None, xlrd.XL_CELL_BLANK: lambda _: None,
    }  # fmt: skip
    return kinds.get(cell.ctype, lambda value: value)(cell.value)


def _sheet(rows: list[list[Any]], width: int) -> Rows:
    first = next(number for number, row in enumerate(rows) if any(cell not in {None, ""} for cell in row))
    below = {number: tuple(map(_plain, row[:width])) for number, row in enumerate(rows[first + 1 :], 1)}
    return {number: row for number, row in below.items() if any(cell is not None for cell in row)}


def _plain(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime.combine(value, dt.time())
    return None if value == "" else value


_READERS: Mapping[str, Callable[[Path, int], Rows]] = {
    "csv": _read_csv, "tsv": _read_csv, "zip": _read_csv, "json": _read_json, "jsonl": _read_lines,
    "ndjson": _read_lines, "parquet": _read_parquet, "xlsx": _read_xlsx, "xls": _read_xls,
}  # fmt: skip


def spell(value: Any) -> Any:
    """Returns a value so that equal ones of two readers are equal: NaN, and numbers of different types."""
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
