"""Runs one SELECT in the warehouse, which can change nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import sqlglot
from dlt.destinations.exceptions import DatabaseException
from sqlglot import exp
from sqlglot.errors import SqlglotError

from data_foundation.errors import FoundationError, WarehouseError
from data_foundation.warehouses.connection import column_names, connect
from data_foundation.warehouses.sql.translation import TranslatingSqlClient

if TYPE_CHECKING:
    from dlt.destinations.sql_client import SqlClientBase

    from data_foundation.warehouses.base import Warehouse

WRITES = (exp.DML, exp.DDL, exp.Command, exp.Into, exp.Set, exp.Pragma, exp.Attach, exp.Detach, exp.Use, exp.Copy)
"""Parts of a statement that may change something."""

STOPPED = ("interrupted", "statement timeout", "statement or warehouse timeout")
"""What DuckDB, PostgreSQL and Snowflake write of a query that took longer than its limit."""


@dataclass(frozen=True)
class Rows:
    """The result of a query.

    Attributes:
        names: The columns.
        rows: The first rows.
        is_cut: Whether there are more.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    is_cut: bool = False


def read_select(warehouse: Warehouse, sql: str, limit: int, seconds: int | None = None, dataset: str = "") -> Rows:
    """Returns the first rows of a SELECT.

    Args:
        warehouse: The warehouse.
        sql: One statement, in the SQL of the warehouse; tables are named dataset.table, as they are in the warehouse.
        limit: Maximum number of rows.
        seconds: Duration after which the warehouse stops the query. Default: no limit.
        dataset: The schema whose tables a lake is queried for, as the warehouse spells it. Default: that of `raw`.

    Raises:
        FoundationError: It is no SELECT, the warehouse refuses it, or it takes too long.
    """
    refuse_writes(sql, dialect_of(warehouse))
    with warehouse.open() as destination, connect(destination, dataset or warehouse.dataset("raw")) as client:
        if isinstance(client, TranslatingSqlClient):
            client.translates = False
        try:
            with (
                _read_only(client, warehouse.kind),
                _limited(client, warehouse, seconds),
                client.execute_query(sql) as cursor,
            ):
                rows = cursor.fetchmany(limit + 1)
                names = column_names(cursor)
        except (DatabaseException, duckdb.InterruptException, WarehouseError) as error:
            if seconds and any(word in str(error).lower() for word in STOPPED):
                raise FoundationError(f"the query took longer than {seconds} s, and was stopped") from None
            if isinstance(error, WarehouseError):
                raise
            raise FoundationError(f"the warehouse refuses the query: {error}") from None
    return Rows(names, tuple(tuple(row) for row in rows[:limit]), len(rows) > limit)


def dialect_of(warehouse: Warehouse) -> str:
    """Returns sqlglot's name of the SQL of a warehouse; a lake is queried by DuckDB."""
    return str(warehouse.destination().capabilities().sqlglot_dialect or "duckdb")


def refuse_writes(sql: str, dialect: str) -> None:
    """Raises FoundationError unless the text is one SELECT."""
    try:
        parsed = sqlglot.parse(sql, dialect=dialect)
    except SqlglotError as error:
        raise FoundationError(f"sql: cannot be read as one SELECT of {dialect}: {str(error).splitlines()[0]}") from None
    # A comment behind the last semicolon is a statement of its own for sqlglot.
    statements = [statement for statement in parsed if statement and not isinstance(statement, exp.Semicolon)]
    found = [part for statement in statements for part in statement.find_all(*WRITES)]
    # sqlglot classes a SELECT as DDL or DML too; it only reads.
    parts = [part for part in found if not isinstance(part, exp.Query)]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query) or parts:
        raise FoundationError("sql: accepted is one SELECT, or WITH ... SELECT; nothing was executed")


@contextmanager
def _read_only(client: SqlClientBase[Any], kind: str) -> Iterator[None]:
    """Has the engine refuse every change in the block, where it can: a function in a SELECT might write."""
    if kind not in ("duckdb", "ducklake", "postgres"):
        yield
        return
    client.execute_sql("BEGIN TRANSACTION READ ONLY")
    try:
        yield
    finally:
        # After an error DuckDB has rolled back by itself.
        with suppress(DatabaseException):
            client.execute_sql("ROLLBACK")


@contextmanager
def _limited(client: SqlClientBase[Any], warehouse: Warehouse, seconds: int | None) -> Iterator[None]:
    """Has the engine stop a query in the block that takes longer than `seconds`, if it is known how."""
    if seconds and warehouse.kind == "postgres":
        client.execute_sql(f"SET LOCAL statement_timeout = '{seconds}s'")
    elif seconds and warehouse.kind == "snowflake":
        client.execute_sql(f"ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = {seconds}")
    elif seconds and (interrupt := getattr(client.native_connection, "interrupt", None)):
        timer = threading.Timer(seconds, interrupt)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
        return
    yield
