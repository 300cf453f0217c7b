"""Snowflake's errors, and their mapping from DuckDB's errors."""

import re
from typing import Any

import duckdb


class SqlError(Exception):
    """An error of a statement, with Snowflake's code, state and message."""

    def __init__(self, errno: int, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.errno = errno
        self.sqlstate = sqlstate
        self.message = message


class CutConnectionError(Exception):
    """A fault cuts the connection without a response; if the statement was executed, `answer` has its result."""

    def __init__(self, answer: Any = None) -> None:
        super().__init__()
        self.answer = answer


def syntax_error(word: str) -> SqlError:
    """Returns the error for an unexpected word."""
    return SqlError(1003, "42000", f"SQL compilation error:\nsyntax error line 1 at position 0 unexpected '{word}'.")


def object_missing(kind: str, name: str) -> SqlError:
    """Returns the error for a table, stage, schema or database that does not exist."""
    return SqlError(2003, "02000", f"SQL compilation error:\n{kind} '{name}' does not exist or not authorized.")


def operation_impossible() -> SqlError:
    """Returns the error for an object that USE or DESCRIBE cannot find."""
    return SqlError(2043, "02000", "SQL compilation error:\nObject does not exist, or operation cannot be performed.")


_COMPILATION = "SQL compilation error:\n"
_MISSING = "does not exist or not authorized."
# The first pattern that matches DuckDB's message applies.
_TRANSLATIONS: tuple[tuple[str, int, str, str], ...] = (
    (r'because schema "(\S+?)" does not exist', 2003, "02000", f"{_COMPILATION}Schema '{{}}' {_MISSING}"),
    (r"Schema with name (\S+) does not exist", 2003, "02000", f"{_COMPILATION}Schema '{{}}' {_MISSING}"),
    (r'Catalog "(\S+?)" does not exist', 2003, "02000", f"{_COMPILATION}Database '{{}}' {_MISSING}"),
    (r"(?:Table|View) with name (\S+) does not exist", 2003, "42S02", f"{_COMPILATION}Object '{{}}' {_MISSING}"),
    (r'with name "?([^"\s]+)"? already exists', 2002, "42710", f"{_COMPILATION}Object '{{}}' already exists."),
    (r'Referenced (?:table|column) "(\S+?)" not found', 904, "42000", f"{_COMPILATION}invalid identifier '{{}}'"),
    (r'does not have a column (?:with name|named) "(\S+?)"', 904, "42000", f"{_COMPILATION}invalid identifier '{{}}'"),
    (r"Function with name (\S+) does not exist", 2140, "42601", f"{_COMPILATION}Unknown function {{}}"),
    (r"NOT NULL constraint failed: (\S+)", 100072, "22000", "NULL result in a non-nullable column ({})"),
    (r"Could not convert string '(.*)' to (?:U?INT|DECIMAL)", 100038, "22018", "Numeric value '{}' is not recognized"),
    (r'invalid timestamp field format: "(.*?)"', 100035, "22007", "Timestamp '{}' is not recognized"),
    (r'invalid date field format: "(.*?)"', 100040, "22007", "Date '{}' is not recognized"),
    (r"Malformed JSON", 100069, "22P02", "Error parsing JSON"),
)
_CLASSES: tuple[tuple[type[duckdb.Error], int, str], ...] = (
    (duckdb.ParserException, 1003, "42000"),
    (duckdb.BinderException, 904, "42000"),
    (duckdb.CatalogException, 2003, "42S02"),
    (duckdb.ConversionException, 100038, "22018"),
    (duckdb.OutOfRangeException, 100039, "22003"),
    (duckdb.TransactionException, 625, "57014"),
)


def from_duckdb(error: duckdb.Error) -> SqlError:
    """Returns Snowflake's error for an error of DuckDB."""
    text = str(error).split("\n")[0]
    for pattern, errno, sqlstate, words in _TRANSLATIONS:
        if found := re.search(pattern, text):
            return SqlError(errno, sqlstate, words.format(*found.groups()))
    for kind, errno, sqlstate in _CLASSES:
        if isinstance(error, kind):
            return SqlError(errno, sqlstate, text)
    return SqlError(603, "XX000", f"SQL execution internal error: {text}")
