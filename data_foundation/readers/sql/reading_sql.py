"""Parses SQL of the configuration, and refuses whatever is not known only to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import SqlglotError

from data_foundation.errors import EntryError
from data_foundation.readers.sql.reading_functions import FUNCTIONS, WORDS
from data_foundation.suggestions import nearest

_DIALECTS = {"postgresql": "postgres", "sqlite": "sqlite", "mysql": "mysql", "mssql": "tsql", "oracle": "oracle"}
_REFUSED = {
    exp.DML: "writes",
    exp.DDL: "writes",
    exp.Into: "writes",
    exp.Command: "is a statement",
    exp.Lock: "locks rows",
    exp.Placeholder: "has a placeholder",
    exp.Parameter: "has a placeholder",
    exp.NextValueFor: "takes the next number of a sequence",
    exp.Hint: "has a hint for the optimizer",
    exp.WithTableHint: "has a table hint, which may lock rows or read uncommitted ones",
}
_SEQUENCE_COLUMNS = frozenset({"nextval", "currval"})
"""Columns by which Oracle and MariaDB take numbers of a sequence, as in `orders_seq.nextval`."""


def parse_reading(text: str, dialect: str, refuse: Callable[[str], EntryError]) -> exp.Expression:
    """Returns the only statement or expression of a text.

    Args:
        text: SQL of the configuration.
        dialect: Dialect of the connection.
        refuse: Returns the error for a reason, which continues the sentence "got ..., which".

    Raises:
        EntryError: The text cannot be parsed, has several statements or a comment, writes, locks, or calls a function
            that is not known only to read.
    """
    language = _DIALECTS[dialect]
    try:
        tokens = sqlglot.tokenize(text, read=language)
        parsed = sqlglot.parse(text, read=language)
    except (SqlglotError, RecursionError) as error:
        reason = str(error).partition("\n")[0].rstrip(". ") or "too deep"
        raise refuse(f"cannot be read as {dialect} SQL ({reason})") from None
    if len(parsed) != 1 or parsed[0] is None:
        raise refuse(f"contains {len(parsed)} statements" if any(parsed) else "is empty")
    if any(token.comments for token in tokens):
        raise refuse("has a comment")
    expression = parsed[0]
    for node in expression.walk():
        if reason := next((why for kind, why in _REFUSED.items() if _is(node, kind)), ""):
            raise refuse(reason)
        if isinstance(node, exp.Column) and node.table and node.name.lower() in _SEQUENCE_COLUMNS:
            raise refuse("takes a number of a sequence")
    if called := find_forbidden_call(tokens, dialect, _named_with_columns(expression)):
        hint = nearest(called.lower(), sorted(FUNCTIONS[dialect]))
        raise refuse(f"calls {called}, which is no function known only to read{hint}")
    return expression


def find_forbidden_call(tokens: Sequence[Token], dialect: str, names: frozenset[int] = frozenset()) -> str:
    """Returns the first name before an opening bracket that is no function known only to read. Returns "" without any.

    The words are checked as they are written: a parser knows many functions under other names, and the database may
    have more of its own.

    Args:
        tokens: The words of the text.
        dialect: Dialect of the connection.
        names: Positions of words that are no functions, whatever they are.
    """
    for position, (word, following) in enumerate(pairwise(tokens)):
        if following.token_type != TokenType.L_PAREN or (not word.text[:1].isalpha() and word.text[:1] != "_"):
            continue
        if word.start in names:
            continue
        is_qualified = position > 0 and tokens[position - 1].token_type == TokenType.DOT
        is_quoted = word.token_type == TokenType.IDENTIFIER
        accepted = FUNCTIONS[dialect] if is_quoted else FUNCTIONS[dialect] | WORDS
        if word.token_type != TokenType.STRING and (is_qualified or word.text.lower() not in accepted):
            return word.text
    return ""


def _named_with_columns(expression: exp.Expression) -> frozenset[int]:
    """Returns the positions of names that a list of columns follows, as in `WITH totals (day, amount) AS`."""
    aliases = (alias for alias in expression.find_all(exp.TableAlias) if alias.columns and alias.this)
    return frozenset(start for alias in aliases if (start := alias.this.meta.get("start")) is not None)


def _is(node: exp.Expression, kind: type[exp.Expression]) -> bool:
    # sqlglot classes a SELECT as DDL or DML too; it only reads.
    return isinstance(node, kind) and not isinstance(node, exp.Query)
