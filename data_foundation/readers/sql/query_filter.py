"""Checks that `query_filter` is one boolean expression in the database's SQL, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import SqlglotError

from data_foundation.errors import EntryError
from data_foundation.readers.sql.filter_functions import FUNCTIONS, WORDS
from data_foundation.suggestions import nearest

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
    exp.NextValueFor: "takes the next number of a sequence",
}
_SEQUENCE_COLUMNS = frozenset({"nextval", "currval"})
"""Columns by which Oracle and MariaDB take numbers of a sequence, as in `orders_seq.nextval`."""
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
        tokens = sqlglot.tokenize(text, read=language)
        commented = any(token.comments for token in tokens)
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
        if isinstance(node, exp.Column) and node.table and node.name.lower() in _SEQUENCE_COLUMNS:
            raise _refuse(text, "takes a number of a sequence")
    if not _is_boolean(expression):
        raise _refuse(text, f"is not a condition but {_named(expression)}")
    if called := find_forbidden_call(tokens, dialect):
        hint = nearest(called.lower(), sorted(FUNCTIONS[dialect]))
        raise _refuse(text, f"calls {called}, which is no function known only to read{hint}")
    return text.strip()


def find_forbidden_call(tokens: Sequence[Token], dialect: str) -> str:
    """Returns the first name before an opening bracket that is no function known only to read. Returns "" without any.

    The words are checked as they are written: a parser knows many functions under other names, and the database may
    have more of its own.
    """
    for position, (word, following) in enumerate(pairwise(tokens)):
        if following.token_type != TokenType.L_PAREN or (not word.text[:1].isalpha() and word.text[:1] != "_"):
            continue
        is_qualified = position > 0 and tokens[position - 1].token_type == TokenType.DOT
        is_quoted = word.token_type == TokenType.IDENTIFIER
        accepted = FUNCTIONS[dialect] if is_quoted else FUNCTIONS[dialect] | WORDS
        if word.token_type != TokenType.STRING and (is_qualified or word.text.lower() not in accepted):
            return word.text
    return ""


def _is(node: exp.Expression, kind: type[exp.Expression]) -> bool:
    # sqlglot classes a SELECT as DDL or DML too; it only reads.
    return isinstance(node, kind) and not isinstance(node, exp.Query)


def _is_boolean(expression: exp.Expression) -> bool:
    inner: exp.Expression = expression.unnest()  # type: ignore[no-untyped-call]
    return isinstance(inner, _BOOLEAN) and not isinstance(inner, exp.Query | exp.Star)


def _named(expression: exp.Expression) -> str:
    name = type(expression).__name__.upper()
    return f"an {name}" if name.startswith("A") else f"a {name}"


def _refuse(text: str, reason: str) -> EntryError:
    return EntryError(f"query_filter: got {text!r}, which {reason}; {_ACCEPTED}")
