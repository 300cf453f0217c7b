"""Statements on tables and schemas."""

from typing import Any

import duckdb
import snowflake.connector.errors
from fakesnow import statement_type
from fakesnow.rowtype import describe_as_rowtype
from fakesnow.transforms.merge import operations
from sqlglot import exp

from . import ddl
from .answers import Answer, counted, status, table_answer
from .cursor import Cursor, parse
from .errors import operation_impossible
from .rewrites import rewrite, table_key, target_of
from .session import Session
from .stages import StagedFiles
from .statements import Statement

_WORDS = {exp.Insert: "inserted", exp.Update: "updated", exp.Delete: "deleted"}


def execute(session: Session, files: StagedFiles, statement: Statement, bindings: Any) -> Answer:
    """Executes a statement on tables, once for each row of bindings."""
    expression = parse(statement.text)
    cursor = Cursor(session.connection, session.duck)
    cursor.check_db_and_schema(expression)
    if statement.is_ddl:
        return _ddl(session, cursor, files, expression)
    if isinstance(expression, exp.Use):
        return _use(cursor, expression)
    if isinstance(expression, exp.Merge):
        return _merge(session, cursor, expression)
    if isinstance(expression, tuple(_WORDS)):
        return _dml(session, cursor, expression, bindings)
    answer: Answer = session.read(lambda: _query(session, cursor, expression, bindings))
    return answer


def _ddl(session: Session, cursor: Cursor, files: StagedFiles, expression: exp.Expression) -> Answer:
    if isinstance(expression, exp.Create | exp.Drop) and expression.args["kind"] == "DATABASE":
        return ddl.database(session, cursor, expression)

    def step() -> Answer:
        if isinstance(expression, exp.TruncateTable):
            return ddl.truncate(session, cursor, expression)
        if isinstance(expression, exp.Alter) and (other := expression.find(exp.SwapTable)):
            return ddl.swap(session, files, expression.this, other.this)
        if expression.args.get("kind") == "TABLE" and (source := expression.find(exp.Clone)):
            return ddl.clone(session, files, expression, source.this)
        return ddl.change(session, files, cursor, expression)

    answer: Answer = session.alone(step)
    return answer


def _query(session: Session, cursor: Cursor, expression: exp.Expression, bindings: Any) -> Answer:
    kind = statement_type.statement_type_id(expression)
    if isinstance(expression, exp.Describe) and (described := _describe_temporary(session, expression)):
        session.duck.execute(described)
        table = session.duck.to_arrow_table()
        return table_answer(table, describe_as_rowtype(session.duck.execute(f"DESCRIBE {described}").fetchall()), kind)
    cursor.run(rewrite(session, expression), bindings)
    rowtype = describe_as_rowtype(cursor._describe_last_sql())
    return table_answer(cursor._arrow_table, rowtype, kind)


def _describe_temporary(session: Session, expression: exp.Describe) -> str | None:
    """Returns the query that describes a temporary table like DESCRIBE TABLE."""
    table = expression.this
    if not isinstance(table, exp.Table) or not session.temporary:
        return None
    if (name := session.temporary.get(table_key(session, table))) is None:
        return None
    return (
        "SELECT column_name AS \"name\", CASE data_type WHEN 'NUMBER' THEN 'NUMBER(' || numeric_precision || ',' ||"
        " numeric_scale || ')' WHEN 'INTEGER' THEN 'NUMBER(38,0)' WHEN 'TEXT' THEN 'VARCHAR(16777216)'"
        " WHEN 'TIMESTAMP_NTZ' THEN 'TIMESTAMP_NTZ(9)' WHEN 'TIMESTAMP_TZ' THEN 'TIMESTAMP_TZ(9)'"
        " WHEN 'TIME' THEN 'TIME(9)' WHEN 'BINARY' THEN 'BINARY(8388608)'"
        ' ELSE data_type END AS "type", \'COLUMN\' AS "kind", \'Y\' AS "null?" FROM'
        " _fs_global._fs_information_schema._fs_columns WHERE table_catalog = 'temp' AND table_name ="
        f" {exp.Literal.string(name).sql('duckdb')} ORDER BY ordinal_position"
    )


def _use(cursor: Cursor, expression: exp.Use) -> Answer:
    try:
        cursor.run(expression)
    except (duckdb.Error, snowflake.connector.errors.Error) as error:
        raise operation_impossible() from error
    return status(kind=statement_type.USE)


def _dml(session: Session, cursor: Cursor, expression: exp.Expression, bindings: Any) -> Answer:
    changed = target_of(expression)
    overwrites = not isinstance(expression, exp.Insert) or expression.args.get("overwrite")
    locked = table_key(session, changed) if changed is not None and overwrites else None
    expression = rewrite(session, expression)
    word = _WORDS[type(expression)]

    def step() -> int:
        total = 0
        for row in bindings if isinstance(bindings, list) else [bindings]:
            cursor.run(expression.copy(), list(row) if isinstance(row, tuple) else row)
            total += cursor.rowcount or 0
        return total

    counts = {f"number of rows {word}": session.write(step, locked)}
    if word == "updated":
        counts["number of multi-joined rows updated"] = 0
    return counted(counts, statement_type.statement_type_id(expression))


def _merge(session: Session, cursor: Cursor, expression: exp.Merge) -> Answer:
    """DuckDB's own MERGE, which accepts unqualified names and reports its action for each row."""
    done = [word for word, indices in operations(expression).items() if indices]
    locked = table_key(session, expression.this)
    duck = cursor.to_duck(rewrite(session, expression)).sql(dialect="duckdb") + " RETURNING merge_action"
    actions = [row[0] for row in session.write(lambda: session.duck.execute(duck).fetchall(), locked)]
    names = {"inserted": "INSERT", "updated": "UPDATE", "deleted": "DELETE"}
    return counted({f"number of rows {word}": actions.count(names[word]) for word in done}, statement_type.MERGE)
