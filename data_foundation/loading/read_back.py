"""Reads a table back from the warehouse and checks it: after its load, or on request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dlt.common.schema.utils import get_nested_tables
from dlt.destinations.exceptions import DatabaseException, DatabaseUndefinedRelation

from data_foundation.audit import write as audit
from data_foundation.audit.table import newest_checked_query
from data_foundation.checks.primary_key import PrimaryKey
from data_foundation.checks.rules import UNREAD, CheckedTable, CheckOutcome, LandedLoads
from data_foundation.checks.run import find_key_mark, run_checks
from data_foundation.config.table_names import satellites_table, table_name_of
from data_foundation.loading.result import LoadResult
from data_foundation.warehouses.connection import column_names, connect

if TYPE_CHECKING:
    from dlt.common.pipeline import LoadInfo
    from dlt.destinations.sql_client import SqlClientBase

    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.loading.pipeline import TablePipeline
    from data_foundation.warehouses.base import Destination, Warehouse


@dataclass(frozen=True)
class Landed:
    """What is known of the loads that have landed in a table.

    Attributes:
        parent: Id of the newest load before this one, None if there is none.
        trail: The warehouse, if its audit trail has the loads of the table, else None.
        destination: The open destination of the warehouse.
    """

    parent: str | None
    trail: Warehouse | None
    destination: Destination

    def checked_query(self, resource: ResourceConfig) -> str:
        """Returns the SELECT of the load up to which all rows obey the rule of the key; "" if none is recorded."""
        rule = find_key_mark(resource)
        if not (rule and self.trail):
            return ""
        return newest_checked_query(self.trail, self.destination, str(table_name_of(resource)), rule)


def read_back(  # noqa: PLR0913, PLR0917 - each is of another part of the load
    client: SqlClientBase[Any],
    tables: Mapping[str, Any],
    resource: ResourceConfig,
    result: LoadResult,
    loaded: LoadInfo | None,
    landed: Landed,
) -> LoadResult:
    """Returns `result` with row counts, columns, schema changes and check outcomes added.

    Args:
        client: SQL client of the table's dataset.
        tables: The tables of dlt's schema after the load.
        resource: The resource that was loaded.
        result: The result without what is read from the warehouse.
        loaded: dlt's load info, None if nothing was loaded.
        landed: What is known of the loads that have landed in the table.
    """
    table = _table_name(result)
    own, further = _with_nested(tables, table), {name: _with_nested(tables, name) for name in result.further}
    packages = loaded.load_packages if loaded else []
    checked_query = landed.checked_query(resource)
    names = [*own, *(name for names in further.values() for name in names)]
    counts, checked = _count_rows(client, names, checked_query)
    result = replace(
        result,
        columns=read_columns(tables, table),
        row_count=counts.get(table),
        children=_counted(counts, own),
        child_columns={name: read_columns(tables, name) for name in _counted(counts, own)},
        further={
            name: replace(
                result.further[name],
                row_count=counts.get(name),
                columns=read_columns(tables, name),
                children=_counted(counts, names),
                child_columns={child: read_columns(tables, child) for child in _counted(counts, names)},
            )
            for name, names in further.items()
        },
        schema_changes={
            name: tuple(change["columns"])
            for package in packages
            for name, change in package.schema_update.items()
            if not name.startswith("_dlt")
        }
        | dict(result.schema_changes),
        load_id=packages[-1].load_id if packages else None,
        bytes=sum(job.file_size for package in packages for job in package.jobs["completed_jobs"]) or None,
    )
    # A change of type may make two keys equal.
    loads = LandedLoads(result.load_id or landed.parent, None if result.widened else checked)
    outcomes = run_checks(resource, _checked_table(result, client, result.cursor[1], loads))
    obeyed = any(outcome.name == PrimaryKey.kind and outcome.passed for outcome in outcomes)
    return replace(result, checks=outcomes, keys_checked=find_key_mark(resource) if obeyed and checked_query else None)


def find_table_changes(
    pipeline: TablePipeline,
) -> tuple[Mapping[str, tuple[str, ...]], Mapping[str, Mapping[str, str]]]:
    """Returns what a load has changed besides rows.

    Args:
        pipeline: The pipeline that has loaded.

    Returns:
        The new columns of each satellite that was opened, and the changes of columns by table and column.
    """
    opened = pipeline.vault.opened if pipeline.vault else {}
    return opened, pipeline.keeper.widened if pipeline.keeper else {}


def describe_table_changes(
    opened: Mapping[str, Sequence[str]], widened: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """Yields a sentence for each change that `find_table_changes` has found."""
    for name, columns in opened.items():
        yield f"{', '.join(columns)} is new: satellite {name} was opened; earlier rows stay where they are"
    for table, changes in widened.items():
        for name, change in changes.items():
            yield f"{table}.{name} was changed: {change}"


def _with_nested(tables: Mapping[str, Any], table: str) -> list[str]:
    """Returns the names of a table and of its nested tables."""
    return [str(nested["name"]) for nested in get_nested_tables(dict(tables), table)] if table in tables else [table]


def _counted(counts: Mapping[str, int], names: Sequence[str]) -> dict[str, int]:
    """Returns the row counts of nested tables that exist; the first name is that of the table itself."""
    return {name: counts[name] for name in names[1:] if name in counts}


def check_table(resource: ResourceConfig, warehouse: Warehouse) -> tuple[CheckOutcome, ...]:
    """Returns the outcomes of a resource's checks on its current table, as after a load."""
    table_name = table_name_of(resource)
    # The table does not show which parts failed to load; the audit trail does.
    error = audit.failed_parts_of_last_load(warehouse, str(table_name)) if resource.checks.complete else ""
    failed = {"the last load": error} if error else {}
    warehouse = warehouse.serving(resource)
    with warehouse.open() as destination, connect(destination, warehouse.dataset(table_name.dataset)) as client:
        name = _newest_satellite(client, resource) if resource.landing == "vault" else table_name.table
        count = _count_each(client, [name]).get(name)
        columns: Mapping[str, Any] = {} if count is None else _existing_columns(client, name)
        result = LoadResult(
            str(table_name),
            rows=count or 0,
            row_count=count,
            table=name,
            columns=columns,
            failed_parts=failed,
        )
        return run_checks(resource, _checked_table(result, client, cursor=UNREAD))


def _newest_satellite(client: SqlClientBase[Any], resource: ResourceConfig) -> str:
    """Returns the satellite that a resource is loaded into, or the resource's table name if nothing was loaded yet."""
    query = (
        f"SELECT satellite FROM {client.make_qualified_table_name(satellites_table(resource))} "  # noqa: S608 - quoted by dlt
        "WHERE asset = %s ORDER BY opened_at DESC LIMIT 1"
    )
    try:
        rows = client.execute_sql(query, str(table_name_of(resource)))
    except DatabaseUndefinedRelation:
        rows = None
    return str(rows[0][0]) if rows else table_name_of(resource).table


def _existing_columns(client: SqlClientBase[Any], table: str) -> Mapping[str, Mapping[str, Any]]:
    """Returns the names of a table's columns, each with an empty column schema."""
    query = f"SELECT * FROM {client.make_qualified_table_name(table)} WHERE 1 = 0"  # noqa: S608 - quoted by dlt
    with client.execute_query(query) as cursor:
        return {name.lower(): {} for name in column_names(cursor)}


def _table_name(result: LoadResult) -> str:
    """Returns the name of the table that holds the rows; in a vault it is not that of the destination."""
    return (result.table or result.destination).rpartition(".")[2]


def _checked_table(
    result: LoadResult, client: SqlClientBase[Any], cursor: Any, loads: LandedLoads | None = None
) -> CheckedTable:
    """Returns the table for the checks."""
    name = _table_name(result)
    return CheckedTable(
        name,
        tuple(result.columns),
        None if result.unchanged else result.rows,
        result.row_count,
        result.schema_changes,
        result.failed_parts,
        quoted=client.make_qualified_table_name(name),
        quote=client.escape_column_name,
        query=lambda sql, *values: client.execute_sql(sql, *values) or [],
        cursor=cursor,
        rows_before_cursor=result.rows_before_cursor,
        loads=loads or LandedLoads(),
    )


def _count_rows(client: SqlClientBase[Any], tables: list[str], beside: str) -> tuple[dict[str, int], Any]:
    """Returns the row count of each table that exists, and the value that `beside` selects, in one statement.

    Args:
        client: SQL client of the tables' dataset.
        tables: Names of tables.
        beside: A SELECT of one value, "" for none; the value is None if it fails.
    """
    try:
        row = _select_row(client, [*(_count_query(client, table) for table in tables), beside or "NULL"])
    except DatabaseException:
        # A table may not exist, for instance a nested table without rows yet: read one by one.
        try:
            value = _select_row(client, [beside or "NULL"])[0]
        except DatabaseException:
            value = None
        return _count_each(client, tables), value
    return dict(zip(tables, row, strict=False)), row[-1]


def _count_each(client: SqlClientBase[Any], tables: Sequence[str]) -> dict[str, int]:
    """Returns the row count of each table that exists, by one statement for each."""
    counts = {}
    for table in tables:
        with suppress(DatabaseUndefinedRelation):
            counts[table] = int(_select_row(client, [_count_query(client, table)])[0])
    return counts


def _count_query(client: SqlClientBase[Any], table: str) -> str:
    return f"SELECT COUNT(*) FROM {client.make_qualified_table_name(table)}"  # noqa: S608 - quoted by dlt


def _select_row(client: SqlClientBase[Any], queries: Sequence[str]) -> Sequence[Any]:
    """Returns the value of each query, by one statement."""
    with client.execute_query(f"SELECT {', '.join(f'({query})' for query in queries)}") as cursor:
        return cursor.fetchone() or ()


def read_columns(tables: Mapping[str, Any], table: str) -> Mapping[str, Mapping[str, Any]]:
    """Returns the table's columns that exist in the warehouse: those that have a data type.

    Args:
        tables: The tables of a dlt schema, by name.
        table: The table's name.
    """
    columns = tables.get(table, {}).get("columns", {})
    return {name: column for name, column in columns.items() if "data_type" in column}
