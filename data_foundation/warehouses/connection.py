"""Runs SQL in a dataset of a dlt destination, whatever its engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dlt.common.schema import Schema
from dlt.destinations.sql_client import WithSqlClient

from data_foundation.warehouses.sql.translation import TranslatingSqlClient
from data_foundation.warehouses.table_columns import TypedColumns

if TYPE_CHECKING:
    from dlt.common.destination import Destination
    from dlt.destinations.sql_client import SqlClientBase

Statement = tuple[str, Sequence[Any]]
"""SQL with `%s` for each value, and the values."""


@contextmanager
def connect(destination: Destination[Any, Any], dataset: str) -> Iterator[SqlClientBase[Any]]:
    """Yields a client that executes standard SQL and quotes the names of a dataset's tables.

    Args:
        destination: From `Warehouse.open`. Inside `Warehouse.transaction`, the SQL is part of that transaction.
        dataset: The dataset's name in the warehouse.
    """
    client = job_client(destination, dataset)
    assert isinstance(client, WithSqlClient)  # noqa: S101 - every warehouse here has SQL
    if isinstance(client.sql_client, TranslatingSqlClient):
        client.sql_client.translates = True
    with client.sql_client as sql_client:
        yield sql_client


def column_client(destination: Destination[Any, Any], dataset: str) -> TypedColumns | None:
    """Returns a client that knows the columns of a dataset's tables, None if the engine's tables have no fixed ones.

    Args:
        destination: As for `connect`.
        dataset: The same.
    """
    client = job_client(destination, dataset)
    return client if isinstance(client, TypedColumns) else None


def job_client(destination: Destination[Any, Any], dataset: str) -> Any:
    """Returns dlt's client of a dataset; its class depends on the engine.

    Args:
        destination: As for `connect`.
        dataset: The same.
    """
    configuration = destination.spec()
    configuration.dataset_name = dataset
    return destination.client(Schema(dataset), configuration)


def count_rows(client: SqlClientBase[Any], table: str) -> int:
    """Returns the number of rows of a table that exists."""
    query = f"SELECT COUNT(*) FROM {client.make_qualified_table_name(table)}"  # noqa: S608 - quoted by dlt
    return int((client.execute_sql(query) or [(0,)])[0][0])


def column_names(cursor: Any) -> tuple[str, ...]:
    """Returns the columns of a result; SQLAlchemy's has keys in place of the description that drivers have."""
    result = cursor.native_cursor
    return tuple(result.keys()) if hasattr(result, "keys") else tuple(str(one[0]) for one in result.description or ())


def as_moment(value: datetime | str) -> datetime:
    """Returns a moment in UTC; an engine without zones returns it without one, one without times as text."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def is_ddl(statement: str) -> bool:
    """Returns True for a statement that changes a table's definition; Snowflake commits the open transaction for it."""
    return statement.lstrip().upper().startswith(("CREATE", "DROP", "ALTER"))


def execute_all(destination: Destination[Any, Any], dataset: str, statements: Sequence[Statement]) -> None:
    """Executes statements in their order. Does not connect if there are none.

    Args:
        destination: As for `connect`.
        dataset: An existing one; the statements name their own.
        statements: The statements to execute.
    """
    if statements:
        with connect(destination, dataset) as client:
            for sql, values in statements:
                client.execute_sql(sql, *values)
