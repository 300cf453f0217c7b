"""The DuckDB file in which dbt builds models over a lake, whose tables are shown in it while dbt, or a query, runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from typing_extensions import override

from data_foundation.warehouses.base import Setting
from data_foundation.warehouses.duckdb.warehouse import DuckDBWarehouse

if TYPE_CHECKING:
    import duckdb

    from data_foundation.warehouses.base import Query, Warehouse
    from data_foundation.warehouses.lake.destination import LakeDestination

MODELS = Setting(
    "LAKE_MODELS",
    "DuckDB file in which dbt builds models over the lake, relative to the repository.",
    default="data/lake_models.duckdb",
)

OPENED_AT_ONCE = 8
"""Tables that are opened at the same time: each needs several requests to the store."""

Tables = Mapping[tuple[str, str], Any]
"""The rows of tables, by dataset and name, each an object with Arrow's PyCapsule interface."""


@dataclass(frozen=True)
class LakeModels(DuckDBWarehouse):
    """The DuckDB file next to a lake, for dbt: resources land in the lake.

    Attributes:
        lake: The lake.
    """

    lake: Warehouse
    kind: ClassVar[str] = "lake"
    known_settings: ClassVar[Sequence[Setting]] = ()

    @override
    def dbt_settings(self) -> Mapping[str, str]:
        return {"DBT_LAKE_PATH": self.path}

    @contextmanager
    @override
    def query(self) -> Iterator[Query]:
        """Yields a function that runs one SELECT over the models and the tables of the lake."""
        with self.exclusive(), closing(self.connect()) as connection:
            tables = find_tables(self.lake)
            show(connection, tables)
            try:
                yield lambda sql: connection.execute(sql).fetchall()
            finally:
                # No other program could read them.
                for dataset, name in tables:
                    connection.execute(f"DROP VIEW IF EXISTS {_quoted(dataset)}.{_quoted(name)}")


def find_tables(lake: Warehouse) -> Tables:
    """Returns the tables of this deployment's datasets in a lake, as they are now."""
    with lake.open() as opened:
        destination = cast("LakeDestination", opened)
        clients = [
            destination.client_of(dataset, schema)
            for dataset in destination.client_of("probe", "probe").find_datasets(lake.suffix)
            for schema in destination.client_of(dataset, "probe").find_schemas()
        ]

        def read(client: Any) -> Iterator[tuple[tuple[str, str], Any]]:
            for name in client.find_tables():
                if (rows := client.sql_client.read(name)) is not None:
                    yield (client.dataset_name, name), rows

        with ThreadPoolExecutor(OPENED_AT_ONCE) as pool:
            return {key: rows for found in pool.map(lambda client: list(read(client)), clients) for key, rows in found}


def show(connection: duckdb.DuckDBPyConnection, tables: Tables) -> None:
    """Creates a view of each table, in the schema that has the name of its dataset.

    Args:
        connection: The connection; each further cursor of it must `register` the tables too.
        tables: The tables.
    """
    register(connection, tables)
    for dataset, name in tables:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(dataset)}")
        view = f"{_quoted(dataset)}.{_quoted(name)}"
        connection.execute(f"CREATE OR REPLACE VIEW {view} AS SELECT * FROM {_quoted(_inner(dataset, name))}")  # noqa: S608 - quoted


def register(connection: duckdb.DuckDBPyConnection, tables: Tables) -> None:
    """Makes the rows of tables known to a connection or a cursor, for the views that `show` has created."""
    for (dataset, name), rows in tables.items():
        connection.register(_inner(dataset, name), cast("Any", rows))


def _inner(dataset: str, name: str) -> str:
    return f"files of {dataset}.{name}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
