"""Names and texts as SQL writes them, in every dialect that follows the standard: DuckDB, PostgreSQL, SQLite."""

from __future__ import annotations


def quote_name(name: str) -> str:
    """Returns an identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Returns a text as a literal in single quotes."""
    return "'" + text.replace("'", "''") + "'"
