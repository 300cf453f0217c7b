"""A cursor over fakesnow's transformations from Snowflake's dialect to DuckDB's."""

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
# Who may grant what in a schema is not known here.
_MANAGED_ACCESS = re.compile(r"(?<=\S)\s+WITH\s+MANAGED\s+ACCESS\b", re.IGNORECASE)
# sqlglot warns of each property of Snowflake's that DuckDB lacks, and drops it: as it should.
logging.getLogger("sqlglot").setLevel(logging.ERROR)


class Cursor(FakeSnowflakeCursor):
    """fakesnow's cursor, over a statement that is parsed and rewritten already."""

    def to_duck(self, expression: exp.Expression, params: Any = None) -> exp.Expression:
        """The statement in DuckDB's words."""
        transformed: exp.Expression = self._transform(expression, params)
        return transformed

    def run(self, expression: exp.Expression, params: Any = None) -> None:
        """Execute it."""
        for part in self._transform_explode(expression):
            transformed = self._transform(part, params)
            self._execute(transformed, params if transformed.find(exp.Placeholder) else None)

    def _execute(self, transformed: exp.Expression, params: Any = None) -> None:
        """As fakesnow does, but for its notes on tables: they lie in another database.

        A transaction of DuckDB writes to one database alone, so the notes are made through another cursor.
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
    """The statement's tree.

    Raises:
        SqlError: it has no syntax of Snowflake's, or this server knows it not.
    """
    try:
        expression = parse_one(_MANAGED_ACCESS.sub("", text))
    except snowflake.connector.errors.ProgrammingError as error:
        raise SqlError(1003, "42000", f"SQL compilation error:\n{error.msg}") from error
    if isinstance(expression, exp.Command | exp.Alias) and not text[:4].upper().startswith(("SHOW", "SET ", "UNSE")):
        raise SqlError(1003, "42000", f"SQL compilation error:\nsyntax error line 1 at position 0 in '{text[:80]}'.")
    return expression


def to_duck(session: Session, expression: exp.Expression) -> exp.Expression:
    """An expression in DuckDB's words."""
    cursor = Cursor(session.connection, session.duck)
    return cursor.to_duck(rewrite(session, exp.select(expression))).selects[0].unalias()
