"""Checks that `query_filter` is one boolean expression in the database's SQL, and nothing else."""

from __future__ import annotations

from sqlglot import exp

from data_foundation.errors import EntryError
from data_foundation.readers.sql.reading_sql import parse_reading

_BOOLEAN = (exp.Predicate, exp.Connector, exp.Not, exp.Boolean, exp.Column, exp.Func, exp.Exists)
_ACCEPTED = "accepted is one boolean expression, for instance status = 'active' and amount > 0"


def check_filter(text: str, dialect: str) -> str:
    """Returns the expression unchanged, after checking it.

    Args:
        text: The value of `query_filter`.
        dialect: Dialect of the connection.

    Raises:
        EntryError: The text is not one boolean expression that only reads.
    """

    def refuse(reason: str) -> EntryError:
        return EntryError(f"query_filter: got {text!r}, which {reason}; {_ACCEPTED}")

    expression = parse_reading(text, dialect, refuse)
    if not _is_boolean(expression):
        raise refuse(f"is not a condition but {_named(expression)}")
    return text.strip()


def _is_boolean(expression: exp.Expression) -> bool:
    inner: exp.Expression = expression.unnest()  # type: ignore[no-untyped-call]
    return isinstance(inner, _BOOLEAN) and not isinstance(inner, exp.Query | exp.Star)


def _named(expression: exp.Expression) -> str:
    name = type(expression).__name__.upper()
    return f"an {name}" if name.startswith("A") else f"a {name}"
