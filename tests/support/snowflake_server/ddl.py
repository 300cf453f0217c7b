"""Statements that create, change and drop tables, schemas and databases."""

import sqlglot
from fakesnow import statement_type
from sqlglot import exp

from .answers import Answer, status
from .copying import forget_loads
from .cursor import Cursor, parse
from .errors import object_missing
from .rewrites import forget_temporary, is_temporary, rewrite, table_key, table_name, target_of
from .session import Session
from .staged_files import quoted
from .stages import StagedFiles


def truncate(session: Session, cursor: Cursor, expression: exp.TruncateTable) -> Answer:
    """Truncates tables and clears their load history."""
    for table in expression.expressions:
        if expression.args.get("exists") and not _exists(session, table_key(session, table)):
            continue
        session.locks.acquire(session, table_key(session, table))
        cursor.run(rewrite(session, exp.delete(table.copy())))
        forget_loads(session, table_key(session, table))
    return status(kind=statement_type.DDL)


def change(session: Session, files: StagedFiles, cursor: Cursor, expression: exp.Expression) -> Answer:
    """Executes CREATE, ALTER or DROP."""
    target, kind = target_of(expression), expression.args.get("kind")
    before = dict(session.temporary)
    rewritten = rewrite(session, expression)
    if kind == "TABLE" and target is not None:
        _forget_replaced(session, files, expression, before)
    try:
        cursor.run(rewritten)
    except BaseException:
        session.temporary = before
        raise
    forget_temporary(session, rewritten)
    row = cursor.fetchone()
    words = row[0] if isinstance(row, tuple) and row and isinstance(row[0], str) else "Statement executed successfully."
    return status(words, statement_type.DDL)


def _forget_replaced(
    session: Session, files: StagedFiles, expression: exp.Expression, temporary: dict[tuple[str, str, str], str]
) -> None:
    """Deletes the staged files and the load history of a table that is dropped or replaced."""
    table = target_of(expression)
    if table is None:
        return
    key = table_key(session, table)
    replaces = isinstance(expression, exp.Create) and bool(expression.args.get("replace"))
    if (replaces and not is_temporary(expression)) or (isinstance(expression, exp.Drop) and key not in temporary):
        if _exists(session, key):
            forget_loads(session, key)
        files.forget_table(key)


def _exists(session: Session, table: tuple[str, str, str]) -> bool:
    sql = "SELECT 1 FROM duckdb_tables() WHERE (database_name, schema_name, table_name) = (?, ?, ?)"
    return table in session.temporary or bool(session.duck.execute(sql, table).fetchone())


def _definition(session: Session, table: tuple[str, str, str], renamed: tuple[str, str, str]) -> exp.Create:
    """Returns the CREATE TABLE of a table, with another name."""
    sql = "SELECT sql FROM duckdb_tables() WHERE (database_name, schema_name, table_name) = (?, ?, ?)"
    if (found := session.duck.execute(sql, table).fetchone()) is None:
        raise object_missing("Table", ".".join(table))
    create = sqlglot.parse_one(found[0], read="duckdb")
    create.find(exp.Table).replace(exp.table_(renamed[2], renamed[1], renamed[0], quoted=True))
    return create


def swap(session: Session, files: StagedFiles, one: exp.Table, other: exp.Table) -> Answer:
    """Swaps two tables in one transaction: columns, constraints, rows and stages."""
    first, second = table_key(session, one), table_key(session, other)
    definitions = [_definition(session, first, second), _definition(session, second, first)]
    duck = session.duck
    for number, table in enumerate((first, second)):
        name = ".".join(map(quoted, table))
        duck.execute(f"CREATE OR REPLACE TEMPORARY TABLE _swapped_{number} AS SELECT * FROM {name}")
        duck.execute(f"DROP TABLE {name}")
    for number, (create, table) in enumerate(zip(definitions, (second, first), strict=True)):
        duck.execute(create.sql(dialect="duckdb"))
        duck.execute(f"INSERT INTO {'.'.join(map(quoted, table))} SELECT * FROM _swapped_{number}")
        duck.execute(f"DROP TABLE _swapped_{number}")
    session.at_commit(lambda: files.swap_tables(first, second))
    return status(kind=statement_type.DDL)


def clone(session: Session, files: StagedFiles, create: exp.Create, source: exp.Table) -> Answer:
    """Copies a table under another name."""
    new, old = table_key(session, create.find(exp.Table)), table_key(session, source)
    definition = _definition(session, old, new)
    definition.set("replace", create.args.get("replace"))
    definition.set("exists", create.args.get("exists"))
    existed = _exists(session, new)
    _forget_replaced(session, files, create, session.temporary)
    session.duck.execute(definition.sql(dialect="duckdb"))
    if not (existed and create.args.get("exists")):
        name, origin = (".".join(map(quoted, table)) for table in (new, old))
        session.duck.execute(f"INSERT INTO {name} SELECT * FROM {origin}")
    return status(f"Table {new[2]} successfully created.", statement_type.DDL)


def database(session: Session, cursor: Cursor, expression: exp.Expression) -> Answer:
    """Creates or drops a database. DuckDB attaches it, which is impossible in a transaction."""
    name = table_name(expression.find(exp.Table))
    known = {row[0] for row in session.duck.execute("SELECT database_name FROM duckdb_databases()").fetchall()}
    if isinstance(expression, exp.Create) and name in known and expression.args.get("exists"):
        return status(f"{name} already exists, statement succeeded.", statement_type.DDL)
    if isinstance(expression, exp.Drop) and name not in known and not expression.args.get("exists"):
        raise object_missing("Database", name)
    replaced = isinstance(expression, exp.Drop) or expression.args.get("replace")
    if replaced and name in known:
        if session.connection.database == name:
            session.duck.execute("USE memory")
            session.connection.database_set = session.connection.schema_set = False
        session.duck.execute(f"DETACH {quoted(name)}")
    if isinstance(expression, exp.Create):
        expression.set("replace", None)
        cursor.run(expression)
        cursor.run(parse(f"USE DATABASE {quoted(name)}"))
    verb = "created" if isinstance(expression, exp.Create) else "dropped"
    return status(f"Database {name} successfully {verb}.", statement_type.DDL)
