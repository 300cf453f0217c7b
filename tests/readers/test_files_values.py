"""Tests of single values in files: amounts as banks write them, limits of types, values not of their declared type."""

import datetime as dt
import json
import re
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from data_foundation.errors import EntryError
from data_foundation.readers.files.formats.notation import Notation
from data_foundation.readers.files.formats.text_columns import build_query
from tests.readers.test_files_formats import make_workbook
from tests.support.file_sources import FileTree, files

__all__ = ["files"]

MONEY = {"data_type": "decimal", "precision": 12, "scale": 2}


def convert(text: str, hint: dict[str, Any], **notation: Any) -> Any:
    """Returns the value of a text, or "bad"."""
    query = build_query("given", ["x"], {"x": hint}, Notation(**notation))
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE given (c0 VARCHAR)")
        connection.execute("INSERT INTO given VALUES (?)", [text])
        value, reason, _ = connection.execute(query).fetchall()[0]
    return "bad" if reason else value


AMOUNTS: dict[str, dict[str, Any]] = {
    "1 234,50": {
        "1 234,50": "1234.50", "1\u00a0234,50": "1234.50", "1\u202f234,50": "1234.50", "1234,5": "1234.5",
        "12,50-": "-12.50", "- 12,50": "-12.50", "\u221212,50": "-12.50", "(12,50)": "-12.50", "(1 234,50)": "-1234.50",
        "+1,00": "1", "1.234,50": "bad", "1 23,50": "bad", "-12,50-": "bad", "(-12,50)": "bad", "EUR 1,00": "bad",
        "": None, ",": "bad", "12,505": "bad",
    },
    "1'234.50": {"1'234.50": "1234.50", "1\u2019234.50": "1234.50", "1'234'567.00-": "-1234567", "1,234.50": "bad"},
    "12.50-": {"12.50-": "-12.50", "1,234.50": "1234.50", "(12.50)": "-12.50"},
    "(12.50)": {"(12.50)": "-12.50", "12.50": "12.50"},
    "EUR 12.50": {
        "EUR 12.50": "12.50", "EUR -12.50": "-12.50", "-EUR 12.50": "-12.50", "12.50 EUR": "12.50", "12.50": "12.50",
        "12.50- EUR": "-12.50", "(EUR 1,234.50)": "-1234.50", "USD 12.50": "bad", "EUR": "bad",
    },
    "Rs. 1,234.50": {"Rs. 50": "50", "Rs.50": "50", "Rs. .50": "0.5"},
    "1.234,50 \u20ac": {"1.234,50 \u20ac": "1234.50", "\u20ac 1.234,50": "1234.50", "-\u20ac12,50": "-12.50"},
}  # fmt: skip


@pytest.mark.parametrize(("example", "texts"), AMOUNTS.items(), ids=AMOUNTS)
def test_amounts_are_read_as_their_example_is_written(example: str, texts: dict[str, Any]) -> None:
    """An example sets separators and currency; signs behind a number and parentheses are accepted; the rest is bad."""
    expected = {text: value if value in {None, "bad"} else Decimal(value) for text, value in texts.items()}
    assert {text: convert(text, MONEY, number_format=example) for text in texts} == expected


@pytest.mark.parametrize("example", ["1.234", "1,234", "x", "1234", "1.234.50", "EUR 1.00 EUR x", "1 234 567", ""])
def test_an_ambiguous_example_is_refused(example: str) -> None:
    """The error shows the example and numbers that are accepted."""
    with pytest.raises(EntryError, match=f"number_format: got {re.escape(repr(example))}.*for instance '1.234,50'"):
        Notation(number_format=example)


def test_two_decimal_separators_are_refused() -> None:
    """`number_format` and `decimal_separator` may not contradict each other."""
    with pytest.raises(EntryError, match=r"decimal_separator: got ',', and number_format is '1,234.50'"):
        Notation(number_format="1,234.50", decimal_separator=",")


LIMITS: dict[str, Any] = {
    "1e999": "bad", "-1e999": "bad", "1e-400": "bad", "0e-400": 0.0, "0.000": 0.0, "1e308": 1e308, "5e-324": 5e-324,
    "inf": float("inf"), "-Infinity": float("-inf"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), LIMITS.items(), ids=LIMITS)
def test_a_number_beyond_the_doubles_is_bad(text: str, value: Any) -> None:
    """It is neither an infinity nor zero."""
    assert convert(text, {"data_type": "double"}) == value


NANOSECONDS = {
    "2024-01-31 10:00:00.123456789": "bad",
    "2024-01-31 10:00:00.123456000": dt.datetime(2024, 1, 31, 10, 0, 0, 123456),  # noqa: DTZ001 - it has none
    "2024-01-31 10:00:00": "bad",
}


@pytest.mark.parametrize(("text", "value"), NANOSECONDS.items(), ids=NANOSECONDS)
def test_nanoseconds_are_not_cut_off(text: str, value: Any) -> None:
    """A time with more digits than the column has is bad."""
    hint = {"data_type": "timestamp", "timezone": False}
    assert convert(text, hint, timestamp_format="%Y-%m-%d %H:%M:%S.%n") == value


DECLARED: dict[str, tuple[str, list[Any], list[Any]]] = {
    "bigint": ("{data_type: bigint}", [1, -5, "7", 2.0], [1.5, "x", {"a": 1}, [1], 2**63]),
    "decimal": ("{data_type: decimal, precision: 5, scale: 2}", [1, 1.25, "2.50"], [1.255, 1234.5, "many", True]),
    "double": ("{data_type: double}", [1, 1.5, "2.5"], ["x", [1]]),
    "timestamp": ("{data_type: timestamp}", ["2024-01-31T10:00:00Z", "2024-01-31"], ["yesterday", True, {}]),
    "date": ("{data_type: date}", ["2024-01-31"], ["2024-01-31T10:00:00Z", "today"]),
    "bool": ("{data_type: bool}", [True, False, "true"], ["perhaps", 2]),
    "text": ("{data_type: text}", ["a", "b"], [{"a": 1}, ["x"]]),
}


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
@pytest.mark.parametrize(("hint", "good", "bad"), DECLARED.values(), ids=DECLARED)
def test_json_not_of_its_declared_type_is_set_aside(
    files: FileTree, name: str, hint: str, good: list[Any], bad: list[Any]
) -> None:
    """No variant column appears, no other row is lost, and the reason names the key."""
    rows = [json.dumps({"Some Value": value}) for value in [*good, *bad, None]]
    files.put(name, "\n".join(rows))
    files.read(f"columns: {{some_value: {hint}}}", on_bad_row="quarantine")
    assert files.load("bank.landed").rows == len(good) + 1
    assert [*files.rows()[0]] == ["some_value", "_file", "_row"]
    aside = files.rows("landed__quarantine")
    assert [row["text"] for row in aside] == rows[len(good) : -1]
    assert all(row["reason"].startswith("key Some Value: got ") for row in aside)


NO_JSON = {
    "nan": ('{"a": NaN}', "is not valid JSON"), "infinity": ('{"a": -Infinity}', "is not valid JSON"),
    "trailing-comma": ('{"a": 1,}', "is not valid JSON"), "half-a-letter": ('{"a": "\\ud800"}', "is not valid JSON"),
    "deep": ('{"a":' * 1100 + "1" + "}" * 1100, "is not valid JSON: depth limit exceeded"),
    "a-list": ("[1]", "got JSON of type array"), "a-text": ('"x"', "got JSON of type string"),
    "nothing": ("null", "got JSON of type null"),
}  # fmt: skip


@pytest.mark.parametrize(("line", "reason"), NO_JSON.values(), ids=NO_JSON)
def test_a_line_that_is_no_json_is_set_aside(files: FileTree, line: str, reason: str) -> None:
    """The row is named, and the others are loaded."""
    files.put("a.jsonl", f'{{"a": 1}}\n{line}\n{{"a": 2}}\n')
    files.read(on_bad_row="quarantine")
    files.load("bank.landed")
    assert files.values("a") == [1, 2]
    (aside,) = files.rows("landed__quarantine")
    assert (aside["_row"], aside["text"]) == (2, line)
    assert aside["reason"].startswith(reason)


@pytest.mark.parametrize("key", ["_file", "_row", "\\u005ffile", "_\\u0072ow"])
def test_a_key_of_the_row_s_place_is_refused_however_it_is_written(files: FileTree, key: str) -> None:
    """The file's own value would otherwise replace the place of the row."""
    files.put("a.jsonl", f'{{"{key}": 1}}\n')
    files.read()
    with pytest.raises(Exception, match="row 1 has a key _file or _row, which are the columns with the place of a row"):
        files.load("bank.landed")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["a.json", "a.csv"])
def test_utf_16_is_recognised_and_blanks_do_not_matter(files: FileTree, name: str, encoding: str) -> None:
    """With and without a byte order mark, and behind thousands of blanks."""
    text = " " * 5000 + '\n[{"id": "7"}]' if name == "a.json" else "id\n7\n"
    files.put(name, text.encode(encoding))
    files.read()
    files.load("bank.landed")
    assert files.values("id") == ["7"]


CELLS: dict[str, tuple[str, list[Any], list[Any], list[Any]]] = {
    "bigint": ("{data_type: bigint}", [1, 2.0, "1.000"], [1, 2, 1000], [1.5, "x", True, 1e300]),
    "decimal": (
        "{data_type: decimal, precision: 12, scale: 2}", [1234.5600000000001, 3, 0.1 + 0.2, "1,5-"],
        [Decimal("1234.56"), Decimal(3), Decimal("0.3"), Decimal("-1.5")], [1.005, 1e12, "many"],
    ),
    "double": ("{data_type: double}", [1, 2.5, "3,5"], [1.0, 2.5, 3.5], ["x", True]),
    "date": ("{data_type: date}", [dt.date(2024, 1, 31), "2024-02-01"], [dt.date(2024, 1, 31), dt.date(2024, 2, 1)],
             [dt.datetime(2024, 1, 31, 10), 45322, "today"]),  # noqa: DTZ001 - Excel knows no zones
    "bool": ("{data_type: bool}", [True, 0, "true"], [True, False, True], [2, "perhaps"]),
    "text": ("{data_type: text}", [7, 1.5, "x", True, dt.timedelta(hours=25, minutes=30)],
             ["7", "1.5", "x", "TRUE", "25:30:00"], []),
    "time": ("{data_type: time}", [dt.time(10, 30), dt.timedelta(hours=2)], [dt.time(10, 30), dt.time(2)],
             [dt.timedelta(hours=25), 0.5]),
}  # fmt: skip


@pytest.mark.parametrize(("hint", "cells", "values", "bad"), CELLS.values(), ids=CELLS)
def test_a_cell_not_of_its_declared_type_is_set_aside(
    files: FileTree, hint: str, cells: list[Any], values: list[Any], bad: list[Any]
) -> None:
    """Numbers lose the rounding errors of a computation, texts are read as in a CSV, and the reason names the cell."""
    files.put("a.xlsx", make_workbook(Orders=[("Some Value", "id"), *((cell, 1) for cell in [*cells, *bad])]))
    files.read(f"columns: {{some_value: {hint}}}", on_bad_row="quarantine", number_format="1.234,50")
    files.load("bank.landed")
    assert files.values("some_value") == values
    assert {*files.rows()[0]} == {"some_value", "id", "_file", "_row"}
    places = [f"cell A{row}: column Some Value: got " for row in range(len(cells) + 2, len(cells) + len(bad) + 2)]
    reasons = [row["reason"] for row in files.rows("landed__quarantine")] if bad else []
    assert [reason[: len(place)] for reason, place in zip(reasons, places, strict=True)] == places
