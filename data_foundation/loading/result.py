"""What a load left in the warehouse, read back from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dlt.common.schema.utils import get_nested_tables
from dlt.destinations.exceptions import DatabaseException, DatabaseUndefinedRelation

from data_foundation.audit import write as audit
from data_foundation.checks.rules import CheckedTable, CheckOutcome
from data_foundation.checks.run import find_question, run_checks
from data_foundation.config.table_names import satellites_table, table_name_of
from data_foundation.warehouses.connection import connect

if TYPE_CHECKING:
    from dlt.common.pipeline import LoadInfo
    from dlt.destinations.sql_client import SqlClientBase

    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.warehouses.base import Warehouse


@dataclass(frozen=True)
class LoadResult:
    """What one load did.

    Attributes:
        destination: dataset.table.
        rows: Rows sent to the table; 0 is 0.
        row_count: Rows in the table afterwards, None where there is no such table.
        table: database.schema.table in the warehouse.
        columns: Name to dlt's column schema, of the table.
        children: Rows of each nested table afterwards, by table name.
        child_columns: Like `columns`, by nested table.
        schema_changes: New columns by table; a new table shows all of its columns.
        seconds: By phase.
        load_id: dlt's, None where nothing was loaded.
        bytes: Of the files that were loaded, None where nothing was.
        cursor: Its value before and after.
        warnings: What a person should know although nothing failed.
        checks: How the resource's checks came out.
        unchanged: Nothing was read, for the source is as it was loaded.
        failed_parts: What failed alone, for instance an account of many, and why; the rows of the others landed.
    """

    destination: str
    rows: int = 0
    row_count: int | None = None
    table: str = ""
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    children: Mapping[str, int] = field(default_factory=dict)
    child_columns: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    schema_changes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    load_id: str | None = None
    bytes: int | None = None
    cursor: tuple[Any, Any] = (None, None)
    warnings: tuple[str, ...] = ()
    checks: tuple[CheckOutcome, ...] = ()
    unchanged: bool = False
    failed_parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_blocked(self) -> bool:
        """Whether a failed check holds back the dbt models that read the table."""
        return any(check.blocks for check in self.checks)


def read_landed(
    client: SqlClientBase[Any],
    tables: Mapping[str, Any],
    resource: ResourceConfig,
    result: LoadResult,
    loaded: LoadInfo | None,
) -> LoadResult:
    """Returns `result` completed by what the warehouse holds now, and checked.

    Args:
        client: Of the table's dataset.
        tables: As dlt knows them after the load.
        resource: What was loaded.
        result: What the load knows of itself.
        loaded: dlt's account of the load, None where nothing was loaded.
    """
    table = _table_name(result)
    family = [str(found["name"]) for found in get_nested_tables(dict(tables), table)] if table in tables else [table]
    packages = loaded.load_packages if loaded else []
    result = replace(result, columns=read_columns(tables, table))
    question = find_question(resource, _checked_table(result, client)) if result.columns else ""
    counts, answer = _count_rows(client, family, question)
    result = replace(
        result,
        row_count=counts.pop(table, None),
        children=counts,
        child_columns={name: read_columns(tables, name) for name in counts},
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
    checked = _checked_table(result, client, {question: answer} if answer else {})
    return replace(result, checks=run_checks(resource, checked))


def check_table(resource: ResourceConfig, warehouse: Warehouse) -> tuple[CheckOutcome, ...]:
    """Returns how the checks of a resource come out for its table as it stands, as if it had just been loaded."""
    dataset, table = table_name_of(resource)
    # What did not land is not to be seen in the table.
    said = audit.said_of_last_load(warehouse, f"{dataset}.{table}") if resource.checks.complete else ""
    failed = {"the last load": said} if said else {}
    warehouse = warehouse.serving(resource)
    with warehouse.open() as destination, connect(destination, warehouse.dataset(dataset)) as client:
        name = _newest_satellite(client, resource) if resource.landing == "vault" else table
        count = _count_rows(client, [name])[0].get(name)
        columns: Mapping[str, Any] = {} if count is None else _existing_columns(client, name)
        result = LoadResult(
            f"{dataset}.{table}",
            rows=count or 0,
            row_count=count,
            table=name,
            columns=columns,
            failed_parts=failed,
        )
        return run_checks(resource, _checked_table(result, client))


def _newest_satellite(client: SqlClientBase[Any], resource: ResourceConfig) -> str:
    """Returns the satellite that a resource lands in, the resource's own name where nothing has landed."""
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
    """Returns the names of a table's columns, of which nothing else is known."""
    query = f"SELECT * FROM {client.make_qualified_table_name(table)} WHERE 1 = 0"  # noqa: S608 - quoted by dlt
    with client.execute_query(query) as cursor:
        return {str(column[0]).lower(): {} for column in cursor.description or ()}


def _table_name(result: LoadResult) -> str:
    """Returns the table that the rows are in: in a vault not that of the destination."""
    return (result.table or result.destination).rpartition(".")[2]


def _checked_table(
    result: LoadResult, client: SqlClientBase[Any], known: Mapping[str, Sequence[Any]] | None = None
) -> CheckedTable:
    """Returns what the checks look at; `known` holds questions that were answered already, each by one row."""
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
    )


def _count_rows(
    client: SqlClientBase[Any], tables: list[str], question: str = ""
) -> tuple[dict[str, int], Sequence[Any]]:
    """Returns the rows of each table that exists, and the answer to a question that is asked in the same statement."""
    counts = (f"(SELECT COUNT(*) FROM {client.make_qualified_table_name(table)})" for table in tables)  # noqa: S608 - quoted by dlt
    beside = f', "answers".* FROM ({question}) AS "answers"' if question else ""
    try:
        with client.execute_query(f"SELECT {', '.join(counts)}{beside}") as cursor:
            row = cursor.fetchone() or ()
            return dict(zip(tables, row, strict=False)), row[len(tables) :]
    except DatabaseUndefinedRelation:
        # A nested table that no row has filled yet; one that is asked for alone is not there.
        alone = tables if len(tables) > 1 else []
        return {name: count for table in alone for name, count in _count_rows(client, [table])[0].items()}, ()
    except DatabaseException:
        if not question:
            raise
        # The check that asks it will say what is wrong with it.
        return _count_rows(client, tables)


def read_columns(tables: Mapping[str, Any], table: str) -> Mapping[str, Mapping[str, Any]]:
    """Returns the table's columns that exist in the warehouse: those whose type is known.

    Args:
        tables: Of a dlt schema, by name.
        table: Its name.
    """
    columns = tables.get(table, {}).get("columns", {})
    return {name: column for name, column in columns.items() if "data_type" in column}
