"""Rows that are appended again go first, with what is nested below them: those of a range, or of half a load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dlt.common.schema.utils import get_nested_tables
from dlt.common.time import ensure_date, ensure_datetime_in_tz
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from data_foundation.naming import normalize

if TYPE_CHECKING:
    from dlt.common.schema.typing import TSchemaTables
    from dlt.destinations.sql_client import SqlClientBase

    from data_foundation.bounds import Bounds

_AS_TIME = {"timestamp": ensure_datetime_in_tz, "date": ensure_date}


def delete_range(
    client: SqlClientBase[Any], *, known: TSchemaTables, table: str, cursor_path: str, bounds: Bounds
) -> None:
    """Deletes the rows of a range, from the start on, up to but without the end.

    Args:
        client: Of the table's dataset, inside a transaction where the engine has one.
        known: The tables as the warehouse has them; there is nothing to delete from others.
        table: Its name.
        cursor_path: Of the value that is compared, for instance commit.author.date.
        bounds: The range; without an end everything from the start on.
    """
    name = "__".join(normalize(part) for part in cursor_path.split("."))
    column: Mapping[str, Any] = known.get(table, {}).get("columns", {}).get(name, {})
    if "data_type" not in column or bounds.start is None:
        return
    convert = _AS_TIME.get(column["data_type"], lambda value: value)
    values = [convert(value) for value in (bounds.start, bounds.end if bounds.ends else None) if value is not None]
    quoted, row_id, parent_id = map(client.escape_column_name, (name, "_dlt_id", "_dlt_parent_id"))
    conditions = {table: " AND ".join(f"{quoted} {sign} %s" for sign in (">=", "<")[: len(values)])}
    for parent, child in _nested(known, table):
        rows = f"SELECT {row_id} FROM {client.make_qualified_table_name(parent)} WHERE {conditions[parent]}"  # noqa: S608 - quoted by dlt
        conditions[child] = f"{parent_id} IN ({rows})"
    # The innermost first: what is below a row is found by the row.
    for found, condition in reversed(conditions.items()):
        full = client.make_qualified_table_name(found)
        client.execute_sql(f"DELETE FROM {full} WHERE {condition}", *values)  # noqa: S608 - quoted by dlt


def delete_load(client: SqlClientBase[Any], *, known: TSchemaTables, table: str, load_id: str) -> None:
    """Deletes what a load has committed that did not come to its end, where the engine has no transactions.

    Args:
        client: Of the table's dataset.
        known: The tables as the load wants them; the warehouse may not have all of them yet.
        table: Its name.
        load_id: dlt's id of the load.
    """
    row_id, parent_id, of_load = map(client.escape_column_name, ("_dlt_id", "_dlt_parent_id", "_dlt_load_id"))
    with suppress(DatabaseUndefinedRelation):
        full = client.make_qualified_table_name(table)
        client.execute_sql(f"DELETE FROM {full} WHERE {of_load} = %s", load_id)  # noqa: S608 - quoted by dlt
    for parent, child in _nested(known, table):
        # Nested rows do not say of which load they are, and may have been committed before their parents.
        with suppress(DatabaseUndefinedRelation):
            full, above = map(client.make_qualified_table_name, (child, parent))
            client.execute_sql(f"DELETE FROM {full} WHERE {parent_id} NOT IN (SELECT {row_id} FROM {above})")  # noqa: S608 - quoted by dlt


def _nested(known: TSchemaTables, table: str) -> Iterator[tuple[str, str]]:
    """Yields every nested table after its parent, the parent first."""
    for nested in get_nested_tables(known, table)[1:]:
        if "_dlt_parent_id" in nested["columns"]:
            yield str(nested["parent"]), str(nested["name"])
