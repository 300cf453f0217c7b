"""Previews a resource: loads its first rows into a DuckDB database in memory, with the same code as a real load."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from data_foundation.config.grammar import ResourceConfig
from data_foundation.loading.attempts import load_resource
from data_foundation.loading.task import LoadOptions, Task
from data_foundation.project.source import SourceConfig
from data_foundation.warehouses.base import WORK_FOLDER
from data_foundation.warehouses.duckdb.warehouse import MemoryWarehouse
from data_foundation.warehouses.settings import find_folder


@dataclass(frozen=True)
class Preview:
    """A table as a real load would create it.

    Attributes:
        destination: dataset.table.
        columns: dlt's column schemas by column name.
        names: Column names of `rows`, without dlt's own columns.
        rows: The first rows, at most the requested limit.
    """

    destination: str
    columns: Mapping[str, Mapping[str, Any]]
    names: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def preview_resource(source: SourceConfig, resource: ResourceConfig, limit: int) -> list[Preview]:
    """Returns the table that a resource fills with its first `limit` rows, and its nested tables.

    Raises:
        FoundationError: The load failed, see `load_resource`.
    """
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        warehouse = MemoryWarehouse(Path(folder), ":memory:", connection)
        # Not in the temporary folder, which is removed before a person can read a traceback in it.
        tracebacks = find_folder(WORK_FOLDER, source.folder.parents[1]) / "preview"
        result = load_resource(Task(source, resource, LoadOptions(limit=limit)), warehouse, tracebacks=tracebacks)
        tables = {result.table.rpartition(".")[2]: result.columns, **result.child_columns}
        for name, further in result.further.items():
            tables |= {name: further.columns, **further.child_columns}
        dataset = result.destination.split(".")[0]
        return [_read(connection, dataset, name, columns, limit) for name, columns in tables.items() if columns]


def _read(
    connection: duckdb.DuckDBPyConnection,
    dataset: str,
    table: str,
    columns: Mapping[str, Mapping[str, Any]],
    limit: int,
) -> Preview:
    names = tuple(name for name in columns if not name.startswith("_dlt"))
    selected = ", ".join(f'"{name}"' for name in names) or "NULL"
    query = f'SELECT {selected} FROM "{dataset}"."{table}" LIMIT {limit}'  # noqa: S608 - names are normalised by dlt
    rows = connection.execute(query).fetchall()
    return Preview(f"{dataset}.{table}", {name: columns[name] for name in names}, names, tuple(rows))
