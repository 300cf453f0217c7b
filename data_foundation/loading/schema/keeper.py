"""Keeps the schema of one table true: to the table as it stands, and to what code and configuration declare now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import dlt
from dlt.common.schema.typing import DLT_NAME_PREFIX
from dlt.common.schema.utils import get_root_table, is_complete_column, merge_table

from data_foundation.errors import LoadError
from data_foundation.loading.schema.hints_in_force import family, find_hints, remove_others
from data_foundation.loading.schema.normalized_files import find_files
from data_foundation.loading.schema.rebuilds import refuse_rebuilds
from data_foundation.loading.schema.table_as_it_is import TYPE_HINTS, adopt_table, refuse_nested
from data_foundation.loading.schema.type_changes import find_changes, find_old_staging, refuse_losses
from data_foundation.naming import schema_name
from data_foundation.warehouses.cached_configuration import ResolvedOnce
from data_foundation.warehouses.connection import column_client, connect, count_rows
from data_foundation.warehouses.table_columns import Synchronisation, WarehouseTables

if TYPE_CHECKING:
    from dlt.common.schema import Schema
    from dlt.common.schema.typing import TSchemaTables, TTableSchema
    from dlt.extract import DltResource

    from data_foundation.warehouses.base import Destination
    from data_foundation.warehouses.connection import Statement
    from data_foundation.warehouses.table_columns import TypedColumns


def read_schema(pipeline: dlt.Pipeline, name: str | None) -> Schema | None:
    """Returns a schema of a pipeline, None if there is none."""
    return pipeline.schemas[name] if name and pipeline.schemas.has_schema(name) else None


Open = Callable[[], AbstractContextManager["Destination"]]


class SchemaKeeper:
    """The schema of one table during one load.

    Attributes:
        widened: What this load changes in columns that existed, by table and column; set by `find_statements`.
    """

    def __init__(self, table: str, dataset: str) -> None:
        self._table, self._dataset = table, dataset
        self._found: WarehouseTables | None = None
        self._client: TypedColumns | None = None
        self._stored_hash: str | None = None
        self._known: set[str] = set()
        self.widened: dict[str, dict[str, str]] = {}

    def synchronise(self, destination: Destination, pipeline: dlt.Pipeline) -> None:
        """Restores dlt's state and schema, and gives the schema the columns that the table has.

        Raises:
            LoadError: The table belongs to another one.
        """
        shared = shared_by_clients(destination) or Synchronisation()
        shared.table, shared.tables = self._table, None
        pipeline.sync_destination(destination, dataset_name=self._dataset)
        self._client = client = shared.client
        if client is None:
            return
        self._found = shared.tables or _read_columns(client, self._table)
        schema = read_schema(pipeline, pipeline.default_schema_name)
        self._stored_hash = schema.stored_version_hash if schema else None
        self._known = set(schema.tables) if schema else set()
        adopted = schema or dlt.Schema(schema_name(self._table))
        if adopt_table(adopted, self._table, self._found, client) and not schema:
            pipeline.schemas.save_schema(adopted)

    @property
    def has_columns(self) -> bool:
        """True if the tables of the engine have fixed columns, which this keeper compares."""
        return self._found is not None

    @property
    def exists(self) -> bool:
        """True if the warehouse has the table."""
        return self.has_table(self._table)

    def has_table(self, name: str) -> bool:
        """Returns True if the warehouse has the table or nested table `name`."""
        return self._found is not None and name in self._found.tables

    @property
    def is_unknown(self) -> bool:
        """True if the warehouse has the table, and no load of this project has stored a schema of it."""
        return self.exists and self._stored_hash is None

    def has_column(self, name: str) -> bool:
        """Returns True if the table has a column."""
        return self._found is not None and name in self._found.tables.get(self._table, {})

    def adopt(self, pipeline: dlt.Pipeline, tables: TSchemaTables) -> Schema:
        """Gives the pipeline the schema of the table as it is, and of what another pipeline knows of it; returns it.

        Args:
            pipeline: The table's pipeline, synchronised.
            tables: The table and others of its resource, as the other pipeline has them; empty if there is none.
        """
        assert self._found is not None  # noqa: S101 - the caller has looked
        assert self._client is not None  # noqa: S101 - as above
        schema = dlt.Schema(schema_name(self._table))
        for name, table in tables.items():
            of_resource = "resource" in table and not name.startswith(DLT_NAME_PREFIX)
            schema.tables[name] = cast("TTableSchema", {**table, **({"resource": self._table} if of_resource else {})})
        adopt_table(schema, self._table, self._found, self._client)
        pipeline.schemas.save_schema(schema)
        return schema

    def prepare(self, pipeline: dlt.Pipeline, resource: DltResource, refresh: Any, warehouse: Open) -> None:
        """Removes the hints that nothing declares any more, and refuses rows that the table cannot hold as they are.

        Args:
            pipeline: The table's pipeline, synchronised.
            resource: The resource with the hints of the configuration.
            refresh: dlt's refresh mode, None for none.
            warehouse: Opens the warehouse, only if values of the table must be looked at.

        Raises:
            LoadError: The table must be changed or rebuilt first; the message names the way.
        """
        schema = read_schema(pipeline, schema_name(self._table))
        if schema is None:
            return
        if self._found is None or self._client is None:
            if refresh is None and (hints := find_hints(schema, resource)) is not None:
                remove_others(schema, self._table, hints)
            return
        if refresh == "drop_resources":
            _let_dlt_drop(schema, self._table)
            return
        if (hints := find_hints(schema, resource)) is None:
            return
        stored = deepcopy(_family(schema, self._table))
        remove_others(schema, self._table, hints)
        _declare_types(schema, hints)
        now = _with_hints(schema.tables, self._table, hints)
        if any(now[name] != table for name, table in stored.items()):
            refuse_rebuilds(_with_tables(schema, stored), _with_tables(schema, now), self._table)
        changes = find_changes(now, self._found, self._client, _replaced(now, {self._table}))
        if any(change.needs_a_look for change in changes):
            with warehouse() as destination, connect(destination, self._dataset) as sql:
                refuse_losses(changes, self._client, sql)

    def find_statements(self, destination: Destination, pipeline: dlt.Pipeline) -> list[Statement]:
        """Returns the statements that make the tables what the normalised load needs, to be executed before it.

        Raises:
            LoadError: The load cannot be written into the table as it stands.
        """
        client = self._client or column_client(destination, self._dataset)
        schema, load_ids = read_schema(pipeline, schema_name(self._table)), pipeline.list_normalized_load_packages()
        if client is None or schema is None or not load_ids:
            return []
        jobs, dropped = find_files(pipeline).keys(), _dropped_tables(pipeline, load_ids)
        if self._found is None or not jobs <= set(self._found.tables):
            # Of a pending load nothing was read yet, of a further table never, and a table that is new here may have
            # been created meanwhile.
            self._found = self._read(column_client(destination, self._dataset) or client, schema, jobs)
        tables = {name: columns for name, columns in self._found.tables.items() if name not in dropped}
        found = replace(self._found, tables=tables)
        changes = find_changes(schema.tables, found, client, _replaced(schema.tables, jobs))
        if any(change.needs_a_look for change in changes):
            with connect(destination, self._dataset) as sql:
                refuse_losses(changes, client, sql)
        self.widened = {}
        for change in changes:
            self.widened.setdefault(change.table, {})[change.name] = str(change)
        statements = [client.drop_staging(table) for table in find_old_staging(schema.tables, found, client)]
        statements += [sql for change in changes for sql in change.statements(client)]
        is_new = bool(self._stored_hash) and schema.version_hash != self._stored_hash
        shared = shared_by_clients(destination) or Synchronisation()
        shared.stores_schema = bool(statements) or is_new or _lacks_columns(schema, found, jobs)
        return [(sql, ()) for sql in statements]

    def _read(self, client: TypedColumns, schema: Schema, jobs: Collection[str]) -> WarehouseTables:
        """Returns the tables that a load writes to as they stand, further ones of its code as well.

        Raises:
            LoadError: A table belongs to another one, or to another resource.
        """
        further = {str(get_root_table(schema.tables, name)["name"]) for name in jobs} - {self._table}
        with client:
            found = client.read_columns(self._table)
            for name in sorted(further):
                found = found.joined(client.read_columns(name))
                if name not in found.tables or name in self._known:
                    continue
                if client.get_stored_schema(schema_name(name)):
                    raise LoadError(_taken(self._table, name))
                if rows := count_rows(client.sql_client, name):
                    raise LoadError(_unknown(self._table, name, rows))
        for name in (self._table, *further):
            refuse_nested(name, found)
        return found


def _unknown(table: str, further: str, rows: int) -> str:
    return (
        f"the code of {table} sends rows to the table {further}, which holds {rows:,} rows that this project has not "
        "loaded; nothing was written. Name another table in the code, or empty this one"
    )


def _taken(table: str, further: str) -> str:
    return (
        f"the code of {table} sends rows to the table {further}, which another resource loads; two resources would "
        "delete each other's rows. Name another table in the code, or, if that resource is gone, remove what it has "
        f"stored: the rows of _dlt_version whose schema_name is {schema_name(further)}"
    )


def _read_columns(client: TypedColumns, table: str) -> WarehouseTables:
    with client:
        return client.read_columns(table)


def shared_by_clients(destination: Destination) -> Synchronisation | None:
    """Returns what the clients of a destination share, None for an engine whose tables have no fixed columns."""
    return destination.shared if isinstance(destination, ResolvedOnce) else None


def _let_dlt_drop(schema: Schema, root: str) -> None:
    """Marks tables that others created as seen: dlt drops no others."""
    for name in family(schema.tables, root):
        table = cast("Any", schema.tables[name])
        table["x-normalizer"] = {**table.get("x-normalizer", {}), "seen-data": True}


def _declare_types(schema: Schema, hints: Mapping[str, TTableSchema]) -> None:
    """Gives columns the types that are declared now; dlt would mix them with the precision of the type before."""
    for name, table in hints.items():
        columns: Any = schema.tables[name]["columns"] if name in schema.tables else {}
        for column, declared in table["columns"].items():
            known = columns.get(column, {})
            if "data_type" in declared and known.get("data_type") not in {None, declared["data_type"]}:
                for key in TYPE_HINTS:
                    known.pop(key, None)
                known["data_type"] = declared["data_type"]


def _family(schema: Schema, root: str) -> TSchemaTables:
    return {name: schema.tables[name] for name in family(schema.tables, root)}


def _with_hints(tables: TSchemaTables, root: str, hints: Mapping[str, TTableSchema]) -> TSchemaTables:
    """Returns the tables that dlt makes of stored ones and the hints in force."""
    now = {**tables, **{name: deepcopy(tables[name]) for name in family(tables, root)}}
    for name, table in hints.items():
        if name in tables:
            merge_table("", now[name], deepcopy(table), merge_compound_props=False)
    return now


def _with_tables(schema: Schema, tables: TSchemaTables) -> Schema:
    """Returns a schema with other tables of these names."""
    other = schema.clone()
    other.tables.update(tables)
    return other


def _replaced(tables: TSchemaTables, jobs: Collection[str]) -> set[str]:
    """Returns the tables that loads with these tables empty: those with replace, and their nested tables."""
    roots = {name for name in jobs if tables.get(name, {}).get("write_disposition") == "replace"}
    return {name for root in roots for name in family(tables, root)}


def _dropped_tables(pipeline: dlt.Pipeline, load_ids: Collection[str]) -> set[str]:
    """Returns the tables that loads drop before they write."""
    states: list[Any] = list(map(pipeline.get_load_package_state, load_ids))
    return {str(table["name"]) for state in states for table in state.get("dropped_tables", ())}


def _lacks_columns(schema: Schema, found: WarehouseTables, jobs: Collection[str]) -> bool:
    """Returns True if a table lacks columns of its schema: somebody dropped them after the schema was stored."""
    return any(
        is_complete_column(column) and name not in found.tables[table]
        for table in jobs
        if table in found.tables
        for name, column in schema.tables[table]["columns"].items()
    )
