"""Checks that `query_filter` is one boolean expression in the database's SQL, and nothing else."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from data_foundation.errors import EntryError

_DIALECTS = {"postgresql": "postgres", "sqlite": "sqlite", "mysql": "mysql", "mssql": "tsql", "oracle": "oracle"}
_BOOLEAN = (exp.Predicate, exp.Connector, exp.Not, exp.Boolean, exp.Column, exp.Func, exp.Exists)
_REFUSED = {
    exp.DML: "writes",
    exp.DDL: "writes",
    exp.Into: "writes",
    exp.Command: "is a statement",
    exp.Lock: "locks rows",
    exp.Placeholder: "has a placeholder",
    exp.Parameter: "has a placeholder",
}
_ACCEPTED = "accepted is one boolean expression, for instance status = 'active' and amount > 0"


def check_filter(text: str, dialect: str) -> str:
    """Returns the expression unchanged, after checking it.

    Args:
        text: The value of `query_filter`.
        dialect: Dialect of the connection.

    Raises:
        EntryError: The text is not one boolean expression that only reads.
    """
    language = _DIALECTS[dialect]
    try:
        commented = any(token.comments for token in sqlglot.tokenize(text, read=language))
        parsed = sqlglot.parse(text, read=language)
    except (SqlglotError, RecursionError) as error:
        reason = str(error).partition("\n")[0].rstrip(". ") or "too deep"
        raise _refuse(text, f"cannot be read as {dialect} SQL ({reason})") from None
    if len(parsed) != 1 or parsed[0] is None:
        raise _refuse(text, f"contains {len(parsed)} statements" if any(parsed) else "is empty")
    if commented:
        raise _refuse(text, "has a comment")
    expression = parsed[0]
    for node in expression.walk():
        if reason := next((why for kind, why in _REFUSED.items() if _is(node, kind)), ""):
            raise _refuse(text, reason)
    if not _is_boolean(expression):
        raise _refuse(text, f"is not a condition but {_named(expression)}")
    return text.strip()


def _is(node: exp.Expr, kind: type[exp.Expr]) -> bool:
    # sqlglot classes a SELECT as DDL or DML too; it only reads.
    return isinstance(node, kind) and not isinstance(node, exp.Query)


def _is_boolean(expression: exp.Expr) -> bool:
    inner = expression.unnest()
    return isinstance(inner, _BOOLEAN) and not isinstance(inner, exp.Query | exp.Star)


def _named(expression: exp.Expr) -> str:
    name = type(expression).__name__.upper()
    return f"an {name}" if name.startswith("A") else f"a {name}"


def _refuse(text: str, reason: str) -> EntryError:
    return EntryError(f"query_filter: got {text!r}, which {reason}; {_ACCEPTED}")
