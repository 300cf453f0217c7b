"""Translates the SQL of this project, which follows the standard, into the dialect of an engine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import sqlglot
from dlt.destinations.sql_client import SqlClientBase
from sqlglot import exp, tokens
from sqlglot.dialects.dialect import Dialect
from typing_extensions import override

from data_foundation.errors import WarehouseError

_TYPES: Mapping[str, Mapping[exp.DataType.Type, str]] = {
    # TIMESTAMP ends in 2038 and has whole seconds.
    "mysql": {exp.DataType.Type.TIMESTAMPTZ: "DATETIME(6)"},
    # A CAST to a type that SQLite does not have makes a number of the year.
    "sqlite": {exp.DataType.Type.TIMESTAMPTZ: "TEXT"},
    # Without a length, VARCHAR is one character in a table and 30 in a CAST.
    "tsql": {exp.DataType.Type.VARCHAR: "NVARCHAR(MAX)"},
    "fabric": {exp.DataType.Type.VARCHAR: "VARCHAR(MAX)"},
    "redshift": {exp.DataType.Type.VARCHAR: "VARCHAR(65535)"},
    "clickhouse": {exp.DataType.Type.TIMESTAMPTZ: "DateTime64(6)"},
}
"""Types of the standard that a dialect would store shorter, or with fewer digits, by dialect."""

_VALUE = re.compile(r"\bvalue_(\d+)_\b")

_OF_ENGINE = re.compile(r"\s*(?:ALTER|PRAGMA|SHOW|SET)\b", re.IGNORECASE)
"""Matches statements that are written for one engine, in its own SQL."""


class Standard(Dialect):
    """The SQL that this project writes: standard SQL, with names quoted as the engine quotes them."""

    class Tokenizer(tokens.Tokenizer):
        """Reads names in double quotes and in backticks."""

        IDENTIFIERS = ['"', "`"]  # noqa: RUF012 - sqlglot's way


class BracketStandard(Dialect):
    """The same for engines that quote names in square brackets."""

    class Tokenizer(tokens.Tokenizer):
        """Reads names in double quotes and in square brackets."""

        IDENTIFIERS = ['"', ("[", "]")]  # noqa: RUF012 - the same


@lru_cache(maxsize=512)
def _translate(sql: str, dialect: str) -> tuple[str, tuple[int, ...]]:
    numbers = iter(range(sql.count("%s")))
    named = re.sub("%s", lambda _: f"value_{next(numbers)}_", sql)
    standard = BracketStandard if dialect in {"tsql", "fabric"} else Standard
    tree = sqlglot.parse_one(named, dialect=standard)
    for kind in list(tree.find_all(exp.DataType)):
        if (wanted := _TYPES.get(dialect, {}).get(kind.this)) and not kind.expressions:
            kind.replace(exp.DataType.build(wanted, dialect=dialect))
    text = tree.sql(dialect=dialect)
    return _VALUE.sub("%s", text), tuple(int(found[1]) for found in _VALUE.finditer(text))


def translate(sql: str, dialect: str, values: Sequence[Any] = ()) -> tuple[str, list[Any]]:
    """Returns a statement in a dialect, and its values in the order in which the statement has them.

    Args:
        sql: One statement of the standard, with `%s` for each value; its names are quoted as the engine quotes them.
        dialect: sqlglot's name of the dialect.
        values: The values.

    Raises:
        WarehouseError: The statement cannot be read.
    """
    try:
        translated, order = _translate(sql, dialect)
    except sqlglot.errors.SqlglotError as error:
        raise WarehouseError(f"cannot be translated into the SQL of {dialect}: {sql}: {error}") from error
    return translated, [values[number] for number in order]


class TranslatingSqlClient(SqlClientBase[Any]):
    """A SQL client that translates the statements of this project. A subclass names it before dlt's own class.

    Attributes:
        translates: True for statements of this project, which `connection.connect` runs; dlt's own are in the dialect.
    """

    translates: bool = False

    @contextmanager
    @override
    def execute_query(self, query: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        values: Sequence[Any] = args
        if self.translates and isinstance(query, str) and not kwargs and not _OF_ENGINE.match(query):
            query, values = translate(query, str(self.capabilities.sqlglot_dialect), args)
        with super().execute_query(query, *values, **kwargs) as cursor:  # type: ignore[safe-super] # of dlt's own class
            yield cursor
