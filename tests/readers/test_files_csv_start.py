"""Tests of where `data_foundation.readers.files` finds the first row of a CSV, and of how its lines end."""

import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from data_foundation.errors import LoadError
from data_foundation.readers.files.formats.delimited.csv_files import CsvReader
from data_foundation.readers.files.formats.delimited.dialect import Dialect
from tests.support.file_sources import FileTree, files

__all__ = ["files"]

ENDS = {"LF": "\n", "CRLF": "\r\n", "CR": "\r"}
HEADINGS = {
    "plain": ("id,name", ["id", "name"]),
    "quoted": ('"id","name"', ["id", "name"]),
    "a-break-inside": ('id,"first\nname"', ["id", "first name"]),
    "a-long-break-inside": ('"i\r\nd","name"', ["i d", "name"]),
    "a-delimiter-inside": ('"id, or number",name', ["id, or number", "name"]),
    "a-quote-inside": ('"the ""id""",name', ['the "id"', "name"]),
    "all-of-them": ('"a\n""b"",\r\nc",name', ['a "b", c', "name"]),
}
BEFORE: dict[str, tuple[list[str], int]] = {
    "nothing": ([], 0),
    "blank-lines": (["", ""], 0),
    "a-title": (["Report 2024", ""], 1),
    "a-title-with-a-quote": (['Report of the "North', "x"], 2),
    "a-title-with-a-break": (['"Report', 'of the North"'], 2),
    "its-delimiter": (["sep=,"], 0),
}
ROWS = {
    "plain": ("1,x|2,y|3,z", [("1", "x"), ("2", "y"), ("3", "z")]),
    "a-break-inside": ('1,"x\ny"|2,"\r\n"|3,z', [("1", "x\ny"), ("2", "\r\n"), ("3", "z")]),
    "a-long-break-inside": ('"1\r\n",x|2,y|3,"a\rb"', [("1\r\n", "x"), ("2", "y"), ("3", "a\rb")]),
    "a-quote-inside": ('1,"the ""x"""|2,5" pipe|3,"\n"', [("1", 'the "x"'), ("2", '5" pipe'), ("3", "\n")]),
}
MIXED = {"all-alike": None, "every-second-LF": "\n", "every-second-CRLF": "\r\n", "every-second-CR": "\r"}


def read(path: Path, dialect: Dialect) -> list[tuple[Any, ...]]:
    """Returns the values of the rows of a file, after those of its headings."""
    pages = list(CsvReader(dialect, {}, counts_bad=False).read(path, path.name))
    assert [bad for page in pages for bad in page.bad] == []
    tables = [page.rows for page in pages if page.rows is not None]
    assert [number for table in tables for number in table["_row"].to_pylist()] == [1, 2, 3]
    rows = [tuple(row.values())[:-2] for table in tables for row in table.to_pylist()]
    return [tuple(tables[0].column_names[:-2]), *rows]


CASES = [
    pytest.param(*axes, id="-".join(axes))
    for axes in product(HEADINGS, ROWS, BEFORE, ENDS, MIXED, ("ended", "not-ended"))
]


@pytest.mark.sampled(61)
@pytest.mark.parametrize(("headings", "rows", "before", "end", "mixed", "last"), CASES)
def test_no_row_is_lost_wherever_the_rows_begin(  # noqa: PLR0913, PLR0917 - the axes of a file
    tmp_path: Path, headings: str, rows: str, before: str, end: str, mixed: str, last: str
) -> None:
    """Headings, rows, lines before them and line ends of every kind, in every combination, give every row unchanged."""
    spelt, names = HEADINGS[headings]
    text, expected = ROWS[rows]
    lines, skip = BEFORE[before]
    other = MIXED[mixed] or ENDS[end]
    lines = [*lines, spelt, *text.split("|")]
    ends = [ENDS[end] if number % 2 else other for number in range(len(lines))]
    ends[-1] = ends[-1] if last == "ended" else ""
    file = tmp_path / "a.csv"
    file.write_bytes("".join(map(str.__add__, lines, ends)).encode())
    assert read(file, Dialect(skip=skip)) == [tuple(names), *expected]


REFUSED = {
    "never-closed": b'"id,name\n1,x\n2,y\n',
    "closed-by-a-later-row": b'"id,name\n1,"x"\n2,y\n',
    "text-behind-a-quote": b'"id"s,name\n1,x\n',
    "a-quote-in-a-value": b'id",name\n1,x\n',
    "the-rest-of-a-skipped-value": b'"Report\nof today",x\nid,name\n1,x\n',
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_headings_without_a_second_quote_are_refused(files: FileTree, content: bytes) -> None:
    """The error shows the row, and names the settings that may be wrong."""
    files.put("a.csv", content)
    files.read(skip=int(content.startswith(b'"Report')))
    with pytest.raises(
        LoadError, match=r"a.csv: the first row has a quote that is not closed, or text behind .*`skip`"
    ):
        files.load("bank.landed")


DELIMITERS: dict[str, tuple[str, list[str]]] = {
    "decimal-commas": ("a;b\n1,5;2,5\n", ["a", "b"]),
    "decimal-commas-in-the-headings": ("a 1,5;b\n1,5;2,5\n", ["a 1,5", "b"]),
    "a-comma-in-a-heading": ("amount, in euros;day\n1,50;2024\n", ["amount, in euros", "day"]),
    "a-semicolon-in-a-heading": ("amount; in euros,day\n1.50,2024\n2.50,2024\n", ["amount; in euros", "day"]),
    "the-first-line": ("sep=;\na,b;c\n1;2\n", ["a,b", "c"]),
    "the-first-line-in-quotes": ('"sep=\t"\na,b\tc\n1\t2\n', ["a,b", "c"]),
    "pipes": ("a,b|c|d\n1|2|3\n", ["a,b", "c", "d"]),
    "quoted-ones": ('"a;b;c","d"\n1,2\n', ["a;b;c", "d"]),
    "digits": ("1,2,3\n4,5,6\n", ["1", "2", "3"]),
}


@pytest.mark.parametrize(("content", "names"), DELIMITERS.values(), ids=DELIMITERS)
def test_the_delimiter_is_found(files: FileTree, content: str, names: list[str]) -> None:
    """It is the one that `sep=` names, or the most frequent; a decimal comma is none."""
    files.put("a.csv", content)
    assert [name for name in files.peek()[0] if not name.startswith("_")] == names


TITLED: dict[str, str] = {
    "a-comment": "# clean this data\nid,name,day\n1,x,2024\n2,y,2024\n",
    "in-quotes": '"Report, of the North"\nid;name\n1;x\n2;y\n',
    "several-lines": "Report\nDate: 2024-01-01\n\nid\tname\n1\tx\n2\ty\n3\tz\n4\tz\n",
    "above-numbers": "values\na,b,c\n1,2,3\n4,5,6\n",
    "rows-of-other-widths": "# x\nid,name\n1,x\n2,y,z\n3,z\n4\n",
}


@pytest.mark.parametrize("content", TITLED.values(), ids=TITLED)
def test_a_title_is_no_heading(files: FileTree, content: str) -> None:
    """It would make one column of whole lines, in a green run. The error names the settings that say what it is."""
    files.put("a.csv", content)
    files.read()
    with pytest.raises(LoadError, match=r"a.csv: the first line has no delimiter, and the lines below .*set `skip`"):
        files.load("bank.landed")
    lines = content.splitlines()
    assert next(iter(files.peek(delimiter="~")[0].values())) == next(filter(None, lines[1:]))
    assert len(files.peek(header=False)[0]) == 3


ONE_COLUMN: dict[str, list[str]] = {
    "decimal-commas": ["amount", "1,50", "2,75", "3,00"],
    "names": ["name", "Smith, John", "Doe, Jane"],
    "texts": ["note", "Hello, you", "one", "two,three", "x", "y"],
    "a-list": ["id", "1", "2", "3"],
    "quoted": ["name", '"a,b"', '"c,d"'],
    "headings-alone": ["id"],
}


@pytest.mark.parametrize("lines", ONE_COLUMN.values(), ids=ONE_COLUMN)
def test_a_file_of_one_column_is_read(files: FileTree, lines: list[str]) -> None:
    """Commas of texts and of decimals make no more columns of it."""
    files.put("a.csv", "\n".join(lines))
    assert [row[lines[0]] for row in files.peek()] == [line.strip('"') for line in lines[1:]]


def test_a_line_may_be_longer_than_duckdb_takes_by_itself(files: FileTree) -> None:
    """A value of several megabytes is loaded unchanged."""
    long = "x" * 5_000_000
    files.put("a.csv", f'id,name\n1,{long}\n2,"{long}\n"\n')
    assert [row["name"] for row in files.peek()] == [long, f"{long}\n"]


ESCAPES = {
    "a-quote": (r'1,"say \"x\""', {"escape": "\\"}, 'say "x"'),
    "itself": (r'1,"a\\b"', {"escape": "\\"}, r"a\b"),
    "at-the-end": (r'1,"a\\"', {"escape": "\\"}, "a\\"),
    "none": ('1,"a\\b"', {"escape": ""}, r"a\b"),
    "without-quotes": (r'1,"a\b', {"quote": ""}, r'"a\b'),
}


@pytest.mark.parametrize(("line", "kwargs", "value"), ESCAPES.values(), ids=ESCAPES)
def test_an_escaped_character_is_itself(files: FileTree, line: str, kwargs: dict[str, Any], value: str) -> None:
    """`escape` holds for headings and values."""
    files.put("a.csv", f"id,name\n{line}\n2,y\n")
    assert [row["name"] for row in files.peek(**kwargs)] == [value, "y"]
    heading = line.replace("1,", "", 1)
    files.put("a.csv", f"id,{heading}\n1,x\n2,y\n")
    assert list(files.peek(**kwargs)[1].values())[:2] == ["2", "y"]
    assert list(files.peek(**kwargs)[0])[1] == value


def test_only_the_quotes_of_python_are_shown(files: FileTree) -> None:
    """The first line of a refused file is shown in full up to 60 characters."""
    files.put("a.csv", '"' + "x" * 99 + "\n")
    files.read()
    with pytest.raises(LoadError, match=re.escape("'\"" + "x" * 59 + "...'")):
        files.load("bank.landed")
