"""A cursor that uses fakesnow's translation from Snowflake's dialect to DuckDB's."""

import logging
import re
from typing import Any

import duckdb
import snowflake.connector.errors
from fakesnow import info_schema
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.dialect import parse_one
from sqlglot import exp

from .errors import SqlError
from .rewrites import rewrite
from .session import Session

_RESERVED = frozenset(
    row[0]
    for row in duckdb.execute(
        "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
    ).fetchall()
)
# Privileges in a schema are not modelled.
_MANAGED_ACCESS = re.compile(r"(?<=\S)\s+WITH\s+MANAGED\s+ACCESS\b", re.IGNORECASE)
# sqlglot warns of every property of Snowflake that it drops because DuckDB lacks it.
logging.getLogger("sqlglot").setLevel(logging.ERROR)


class Cursor(FakeSnowflakeCursor):
    """fakesnow's cursor, for a statement that is already parsed and rewritten."""

    def to_duck(self, expression: exp.Expression, params: Any = None) -> exp.Expression:
        """Returns the statement in DuckDB's dialect."""
        transformed: exp.Expression = self._transform(expression, params)
        return transformed

    def run(self, expression: exp.Expression, params: Any = None) -> None:
        """Executes the statement."""
        for part in self._transform_explode(expression):
            transformed = self._transform(part, params)
            self._execute(transformed, params if transformed.find(exp.Placeholder) else None)

    def _execute(self, transformed: exp.Expression, params: Any = None) -> None:
        """Executes like fakesnow, except for its metadata on tables, which is in another database.

        A transaction of DuckDB can write to only one database, so another cursor writes the metadata.
        """
        for identifier in transformed.find_all(exp.Identifier):
            if identifier.name.lower() in _RESERVED:
                identifier.set("quoted", True)  # noqa: FBT003 - sqlglot's own signature
        comment = transformed.args.pop("table_comment", None)
        comment = comment if comment and comment[1] else None
        lengths = transformed.args.pop("text_lengths", None)
        super()._execute(transformed, params)
        table = comment[0] if comment else transformed.find(exp.Table)
        if table is None or not (comment or lengths) or (not table.db and not self._conn.schema_set):
            return
        place = (table.catalog or self._conn.database, table.db or self._conn.schema, table.name.replace("'", "''"))
        with self._duck_conn.cursor() as notes:
            if comment:
                notes.execute(info_schema.insert_table_comment_sql(*place, comment[1].replace("'", "''")))
            if lengths:
                notes.execute(info_schema.insert_text_lengths_sql(*place, lengths))


def parse(text: str) -> exp.Expression:
    """Returns the syntax tree of a statement.

    Raises:
        SqlError: The syntax is not Snowflake's, or this server does not know it.
    """
    try:
        expression = parse_one(_MANAGED_ACCESS.sub("", text))
    except snowflake.connector.errors.ProgrammingError as error:
        raise SqlError(1003, "42000", f"SQL compilation error:\n{error.msg}") from error
    if isinstance(expression, exp.Command | exp.Alias) and not text[:4].upper().startswith(("SHOW", "SET ", "UNSE")):
        raise SqlError(1003, "42000", f"SQL compilation error:\nsyntax error line 1 at position 0 in '{text[:80]}'.")
    return expression


def to_duck(session: Session, expression: exp.Expression) -> exp.Expression:
    """Returns an expression in DuckDB's dialect."""
    cursor = Cursor(session.connection, session.duck)
    return cursor.to_duck(rewrite(session, exp.select(expression))).selects[0].unalias()
