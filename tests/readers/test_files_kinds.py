"""Tests of the kinds of files that exist: compressed ones, workbooks of every format, headings of every kind."""

import bz2
import gzip
import io
import lzma
import re
import zipfile
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_foundation.errors import LoadError, ValueRefused
from tests.readers.test_files_formats import make_workbook
from tests.readers.test_files_pdf import make_pdf
from tests.support.file_sources import FileTree, files

__all__ = ["files"]

TEXT = b"id,name\n7,x\n"


def zipped(content: Mapping[str, bytes]) -> bytes:
    """Returns a zip archive of files."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, text in content.items():
            opened.writestr(name, text)
    return archive.getvalue()


def zstandard(content: bytes) -> bytes:
    """Returns compressed bytes."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue())


COMPRESSED: dict[str, tuple[str, bytes]] = {
    "gzip": ("a.csv.gz", gzip.compress(TEXT)),
    "several-gzips": ("a.csv.gz", gzip.compress(TEXT[:8]) + gzip.compress(TEXT[8:])),
    "bzip2": ("a.csv.bz2", bz2.compress(TEXT)),
    "xz": ("a.csv.xz", lzma.compress(TEXT)),
    "zstandard": ("a.csv.zst", zstandard(TEXT)),
    "several-zstandards": ("a.csv.zst", zstandard(TEXT[:8]) + zstandard(TEXT[8:])),
    "another-ending": ("a.csv", zstandard(TEXT)),
    "upper-case": ("A.CSV.GZ", gzip.compress(TEXT)),
    "zip": ("a.csv.zip", zipped({"whatever": TEXT})),
    "zip-with-a-file": ("a.zip", zipped({"folder/a.csv": TEXT, "__MACOSX/a.csv": b"", "folder/.DS_Store": b"x"})),
    "zip-of-json": ("a.zip", zipped({"a.json": b'[{"id": "7", "name": "x"}]'})),
    "zip-of-a-workbook": ("a.zip", zipped({"a.xlsx": make_workbook(A=[("id", "name"), ("7", "x")])})),
    "a-text-like-bzip2": ("a.csv", TEXT.replace(b"id", b"BZh")),
}


@pytest.mark.parametrize(("name", "content"), COMPRESSED.values(), ids=COMPRESSED)
def test_a_compressed_file_is_read(files: FileTree, name: str, content: bytes) -> None:
    """By its first bytes, whatever its name."""
    files.put(name, content)
    files.read()
    files.load("bank.landed")
    (row,) = files.rows()
    assert {row.get("id") or row["b_zh"], row["name"]} == {"7", "x"}
    assert (row["_file"], row["_row"]) == (f"inbox/{name}", 1)


DAMAGED: dict[str, tuple[str, bytes, str]] = {
    "bzip2": ("a.csv.bz2", bz2.compress(TEXT * 99)[:-9], "is a damaged bzip2 file"),
    "xz": ("a.csv.xz", lzma.compress(TEXT * 99)[:-9], "is a damaged xz file"),
    "zstandard": ("a.csv.zst", zstandard(TEXT * 99)[:-9], "is a damaged Zstandard file|has no complete"),
    "zip": ("a.csv.zip", zipped({"a.csv": TEXT})[:-30], "is a damaged zip archive"),
    "several": ("a.zip", zipped({"a.csv": TEXT, "b.csv": TEXT}), r"has 2 files \(a.csv, b.csv\); accepted: one file"),
    "none": ("a.zip", zipped({}), "has no file; accepted: one file"),
    "bomb": ("a.csv.zst", zstandard(b"0" * (65 * 2**20)), "unpacks to more than 200 times its size"),
}


@pytest.mark.parametrize(("name", "content", "message"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_compressed_file_is_refused(files: FileTree, name: str, content: bytes, message: str) -> None:
    """No half of a file is loaded."""
    files.put(name, content)
    files.read()
    with pytest.raises(LoadError, match=f"inbox/{name}:? ({message})"):
        files.load("bank.landed")


SHEETS: dict[str, tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]] = {
    "a-blank-first-row": ([(), ("id", "name"), (1, "x")], [(1.0, "x")]),
    "a-blank-column": ([(None, "id", "name"), (None, 1, "x")], [(1.0, "x")]),
    "blank-rows-between": ([("id", "name"), (), (1, "x"), (), (2, "y")], [(1.0, "x"), (2.0, "y")]),
    "whole-and-fractional-numbers": ([("id", "name"), (1, "x"), (1.5, "y")], [(1.0, "x"), (1.5, "y")]),
}


@pytest.mark.parametrize(("rows", "expected"), SHEETS.values(), ids=SHEETS)
def test_every_row_of_a_sheet_is_loaded(
    files: FileTree, rows: list[tuple[Any, ...]], expected: list[tuple[Any, ...]]
) -> None:
    """The headings are the first row with a value, and a column has one kind of number."""
    files.put("a.xlsx", make_workbook(A=rows))
    files.read()
    files.load("bank.landed")
    assert [(row["id"], row["name"]) for row in files.rows()] == expected
    assert set(files.query("select typeof(id) from raw.landed")) == {"DOUBLE"}


HEADINGS: dict[str, tuple[list[str | None], str]] = {
    "twice": (["id", "id"], "the headings 'id' and 'id' become one column, id; rename one"),
    "in-another-case": (["id", "ID"], "the headings 'id' and 'ID' become one column, id"),
    "the-file": (["_file", "id"], "the heading '_file' is that of the column with the place of a row"),
    "the-row": (["id", "_ROW"], "the heading '_ROW' is that of the column with the place of a row"),
}


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx", "a.pdf", "a.parquet"])
@pytest.mark.parametrize(("headings", "message"), HEADINGS.values(), ids=HEADINGS)
def test_headings_that_become_one_column_are_refused(
    files: FileTree, name: str, headings: list[str], message: str
) -> None:
    """Only one of the columns would be loaded."""
    makers: Mapping[str, Callable[[], bytes]] = {
        "a.csv": f"{','.join(headings)}\n1,2\n".encode,
        "a.xlsx": lambda: make_workbook(A=[headings, (1, 2)]),
        "a.pdf": lambda: make_pdf([[headings, ("1", "2")]]),
        "a.parquet": lambda: as_parquet(pa.Table.from_arrays([pa.array([1]), pa.array([2])], headings)),
    }
    files.put(name, makers[name]())
    files.read()
    with pytest.raises(LoadError, match=f"inbox/{name}: {message}"):
        files.load("bank.landed")


def as_parquet(table: pa.Table) -> bytes:
    """Returns a Parquet file."""
    content = io.BytesIO()
    pq.write_table(table, content)
    return content.getvalue()


def test_a_column_without_heading_is_beside_one_of_its_name(files: FileTree) -> None:
    """Neither replaces the other."""
    files.put("a.xlsx", make_workbook(A=[(None, "column_1"), ("x", "y")]))
    files.read()
    files.load("bank.landed")
    (row,) = files.rows()
    assert (row["column_1_without_heading"], row["column_1"]) == ("x", "y")


def test_headings_may_differ_in_case_between_files(files: FileTree) -> None:
    """They are one column, in text files, workbooks and Parquet."""
    files.put("a.csv", "id,Name\n1,x\n")
    files.put("b.csv", "ID,NAME\n2,y\n")
    files.put("c.parquet", as_parquet(pa.table({"Id": ["3"], "name": ["z"]})))
    files.read()
    files.load("bank.landed")
    assert [(row["id"], row["name"]) for row in files.rows()] == [("1", "x"), ("2", "y"), ("3", "z")]


SPELLINGS = {
    "between files": {"a.json": '[{"id": 1, "Name": "x"}]', "b.json": '[{"ID": 2, "NAME": "y"}]'},
    "lines": {"a.jsonl": '{"id": 1, "Name": "x"}\n{"Id": 2, "name": "y"}\n'},
    "objects one after the other": {"a.json": '{"id": 1, "Name": "x"} {"name": "y", "ID": 2}'},
    "JSON before lines": {"a.json": '[{"Id": 1, "name": "x"}]', "b.jsonl": '{"ID": 2, "Name": "y"}'},
    "a word in two styles": {"a.json": '[{"id": 1, "name": "x"}]', "b.json": '[{" id": 2, "Name": "y"}]'},
}


@pytest.mark.parametrize("content", SPELLINGS.values(), ids=SPELLINGS)
def test_keys_of_json_may_differ_in_case(files: FileTree, content: Mapping[str, str]) -> None:
    """They are one column, between files and in one."""
    for name, text in content.items():
        files.put(name, text)
    files.read()
    files.load("bank.landed")
    assert [(row["id"], row["name"]) for row in files.rows()] == [(1, "x"), (2, "y")]


def test_a_key_that_is_spelt_anew_changes_no_value(files: FileTree) -> None:
    """Numbers keep every digit, and what lies in a value stays as it is, also its keys."""
    inner = '"inner": {"B": 2, "b": 1.50, "a": [1, {"C": null}]}'
    values = rf'"amount": 1.100000000000000000000000000001, "text": "\u00e9 \" \\", {inner}'
    files.put("a.jsonl", f'{{"Id": 1, {values}}}\n{{"ID": 2, {values}}}\n')
    exact = "{data_type: decimal, precision: 38, scale: 30}"
    files.read(f"columns: {{amount: {exact}, inner: {{data_type: json}}}}")
    files.load("bank.landed")
    one, two = ({key: value for key, value in row.items() if key not in {"id", "_row"}} for row in files.rows())
    unlike = {"_dlt_id"}
    assert {key: one[key] for key in one.keys() - unlike} == {key: two[key] for key in two.keys() - unlike}
    assert two["amount"] == Decimal("1.100000000000000000000000000001")
    assert '"B":2' in str(two["inner"]).replace(" ", "")


@pytest.mark.parametrize("text", ['{"a": 1}\n{"A": 2, "a": 3}\n', '{"A": 2, "a": 3}\n'], ids=["second", "first"])
def test_two_spellings_in_one_object_are_refused(files: FileTree, text: str) -> None:
    """Neither value replaces the other."""
    files.put("a.jsonl", text)
    files.read()
    with pytest.raises(LoadError, match=r"'?[aA]'? and '?[aA]'?"):
        files.load("bank.landed")


def test_headings_of_workbooks_may_differ_in_case(files: FileTree) -> None:
    """They are one column."""
    files.put("a.xlsx", make_workbook(A=[("id", "Name"), (1, "x")]))
    files.put("b.xlsx", make_workbook(A=[("ID", "NAME"), (2, "y")]))
    files.read()
    files.load("bank.landed")
    assert [(row["id"], row["name"]) for row in files.rows()] == [(1.0, "x"), (2.0, "y")]


NOTHING: dict[str, tuple[str, bytes, str]] = {
    "blank-lines": ("a.csv", b"\n\r\n\n", "no row was found in 4 bytes"),
    "blank-json": ("a.json", b"  \n", "no row was found in 3 bytes"),
    "blank-lines-of-json": ("a.jsonl", b"\n\n", "no row was found in 2 bytes"),
    "an-empty-sheet": ("a.xlsx", make_workbook(A=[]), r"no row was found in [\d,]+ bytes"),
    "skipped": ("a.csv", b"id\n1\n", "no row was found in 5 bytes"),
}


@pytest.mark.parametrize(("name", "content", "message"), NOTHING.values(), ids=NOTHING)
def test_a_file_in_which_nothing_was_found_is_a_bad_row(
    files: FileTree, name: str, content: bytes, message: str
) -> None:
    """`on_bad_row: fail` fails, `quarantine` keeps the fact, and the check `rows_arrived` warns."""
    options: dict[str, Any] = {"skip": 9} if content == b"id\n1\n" else {}
    files.put(name, content)
    files.read(**options)
    with pytest.raises(ValueRefused, match=f"inbox/{name}: row 0: {message}"):
        files.load("bank.landed")
    files.read(on_bad_row="quarantine", **options)
    result = files.load("bank.landed")
    (aside,) = files.rows("landed__quarantine")
    assert re.fullmatch(message, aside["reason"])
    assert {check.name: check.passed for check in result.checks}["rows_arrived"] is False


HEADINGS_ALONE: dict[str, tuple[str, bytes]] = {
    "csv": ("a.csv", b"id,name\n"),
    "csv-without-a-line-end": ("a.csv", b"id,name"),
    "csv-with-blank-lines": ("a.csv", b"id,name\r\n\r\n"),
    "parquet": ("a.parquet", as_parquet(pa.table({"id": pa.array([], pa.int64()), "name": pa.array([], pa.string())}))),
    "pdf": ("a.pdf", make_pdf([[("id", "name")]])),
}


@pytest.mark.parametrize("disposition", ["append", "replace", "merge"])
@pytest.mark.parametrize(("name", "content"), HEADINGS_ALONE.values(), ids=HEADINGS_ALONE)
def test_a_first_file_with_headings_alone_makes_the_table(
    files: FileTree, name: str, content: bytes, disposition: str
) -> None:
    """A dbt model on it can be built; a warning and the check `rows_arrived` say that no row arrived."""
    files.put(name, content)
    files.read(f"write_disposition: {disposition}", "merge_key: _file", "columns: {id: {data_type: bigint}}")
    result = files.load("bank.landed")
    assert result.warnings[0] == f"inbox/{name} has no rows"
    assert {check.name: check.passed for check in result.checks}["rows_arrived"] is False
    columns = files.query("select column_name || ' ' || data_type from duckdb_columns() where table_name = 'landed'")
    assert {"id BIGINT", "name VARCHAR"} <= set(columns)


def test_a_later_file_with_headings_alone_changes_nothing(files: FileTree) -> None:
    """A replace without rows keeps those of the table."""
    files.put("a.csv", "id\n1\n")
    files.read("write_disposition: replace")
    files.load("bank.landed")
    files.put("a.csv", "id\n")
    files.load("bank.landed")
    assert files.values("id") == ["1"]


@pytest.mark.parametrize("name", ["a[1].csv", "[ab].csv", "a[.csv"])
def test_a_file_of_exactly_the_name_comes_before_a_pattern(files: FileTree, name: str) -> None:
    """Brackets may be part of a name."""
    files.put(name, "id\n1\n")
    files.put("a1.csv", "id\n2\n")
    files.put("a.csv", "id\n3\n")
    assert [row["_file"] for row in files.peek(f"inbox/{name}")] == [f"inbox/{name}"]


def test_a_pattern_that_matches_nothing_says_so(files: FileTree) -> None:
    """At each load, with the pattern and the root."""
    files.put("a.csv", "id\n1\n")
    files.read(path="inbox/b[1].csv")
    for _ in range(2):
        (warning,) = files.load("bank.landed").warnings
        assert warning == f"no file matches 'inbox/b[1].csv' below {files.root}"


def test_two_tables_of_other_headings_are_not_one(files: FileTree) -> None:
    """With as many columns, the headings of the second one were a row; some headings choose a table."""
    rows = [("Date", "Shop", "Amount"), ("2024-01-31", "Corner", "2.50")]
    people = [("Name", "Street", "City"), ("Ann", "High Street", "York")]
    files.put("a.pdf", make_pdf([rows, people], [people]))
    files.read()
    with pytest.raises(LoadError, match=r"a table has 3 columns .Name, Street, City. and one before it 3 .Date, Shop"):
        files.load("bank.landed")
    files.read(tables_with=["amount"])
    files.load("bank.landed")
    assert files.values("amount") == ["2.50"]
