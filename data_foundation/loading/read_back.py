"""Reads a table back from the warehouse and checks it: after its load, or on request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dlt.common.schema.utils import get_nested_tables
from dlt.destinations.exceptions import DatabaseException, DatabaseUndefinedRelation

from data_foundation.audit import write as audit
from data_foundation.checks.rules import UNREAD, CheckedTable, CheckOutcome
from data_foundation.checks.run import find_query, run_checks
from data_foundation.config.table_names import satellites_table, table_name_of
from data_foundation.loading.result import LoadResult
from data_foundation.warehouses.connection import connect

if TYPE_CHECKING:
    from dlt.common.pipeline import LoadInfo
    from dlt.destinations.sql_client import SqlClientBase

    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.loading.pipeline import TablePipeline
    from data_foundation.warehouses.base import Warehouse


def read_back(
    client: SqlClientBase[Any],
    tables: Mapping[str, Any],
    resource: ResourceConfig,
    result: LoadResult,
    loaded: LoadInfo | None,
) -> LoadResult:
    """Returns `result` with row counts, columns, schema changes and check outcomes added.

    Args:
        client: SQL client of the table's dataset.
        tables: The tables of dlt's schema after the load.
        resource: The resource that was loaded.
        result: The result without what is read from the warehouse.
        loaded: dlt's load info, None if nothing was loaded.
    """
    table = _table_name(result)
    own, further = _with_nested(tables, table), {name: _with_nested(tables, name) for name in result.further}
    packages = loaded.load_packages if loaded else []
    result = replace(result, columns=read_columns(tables, table))
    check_query = find_query(resource, _checked_table(result, client)) if result.columns else ""
    counts, answer = _count_rows(client, [*own, *(name for names in further.values() for name in names)], check_query)
    result = replace(
        result,
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
    checked = _checked_table(result, client, {check_query: answer} if answer else {}, result.cursor[1])
    return replace(result, checks=run_checks(resource, checked))


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
        count = _count_rows(client, [name])[0].get(name)
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
        return {str(column[0]).lower(): {} for column in cursor.description or ()}


def _table_name(result: LoadResult) -> str:
    """Returns the name of the table that holds the rows; in a vault it is not that of the destination."""
    return (result.table or result.destination).rpartition(".")[2]


def _checked_table(
    result: LoadResult, client: SqlClientBase[Any], known: Mapping[str, Sequence[Any]] | None = None, cursor: Any = None
) -> CheckedTable:
    """Returns the table for the checks; `known` holds the rows of queries that were run before, by their SQL."""
    name, known = _table_name(result), known or {}
    return CheckedTable(
        name,
        tuple(result.columns),
        None if result.unchanged else result.rows,
        result.row_count,
        result.schema_changes,
        result.failed_parts,
        quoted=client.make_qualified_table_name(name),
        quote=client.escape_column_name,
        query=lambda sql, *values: [known[sql]] if sql in known else client.execute_sql(sql, *values) or [],
        cursor=cursor,
        rows_before_cursor=result.rows_before_cursor,
    )


def _count_rows(
    client: SqlClientBase[Any], tables: list[str], check_query: str = ""
) -> tuple[dict[str, int], Sequence[Any]]:
    """Returns the row count of each table that exists, and the row that `check_query` selects, in one statement."""
    counts = (f"(SELECT COUNT(*) FROM {client.make_qualified_table_name(table)})" for table in tables)  # noqa: S608 - quoted by dlt
    beside = f', "answers".* FROM ({check_query}) AS "answers"' if check_query else ""
    try:
        with client.execute_query(f"SELECT {', '.join(counts)}{beside}") as cursor:
            row = cursor.fetchone() or ()
            return dict(zip(tables, row, strict=False)), row[len(tables) :]
    except DatabaseUndefinedRelation:
        # At least one table does not exist, for instance a nested table without rows yet: count one by one.
        if len(tables) == 1:
            return {}, ()
        return {name: count for table in tables for name, count in _count_rows(client, [table])[0].items()}, ()
    except DatabaseException:
        if not check_query:
            raise
        # The check runs its query again by itself and reports this error.
        return _count_rows(client, tables)


def read_columns(tables: Mapping[str, Any], table: str) -> Mapping[str, Mapping[str, Any]]:
    """Returns the table's columns that exist in the warehouse: those that have a data type.

    Args:
        tables: The tables of a dlt schema, by name.
        table: The table's name.
    """
    columns = tables.get(table, {}).get("columns", {})
    return {name: column for name, column in columns.items() if "data_type" in column}
