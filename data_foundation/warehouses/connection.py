"""SQL in a dataset of a destination, in the words of whatever engine it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dlt.common.schema import Schema
from dlt.destinations.sql_client import WithSqlClient

if TYPE_CHECKING:
    from dlt.common.destination import Destination
    from dlt.destinations.sql_client import SqlClientBase


@contextmanager
def connect(destination: Destination[Any, Any], dataset: str) -> Iterator[SqlClientBase[Any]]:
    """Yields a client that executes SQL and quotes the names of a dataset's tables.

    Args:
        destination: Of `Warehouse.open`; inside `Warehouse.transaction` what is executed is a part of that.
        dataset: Its name.
    """
    configuration = destination.spec()
    configuration.dataset_name = dataset
    client = destination.client(Schema(dataset), configuration)
    assert isinstance(client, WithSqlClient)  # noqa: S101 - every warehouse of ours speaks SQL
    with client.sql_client as sql_client:
        yield sql_client


def execute_first(
    destination: Destination[Any, Any], dataset: str, statements: Sequence[tuple[str, Sequence[Any]]]
) -> None:
    """Executes what comes first in a transaction; connects to nothing where that is nothing.

    Args:
        destination: As for `connect`.
        dataset: One that is there; the statements name theirs.
        statements: SQL with `%s` for each value, and the values.
    """
    if statements:
        with connect(destination, dataset) as client:
            for sql, values in statements:
                client.execute_sql(sql, *values)
