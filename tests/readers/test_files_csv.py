"""Tests of `data_foundation.readers.files` on CSV files of any dialect."""

import datetime as dt
import gzip
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from dlt.extract.exceptions import ResourceExtractionError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_foundation.errors import EntryError, FoundationError, LoadError, ValueRefused
from data_foundation.readers.files.formats.delimited.csv_files import CsvReader
from data_foundation.readers.files.formats.delimited.dialect import Dialect
from data_foundation.workbook.unpack_limits import FREE_BYTES
from tests.support.file_sources import FileTree, files

__all__ = ["files"]

DIALECTS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "commas": (b"id,name\n007,M\xc3\xbcller\n8,\n", {}),
    "semicolons": (b"id;name\n007;M\xc3\xbcller\n8;\n", {}),
    "tabs": (b"id\tname\n007\tM\xc3\xbcller\n8\t\n", {}),
    "carriage-returns": (b"id,name\r\n007,M\xc3\xbcller\r\n8,\r\n", {}),
    "quoted-headings": (b'"id","name"\n"007","M\xc3\xbcller"\n"8",\n', {}),
    "blank-lines-before": (b"\n\nid,name\n007,M\xc3\xbcller\n8,\n", {}),
    "blank-lines": (b"id,name\n\n007,M\xc3\xbcller\n8,\n\n", {}),
    "no-last-line-feed": (b"id,name\n007,M\xc3\xbcller\n8,", {}),
    "byte-order-mark": (b"\xef\xbb\xbfid,name\n007,M\xc3\xbcller\n8,\n", {}),
    "utf-16": ("id,name\n007,Müller\n8,\n".encode("utf-16"), {}),
    "utf-16-without-a-mark": ("id,name\n007,Müller\n8,\n".encode("utf-16-le"), {"encoding": "utf-16-le"}),
    "cp1252": (b"id,name\n007,M\xfcller\n8,\n", {"encoding": "cp1252"}),
    "another-encoding-and-a-mark": (b"\xef\xbb\xbfid,name\n007,M\xc3\xbcller\n8,\n", {"encoding": "cp1252"}),
    "another-encoding-and-utf-16": ("id,name\n007,Müller\n8,\n".encode("utf-16"), {"encoding": "latin-1"}),
    "the-second-encoding": (b"id,name\n007,M\xfcller\n8,\n", {"encoding": ["utf-8", "cp1252"]}),
    "the-first-encoding": (b"id,name\n007,M\xc3\xbcller\n8,\n", {"encoding": ["utf-8", "cp1252"]}),
    "gzip": (gzip.compress(b"id,name\n007,M\xc3\xbcller\n8,\n"), {}),
    "no-headings": (b"007,M\xc3\xbcller\n8,\n", {"header": ["id", "name"]}),
    "lines-before": (b"Account 1\n,\nid,name\n007,M\xc3\xbcller\n8,\n", {"skip": 2}),
    "other-quotes": (b"id,name\n'007','M\xc3\xbcller'\n8,\n", {"quote": "'", "escape": "'"}),
    "words-for-nothing": (b"id,name\n007,M\xc3\xbcller\n8,N/A\n", {"null_values": ["N/A"]}),
}


@pytest.mark.parametrize(("content", "kwargs"), DIALECTS.values(), ids=DIALECTS)
def test_dialect_and_encoding_change_no_row(files: FileTree, content: bytes, kwargs: dict[str, Any]) -> None:
    """Dialect and encoding change no value, and leading zeros are kept."""
    files.put("a.csv", content)
    assert files.peek(**kwargs) == [
        {"id": "007", "name": "Müller", "_file": "inbox/a.csv", "_row": 1},
        {"id": "8", "name": None, "_file": "inbox/a.csv", "_row": 2},
    ]


def test_a_file_that_is_utf8_too_is_a_warning(files: FileTree) -> None:
    """Read as cp1252, ü becomes Ã¼ without an error: the warning names the file and what to set."""
    files.read(encoding="cp1252")
    files.put("a.csv", b"id,name\n1,M\xfcller\n")
    files.put("b.csv", b"id,name\n2,M\xc3\xbcller\n")
    files.put("c.csv", b"id,name\n3,Miller\n")
    (warning,) = files.load("bank.landed").warnings
    assert warning.startswith("inbox/b.csv is read as cp1252, and is UTF-8 too")
    assert "set `encoding: [utf-8, cp1252]`" in warning


REFUSED: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "cp1252": (b"id,name\n1,M\xfcller\n", {}, "row 1 is not UTF-8; set the encoding of the file"),
    "cp1252-headings": (b"id,n\xe4me\n1,x\n", {}, "the start of the file is not UTF-8; set the encoding of the file"),
    "cp1252-below": (b"id,name\n" + b"1,x\n" * 9999 + b"2,M\xfcller\n", {}, "row 10000 is not UTF-8; set the"),
    "wrong-encoding": (b"id,name\n1,M\x81ller\n", {"encoding": "cp1252"}, "the text is not cp1252"),
    "no-encoding-of-two": (b"id\n1\n", {"encoding": ["utf-9", "utf-8"]}, "encoding: got 'utf-9'; accepted: an enc"),
    "no-encoding": (b"id\n1\n", {"encoding": "utf-9"}, "encoding: got 'utf-9'; accepted: an encoding of Python"),
    "too-few": (b"id,name\n1,x\n2\n", {}, "row 2: Expected Number of Columns: 2 Found: 1"),
    "too-many": (b"id,name\n1,x\n2,y,z\n", {}, "row 2: Expected Number of Columns: 2 Found: 3"),
    "open-quote": (b'id,name\n1,x\n2,"y\n', {}, "row 2: Value with unterminated quote found"),
    "truncated-gzip": (gzip.compress(b"id,name\n1,x\n" * 99)[:-9], {}, "is a damaged gzip file"),
    "long-delimiter": (b"id,name\n", {"delimiter": "::"}, "delimiter: got '::'; accepted: one character"),
    "names-too-few": (b"1,2\n", {"header": ["id"]}, "a.csv: header: got 1 name for 2 columns; accepted: one name"),
    "separator": (b"id\n", {"decimal_separator": "x"}, "decimal_separator: got 'x'; accepted: '.' or ','"),
    "another-format's": (b"id\n", {"tables_with": ["id"]}, "tables_with: not an option of csv files; accepted: enc"),
    "format": (b"id\n", {"format": "cvs"}, "format: got 'cvs'; accepted: csv.*Did you mean 'csv'"),
    "policy": (b"id\n", {"on_bad_row": "quarentine"}, "on_bad_row: got 'quarentine'.*Did you mean 'quarantine'"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "kwargs", "message"), REFUSED.values(), ids=REFUSED)
def test_an_unreadable_file_is_refused_by_name(
    files: FileTree, content: bytes, kwargs: dict[str, Any], message: str
) -> None:
    """The error names the file and the row, and explains what to do."""
    files.put("a.csv", content)
    with pytest.raises(ResourceExtractionError) as caught:
        files.peek(**kwargs)
    assert isinstance(caught.value.__cause__, FoundationError)
    assert re.search(message, str(caught.value.__cause__))


TYPES: dict[str, tuple[str, list[str], list[Any], list[str]]] = {
    "bigint": (
        "{data_type: bigint}", ["-1", "1,000", " 007 "], [-1, 1000, 7],
        ["1.5", "x", "1e3", "9223372036854775808", "1,00"],
    ),
    "decimal": (
        "{data_type: decimal, precision: 12, scale: 2}", ["1.5", "-1,234.50", ".10", "1.100"],
        [Decimal("1.5"), Decimal("-1234.5"), Decimal("0.1"), Decimal("1.1")], ["1.505", "12345678901", "1e2", "€ 1"],
    ),
    "double": ("{data_type: double}", ["1.5", "1e-3", "inf"], [1.5, 0.001, float("inf")], ["1,5", "x"]),
    "bool": ("{data_type: bool}", ["true", "N", "1"], [True, False, True], ["2", "ja"]),
    "date": (
        "{data_type: date}", ["2024-02-29"], [dt.date(2024, 2, 29)],
        ["2023-02-29", "2024-02-29 12:00:00", "29-02-2024"],
    ),
    "timestamp": (
        "{data_type: timestamp}",
        ["2024-01-31T12:00:00+02:00", "2024-01-31 10:00", "2024-01-31T10:00:00.000000Z"],
        [dt.datetime(2024, 1, 31, 10, tzinfo=dt.UTC)] * 3, ["2024-01-31 10:00:00.0000001", "today"],
    ),
    "naive": (
        "{data_type: timestamp, timezone: false}", ["2024-01-31 10:00:00"],
        [dt.datetime(2024, 1, 31, 10)],  # noqa: DTZ001 - it has none
        ["2024-01-31T10:00:00Z"],
    ),
    "time": ("{data_type: time}", ["10:00"], [dt.time(10)], ["24:00:00", "25:00"]),
    "json": ("{data_type: json}", ['{"a": 1}'], ['{"a": 1}'], ["{a"]),
}  # fmt: skip


@pytest.mark.parametrize(("hint", "texts", "values", "bad"), TYPES.values(), ids=TYPES)
def test_columns_are_converted_to_their_types(
    files: FileTree, hint: str, texts: list[str], values: list[Any], bad: list[str]
) -> None:
    """Texts are converted to the column's type; a row that cannot be converted is set aside with its reason."""
    lines = "\n".join(text.replace('"', '""').join('""') for text in [*texts, *bad])
    files.put("a.csv", f"Some Value\n{lines}\n")
    files.read(f"columns: {{some_value: {hint}}}", on_bad_row="quarantine")
    result = files.load("bank.landed")
    assert files.values("some_value") == values
    aside = files.rows("landed__quarantine")
    assert [(row["_row"], row["text"]) for row in aside] == list(enumerate(bad, len(texts) + 1))
    assert all(row["reason"].startswith(f"column Some Value: got '{row['text']}'; accepted: ") for row in aside)
    count = f"{len(bad)} bad row{'s' * (len(bad) > 1)} of inbox/a.csv set aside in landed__quarantine"
    assert result.warnings == (count,)


def test_numbers_and_dates_are_read_in_the_notation_of_the_file(files: FileTree) -> None:
    """`decimal_separator` and `date_format` apply to every file of the resource."""
    files.put("a.csv", "bedrag;dag\n1.234,50;31-01-2024\n-0,5;01-02-2024\n1.5;2024-01-01\n")
    files.read("columns: {bedrag: {data_type: decimal}, dag: {data_type: date}}", on_bad_row="quarantine",
               decimal_separator=",", date_format="%d-%m-%Y")  # fmt: skip
    files.load("bank.landed")
    assert files.values("bedrag") == [Decimal("1234.5"), Decimal("-0.5")]
    assert files.values("dag") == [dt.date(2024, 1, 31), dt.date(2024, 2, 1)]
    assert [row["text"] for row in files.rows("landed__quarantine")] == ["1.5;2024-01-01"]


def test_a_bad_value_fails_the_load_unless_it_may_be_set_aside(files: FileTree) -> None:
    """The error shows the first bad value and names the setting that sets bad rows aside."""
    files.put("a.csv", "id\n1\nx\ny\n")
    files.read("columns: {id: {data_type: bigint}}")
    reason = "inbox/a.csv: row 2: column id: got 'x'; accepted: bigint .and 1 more row.; correct the file, or set "
    with pytest.raises(ValueRefused, match=f"{reason}`on_bad_row: quarantine`, which writes such rows to landed__quar"):
        files.load("bank.landed")


def test_a_type_that_a_text_file_cannot_hold_is_refused(files: FileTree) -> None:
    """A type that a text file cannot hold, such as binary, is refused before a row is read."""
    files.put("a.csv", "id\n1\n")
    files.read("columns: {id: {data_type: binary}}")
    with pytest.raises(EntryError, match="columns: id: got data_type 'binary'; accepted in a text file: text, bigint"):
        files.load("bank.landed")


def test_a_decimal_of_more_digits_than_duckdb_has_is_refused_with_its_column(files: FileTree) -> None:
    """DuckDB converts the text, and its decimals have 38 digits."""
    files.put("a.csv", "id,amount\n1,2\n")
    files.read("columns: {amount: {data_type: decimal, precision: 39}}")
    with pytest.raises(EntryError, match="columns: amount: got precision 39; accepted in a text file: at most 38"):
        files.load("bank.landed")


def test_files_may_differ_in_their_columns(files: FileTree) -> None:
    """Columns are matched by name, in any order; a new name becomes a new column."""
    files.put("a.csv", "id,name\n1,x\n")
    files.put("b.csv", "name,id,country\ny,2,NL\n")
    files.read()
    files.load("bank.landed")
    assert [(row["id"], row["name"], row["country"]) for row in files.rows()] == [("1", "x", None), ("2", "y", "NL")]


def test_a_heading_may_have_several_lines(files: FileTree) -> None:
    """A heading with a line break is one name, and no row after it is lost."""
    files.put("a.csv", 'id,"first\nname"\n1,x\n2,y\n')
    assert [tuple(row.values())[:2] for row in files.peek()] == [("1", "x"), ("2", "y")]
    assert list(files.peek()[0]) == ["id", "first name", "_file", "_row"]


def test_a_thousand_columns_are_read(files: FileTree) -> None:
    """A file with a thousand columns is loaded, with and without types."""
    names = [f"c{number}" for number in range(1000)]
    files.put("a.csv", ",".join(names) + "\n" + ",".join(map(str, range(1000))) + "\n")
    files.read("columns: {c999: {data_type: bigint}}")
    assert files.load("bank.landed").rows == 1
    assert files.values("c999") == [999]


def test_a_gzip_that_unpacks_to_too_much_is_refused(files: FileTree) -> None:
    """Unpacking stops at the limit."""
    files.put("a.csv.gz", gzip.compress(b"0" * (FREE_BYTES + 1)))
    files.read()
    with pytest.raises(LoadError, match="unpacks to more than 200 times its size, as a zip bomb does"):
        files.load("bank.landed")


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=8)


@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=12), bad=st.sets(st.integers(1, 14)))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_quoted_texts_are_read_unchanged(tmp_path: Path, rows: list[tuple[str, str]], bad: set[int]) -> None:
    """Every quoted text is read unchanged, wherever rows with too few values are."""
    lines: list[str] = []
    good = iter(rows)
    expected, number = {}, 0
    for row in good:
        while (number := number + 1) in bad:
            lines.append("too few")
        expected[number] = row
        lines.append(",".join('"{}"'.format(cell.replace('"', '""')) for cell in row))
    file = tmp_path / "a.csv"
    file.write_text("\n".join(["a,b", *lines, ""]), encoding="utf-8", newline="")
    pages = list(CsvReader(Dialect(), {}, counts_bad=True).read(file, "a.csv"))
    read = {row["_row"]: (row["a"], row["b"]) for page in pages if page.rows for row in page.rows.to_pylist()}
    assert read == expected
    assert {one.number for page in pages for one in page.bad} == bad & set(range(number))
