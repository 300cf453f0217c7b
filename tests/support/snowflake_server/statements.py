"""Splits a request into statements, and reads their first words before they are parsed."""

import re
from dataclasses import dataclass

import sqlglot
from sqlglot import TokenType
from sqlglot.errors import SqlglotError

from .errors import SqlError, syntax_error

DDL = frozenset({"ALTER", "COMMENT", "CREATE", "DROP", "GRANT", "REVOKE", "TRUNCATE", "UNDROP"})
WRITES = frozenset({"COPY", "DELETE", "INSERT", "MERGE", "UPDATE"})
OTHERS = frozenset(
    {"BEGIN", "COMMIT", "DESC", "DESCRIBE", "EXPLAIN", "GET", "LIST", "LS", "PUT", "REMOVE", "RM", "ROLLBACK"}
    | {"SELECT", "SET", "SHOW", "START", "UNSET", "USE", "VALUES", "WITH"}
)
# Strings, names and scripts are kept; everything else that matches is a comment. Addresses contain slashes too:
# file:///a.
_COMMENTS = re.compile(
    r"""('(?:[^'\\]|\\.|'')*'|"[^"]*"|\$\$.*?\$\$)|--[^\n]*|^\s*//[^\n]*|/\*.*?\*/""", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class Statement:
    """One statement without comments, and its first words."""

    text: str
    words: tuple[str, ...]

    @property
    def verb(self) -> str:
        """The first word."""
        return self.words[0]

    @property
    def is_ddl(self) -> bool:
        """Returns True if the statement commits the open transaction, as Snowflake's DDL does."""
        return self.verb in DDL and self.words[:2] != ("ALTER", "SESSION")

    @property
    def writes(self) -> bool:
        """Returns True if the statement changes rows."""
        return self.verb in WRITES

    @property
    def computes(self) -> bool:
        """Returns True if the statement needs a warehouse."""
        if self.verb in {"SELECT", "WITH"}:
            return re.search(r"\bFROM\b", self.text, re.IGNORECASE) is not None
        creates_from_query = self.verb == "CREATE" and "TABLE" in self.words
        return self.writes or (
            creates_from_query and re.search(r"\bAS\s*\(?\s*(SELECT|WITH)\b", self.text, re.IGNORECASE) is not None
        )

    @property
    def kind(self) -> str:
        """The type of query in QUERY_HISTORY."""
        if self.verb in {"WITH", "VALUES"}:
            return "SELECT"
        if self.verb in {"CREATE", "DROP", "ALTER", "SHOW", "TRUNCATE"} and len(self.words) > 1:
            qualifiers = {"OR", "REPLACE", "TRANSIENT", "TEMPORARY", "TEMP"}
            return "_".join([self.verb, *[word for word in self.words[1:] if word not in qualifiers][:1]])
        return {"START": "BEGIN_TRANSACTION", "BEGIN": "BEGIN_TRANSACTION", "PUT": "PUT_FILES"}.get(
            self.verb, self.verb
        )


def split(sql: str) -> list[str]:
    """Returns the statements of a request, without semicolons."""
    try:
        tokens = sqlglot.tokenize(sql, read="snowflake")
    except SqlglotError as error:
        raise SqlError(1003, "42000", f"SQL compilation error:\n{error}") from error
    parts, start = [], 0
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            parts.append(sql[start : token.start])
            start = token.end + 1
    parts.append(sql[start:])
    return [part.strip() for part in parts if _without_comments(part)]


def read(sql: str) -> Statement:
    """Returns the statement of a text.

    Raises:
        SqlError: The text is empty, or its first word is unknown.
    """
    text = _without_comments(sql).rstrip(";").rstrip()
    words = tuple(re.findall(r"\w+", text[:200].upper())[:8])
    if not words:
        raise SqlError(900, "42601", "SQL compilation error:\nEmpty SQL statement.")
    first = words[0] if not text.startswith("(") else "SELECT"
    if first not in DDL | WRITES | OTHERS:
        raise syntax_error(first)
    return Statement(text, (first, *words[1:]) if not text.startswith("(") else ("SELECT", *words))


def _without_comments(text: str) -> str:
    return _COMMENTS.sub(lambda found: found[1] or " ", text).strip()
