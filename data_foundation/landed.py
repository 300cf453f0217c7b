"""What a load left in the warehouse, read back from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dlt.common.schema.utils import get_nested_tables
from dlt.destinations.exceptions import DatabaseUndefinedRelation

if TYPE_CHECKING:
    import dlt
    from dlt.common.pipeline import LoadInfo


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
        cursor: Its value before and after.
        warnings: What a person should know although nothing failed.
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
    cursor: tuple[Any, Any] = (None, None)
    warnings: tuple[str, ...] = ()


def read_landed(pipeline: dlt.Pipeline, result: LoadResult, loaded: LoadInfo | None) -> LoadResult:
    """Returns `result` completed by what the warehouse holds now.

    Args:
        pipeline: Synchronised, with a warehouse that is open.
        result: What the load knows of itself.
        loaded: dlt's account of the load, None where nothing was loaded.
    """
    table = result.destination.split(".")[1]
    tables: Mapping[str, Any] = pipeline.default_schema.tables if pipeline.default_schema_name else {}
    family = [str(found["name"]) for found in get_nested_tables(dict(tables), table)] if table in tables else [table]
    counts: dict[str, int] = _count_rows(pipeline, family) if pipeline.default_schema_name else {}
    packages = loaded.load_packages if loaded else []
    return replace(
        result,
        row_count=counts.pop(table, None),
        columns=read_columns(tables, table),
        children=counts,
        child_columns={name: read_columns(tables, name) for name in counts},
        schema_changes={
            name: tuple(change["columns"])
            for package in packages
            for name, change in package.schema_update.items()
            if not name.startswith("_dlt")
        },
        load_id=packages[-1].load_id if packages else None,
    )


def _count_rows(pipeline: dlt.Pipeline, tables: list[str]) -> dict[str, int]:
    """Returns the rows of each table that exists."""
    counts = {}
    with pipeline.sql_client() as client:
        for table in tables:
            query = f"SELECT COUNT(*) FROM {client.make_qualified_table_name(table)}"  # noqa: S608 - quoted by dlt
            try:
                with client.execute_query(query) as cursor:
                    counts[table] = (cursor.fetchone() or (0,))[0]
            except DatabaseUndefinedRelation:
                continue
    return counts


def read_columns(tables: Mapping[str, Any], table: str) -> Mapping[str, Mapping[str, Any]]:
    """Returns the table's columns that exist in the warehouse: those whose type is known.

    Args:
        tables: Of a dlt schema, by name.
        table: Its name.
    """
    columns = tables.get(table, {}).get("columns", {})
    return {name: column for name, column in columns.items() if "data_type" in column}
