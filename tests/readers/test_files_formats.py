"""Tests of `data_foundation.readers.files` on JSON, Parquet and Excel files."""

import datetime as dt
import io
import json
import re
import zipfile
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dlt.extract.exceptions import ResourceExtractionError

from data_foundation.errors import FoundationError
from tests.support.file_sources import FileTree, files

__all__ = ["files"]

ROWS = [{"id": 12345678901234567, "who": {"name": "Müller"}, "lines": [{"n": 1}, {"n": 2}]}, {"id": 2}, {}]
DOCUMENTS = {
    "array": ("a.json", json.dumps(ROWS)),
    "pretty": ("a.json", json.dumps(ROWS, indent=2)),
    "one-after-another": ("a.json", "\n".join(json.dumps(row, indent=1) for row in ROWS)),
    "lines": ("a.jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)),
    "byte-order-mark": ("a.ndjson", "\ufeff" + "\r\n".join(json.dumps(row) for row in ROWS)),
}


@pytest.mark.parametrize(("name", "content"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_json_is_loaded_like_dicts(files: FileTree, name: str, content: str) -> None:
    """Objects become columns and lists child tables; each row has its file and its number."""
    files.put(name, content)
    files.read()
    assert files.load("bank.landed").rows == 3
    assert [(row["id"], row["who__name"], row["_row"]) for row in files.rows()] == [
        (12345678901234567, "Müller", 1), (2, None, 2), (None, None, 3)
    ]  # fmt: skip
    assert files.query("select n from raw.landed__lines order by n") == [1, 2]


def test_lines_that_are_not_objects_are_set_aside(files: FileTree) -> None:
    """A line that is not a JSON object is set aside with its number, text and reason."""
    files.put("a.jsonl", '{"id": 1}\n\n{"id": \n[1]\n{"id": 2}\n')
    files.read(on_bad_row="quarantine")
    files.load("bank.landed")
    assert [(row["id"], row["_row"]) for row in files.rows()] == [(1, 1), (2, 5)]
    assert [(row["_row"], row["text"], row["reason"]) for row in files.rows("landed__quarantine")] == [
        (3, '{"id":', "is not valid JSON: unexpected end of data"),
        (4, "[1]", "got JSON of type array; accepted: objects"),
    ]  # fmt: skip


US, NS = pa.timestamp("us"), pa.timestamp("ns")
FAR, NEAR, FINE = 253402218000000000, 1_700_000_000_123_456, 1_700_000_000_123_456_789
INT96: dict[str, tuple[Any, list[Any]]] = {
    "far": (pa.array([FAR, None, 0], US), [dt.datetime(9999, 12, 31, 1), None, dt.datetime(1970, 1, 1)]),  # noqa: DTZ001
    "first": (pa.array([-62135596800000000], US), [dt.datetime(1, 1, 1)]),  # noqa: DTZ001 - no zone
    "near": (pa.array([NEAR * 1000], NS), [dt.datetime(2023, 11, 14, 22, 13, 20, 123456)]),  # noqa: DTZ001
}


def put_int96(files: FileTree, column: Any) -> None:
    """Writes a file with a column in the old form of Spark, Hive and Impala."""
    content = io.BytesIO()
    pq.write_table(pa.table({"at": column}), content, use_deprecated_int96_timestamps=True)
    files.put("a.parquet", content.getvalue())


@pytest.mark.parametrize(("column", "values"), INT96.values(), ids=INT96)
def test_an_old_time_of_parquet_is_read_beyond_nanoseconds(files: FileTree, column: Any, values: list[Any]) -> None:
    """9999-12-31, which stands for no end, does not become a time of 1816, as Arrow reads it."""
    put_int96(files, column)
    assert [row["at"] for row in files.peek()] == values


INT96_REFUSED: dict[str, tuple[Any, str]] = {
    "in-an-object": (pa.array([{"a": FAR}], pa.struct([("a", US)])), "column at has a time, inside of an object"),
    "in-a-list": (pa.array([[FAR]], pa.list_(US)), "column at has a time, inside of an object"),
}


@pytest.mark.parametrize(("column", "message"), INT96_REFUSED.values(), ids=INT96_REFUSED)
def test_an_old_time_of_parquet_that_has_no_type_is_refused(files: FileTree, column: Any, message: str) -> None:
    """Nested times are read as nanoseconds alone, which hold those of 1677 to 2262."""
    put_int96(files, column)
    files.read()
    with pytest.raises(FoundationError, match=message):
        files.load("bank.landed")


def test_digits_of_nanoseconds_stay(files: FileTree) -> None:
    """Where all times of a column fit nanoseconds, they are read as such, nested or not."""
    put_int96(files, pa.array([FINE], NS))
    assert [row["at"].value for row in files.peek()] == [FINE]
    put_int96(files, pa.array([[FINE]], pa.list_(NS)))
    assert [[time.value for time in row["at"]] for row in files.peek()] == [[FINE]]


def test_parquet_is_loaded_with_its_types(files: FileTree) -> None:
    """Values and types are loaded unchanged."""
    moments = pa.array([dt.datetime(2024, 1, 31, tzinfo=dt.UTC)] * 2, pa.timestamp("us", "UTC"))
    table = pa.table({"id": [1, 2], "amount": pa.array([Decimal("1.50"), None], pa.decimal128(12, 2)), "at": moments})
    pq.write_table(table, files.put("a.parquet", b""))
    files.read()
    files.load("bank.landed")
    expected = [{**row, "_file": "inbox/a.parquet", "_row": number} for number, row in enumerate(table.to_pylist(), 1)]
    assert files.rows() == expected


def make_workbook(**sheets: Sequence[Sequence[Any]]) -> bytes:
    """Returns a workbook; each sheet is a list of rows of cells."""
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    content = io.BytesIO()
    workbook.save(content)
    return content.getvalue()


def test_a_sheet_is_loaded_with_the_types_of_its_cells(files: FileTree) -> None:
    """Cells are loaded with the types of `columns`; empty rows and columns are skipped."""
    day = dt.datetime(2024, 1, 31)  # noqa: DTZ001 - Excel knows no zones
    rows = [
        ("Number", "Name", "Amount", "Day", "Code", None),
        (1, "Müller", 0.1, day, 7, None),
        (),
        (2, None, 3, None, "8x"),
    ]
    files.put("a.xlsx", make_workbook(Orders=rows, Other=[("x",)]))
    files.read(
        "columns: {amount: {data_type: decimal}, day: {data_type: date}, code: {data_type: text}}", sheet="Orders"
    )
    files.load("bank.landed")
    assert [tuple(row.values()) for row in files.rows()] == [
        (Decimal("0.1"), dt.date(2024, 1, 31), "7", 1, "Müller", "inbox/a.xlsx", 1),
        (Decimal(3), None, "8x", 2, None, "inbox/a.xlsx", 3),
    ]


def test_rows_with_errors_in_their_cells_are_set_aside(files: FileTree) -> None:
    """Rows with an error value, or with a cell beyond the last column, are set aside."""
    files.put("a.xlsx", make_workbook(Orders=[("id", "name"), (1, "#DIV/0!"), (2, "x"), (3, "y", "z")]))
    files.read(on_bad_row="quarantine")
    files.load("bank.landed")
    assert files.values("id") == [2]
    assert [(row["_row"], row["reason"]) for row in files.rows("landed__quarantine")] == [
        (1, "cell B2 contains an error"), (3, "cell C4 is beyond the 2 columns of the first row")
    ]  # fmt: skip


def make_bomb(sheet: bytes) -> bytes:
    """Returns a workbook whose sheet is harmful XML."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
    return content.getvalue()


def _parquet() -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.table({"id": list(range(1000))}), content)
    return content.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED = b"\0" * 512 + "EncryptedPackage".encode("utf-16-le")
REFUSED: dict[str, tuple[str, bytes, dict[str, Any], str]] = {
    "truncated-parquet": ("a.parquet", _parquet()[:-20], {}, "is not a complete Parquet file"),
    "half-a-parquet": ("a.parquet", _parquet()[:100], {}, "is not a complete Parquet file"),
    "no-parquet": ("a.parquet", b"id\n1\n", {}, "is not a complete Parquet file"),
    "empty-parquet": ("a.parquet", b"", {}, "is not a complete Parquet file"),
    "option-for-parquet": ("a.parquet", b"", {"sheet": "x"}, "sheet: not an option of parquet files; accepted: none"),
    "no-json": ("a.json", b'[{"a": 1}, {"a": ]', {}, "is not valid JSON"),
    "no-objects": ("a.json", b"[1, 2]", {}, "row 1: got JSON of type number; accepted: objects"),
    "no-line": ("a.jsonl", b'{"a": 1}\n{"a"\n', {}, "row 2: is not valid JSON"),
    "json-in-cp1252": ("a.jsonl", b'{"a": "M\xfcller"}\n', {}, "is not UTF-8; set the encoding of the file"),
    "our-own-key": ("a.jsonl", b'{"_row": 1}\n', {}, "row 1 has a key _file or _row, which are the columns .*; rename"),
    "old-workbook": ("a.xls", OLE + b"\0" * 512, {}, "is a damaged workbook"),
    "encrypted-workbook": ("a.xlsx", OLE + ENCRYPTED, {}, "is encrypted; save it without a password"),
    "truncated-workbook": ("a.xlsx", make_workbook(A=[("id",), (1,)])[:-99], {}, "or is truncated: File is not a zip"),
    "several-sheets": ("a.xlsx", make_workbook(A=[], B=[]), {}, "has several sheets; it has A, B; set `sheet` to one"),
    "no-such-sheet": ("a.xlsx", make_workbook(Orders=[]), {"sheet": "Order"}, "'Order'.*Did you mean 'Orders'"),
    "bomb": ("a.xlsx", make_bomb(b"0" * (65 * 2**20)), {}, "unpacks to 68,157,440 bytes; accepted are at most 67,108"),
    "document-type": ("a.xlsx", make_bomb(b"<!DOCTYPE a><a/>"), {}, "contains an XML document type, which Excel"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "kwargs", "message"), REFUSED.values(), ids=REFUSED)
def test_an_unreadable_file_is_refused_by_name(
    files: FileTree, name: str, content: bytes, kwargs: dict[str, Any], message: str
) -> None:
    """The error names the file and explains what to do."""
    files.put(name, content)
    with pytest.raises(ResourceExtractionError) as caught:
        files.peek(**kwargs)
    assert isinstance(caught.value.__cause__, FoundationError)
    assert re.search(message, str(caught.value.__cause__))
