"""Reads what a pipeline of dlt has stored in a warehouse: the state and the schemas of its sources."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import dlt
from dlt.common.schema.utils import get_nested_tables
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from data_foundation.errors import LoadError
from data_foundation.suggestions import nearest
from data_foundation.warehouses.connection import connect

if TYPE_CHECKING:
    from dlt.common.normalizers.naming import NamingConvention
    from dlt.common.schema import Schema
    from dlt.common.schema.typing import TSchemaTables

    from data_foundation.warehouses.base import Destination


@dataclass(frozen=True)
class Origin:
    """What a pipeline knows of one table.

    Attributes:
        resource: Name of the dlt resource that fills it.
        tables: The table, its nested tables, and further tables of the resource.
        state: The state of its source: that of each resource, and what the source keeps for all.
        naming: The naming convention of its columns.
    """

    resource: str
    tables: TSchemaTables
    state: Mapping[str, Any]
    naming: NamingConvention

    @property
    def cursors(self) -> Mapping[str, Any]:
        """The stored value of each cursor, by its path."""
        stored = self.state.get("resources", {}).get(self.resource, {}).get("incremental", {})
        return {path: cursor.get("last_value") for path, cursor in stored.items()}


@dataclass(frozen=True)
class DltPipeline:
    """A pipeline as it is in the warehouse.

    Attributes:
        name: Its name.
        schemas: Its schemas.
        states: The state of each source, by the name of its schema.
    """

    name: str
    schemas: tuple[Schema, ...]
    states: Mapping[str, Any]

    @property
    def tables(self) -> frozenset[str]:
        """The tables that its resources fill, without nested ones."""
        return frozenset(
            name
            for schema in self.schemas
            for name, table in schema.tables.items()
            if not (table.get("parent") or name.startswith("_dlt"))
        )

    def find(self, table: str) -> Origin | None:
        """Returns what the pipeline knows of a table, None if it has not loaded it."""
        for schema in self.schemas:
            if table in schema.tables and not schema.tables[table].get("parent"):
                resource = str(schema.tables[table].get("resource", table))
                roots = {table} | {
                    name for name, one in schema.tables.items() if one.get("resource") == resource and name != table
                }
                tables = {
                    str(one["name"]): deepcopy(one)
                    for root in sorted(roots)
                    for one in get_nested_tables(schema.tables, root)
                }
                return Origin(resource, tables, deepcopy(self.states.get(schema.name, {})), schema.naming)
        return None


class PipelineReader:
    """Reads pipelines, each once, however many tables are taken over from it."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str, str], DltPipeline] = {}

    def read(self, name: str, destination: Destination, dataset: str) -> DltPipeline:
        """Returns what a pipeline has stored; see `read_pipeline`."""
        key = destination.destination_type, dataset, name
        if key not in self._read:
            self._read[key] = read_pipeline(name, destination, dataset)
        return self._read[key]


def read_pipeline(name: str, destination: Destination, dataset: str) -> DltPipeline:
    """Returns what a pipeline has stored.

    Args:
        name: Name of the pipeline.
        destination: An open destination of the warehouse.
        dataset: The dataset, as the warehouse spells it.

    Raises:
        LoadError: The dataset has no such pipeline.
    """
    with TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(name, pipelines_dir=folder, destination=destination, dataset_name=dataset)
        pipeline.sync_destination(destination, dataset_name=dataset)
        schemas = tuple(pipeline.schemas[one].clone() for one in pipeline.schema_names)
        states = deepcopy(dict(pipeline.state.get("sources", {})))
    if not schemas:
        known = _pipelines(destination, dataset)
        there = f"there is {', '.join(known)}{nearest(name, known)}" if known else "it has stored none"
        message = f"dataset {dataset} has no pipeline '{name}'; {there}"
        raise LoadError(message)
    return DltPipeline(name, schemas, states)


def _pipelines(destination: Destination, dataset: str) -> list[str]:
    """Returns the names of the pipelines of a dataset that are not those of this project, whose names have a dash."""
    with connect(destination, dataset) as client:
        query = f"SELECT DISTINCT pipeline_name FROM {client.make_qualified_table_name('_dlt_pipeline_state')}"  # noqa: S608 - quoted by dlt
        try:
            return sorted(str(row[0]) for row in client.execute_sql(query) or () if f"{dataset}-" not in str(row[0]))
        except DatabaseUndefinedRelation:
            return []
