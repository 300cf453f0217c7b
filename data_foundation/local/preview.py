"""Previews a resource: loads its first rows into a DuckDB database in memory, with the same code as a real load."""

from __future__ import annotations

import json
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
        parent: dataset.table of the table whose rows have the list, "" if it is no nested table.
        parents: For each row of a nested table the number of its row in the parent's `rows`, from 1.
    """

    destination: str
    columns: Mapping[str, Mapping[str, Any]]
    names: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    parent: str = ""
    parents: tuple[int, ...] = ()


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
        read = _Reading(connection, dataset, limit, _find_parents(connection, dataset))
        return [read.table(name, columns) for name, columns in tables.items() if columns]


def _find_parents(connection: duckdb.DuckDBPyConnection, dataset: str) -> Mapping[str, str]:
    """Returns the parent of each nested table, by the links of the schema that the load has stored."""
    query = f'SELECT schema FROM "{dataset}"._dlt_version ORDER BY version DESC LIMIT 1'  # noqa: S608 - dlt's name
    stored = connection.execute(query).fetchone()
    tables = json.loads(stored[0])["tables"] if stored else {}
    return {name: table["parent"] for name, table in tables.items() if table.get("parent")}


@dataclass(frozen=True)
class _Reading:
    """Reads the tables of a preview from its database, each in the order in which its rows were loaded."""

    connection: duckdb.DuckDBPyConnection
    dataset: str
    limit: int
    parents: Mapping[str, str]

    def table(self, name: str, columns: Mapping[str, Mapping[str, Any]]) -> Preview:
        """Returns one table; the rows of a nested one follow those of its parent."""
        names = tuple(column for column in columns if not column.startswith("_dlt"))
        selected = ", ".join(f'child."{column}"' for column in names) or "NULL"
        table = f'"{self.dataset}"."{name}" AS child'
        parent = self.parents.get(name, "")
        if parent:
            numbered = f'SELECT _dlt_id, row_number() OVER (ORDER BY rowid) AS place FROM "{self.dataset}"."{parent}"'  # noqa: S608 - names are normalised by dlt
            table += f" JOIN ({numbered}) AS parent ON child._dlt_parent_id = parent._dlt_id"
        place, order = ("parent.place", "parent.place, child._dlt_list_idx") if parent else ("0", "child.rowid")
        query = f"SELECT {place}, {selected} FROM {table} ORDER BY {order} LIMIT {self.limit}"  # noqa: S608 - the same
        found = self.connection.execute(query).fetchall()
        return Preview(
            f"{self.dataset}.{name}",
            {column: columns[column] for column in names},
            names,
            tuple(row[1:] if names else () for row in found),
            f"{self.dataset}.{parent}" if parent else "",
            tuple(row[0] for row in found) if parent else (),
        )
