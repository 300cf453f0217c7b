"""Rows that are appended again go first, with what is nested below them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dlt.common.schema.utils import get_nested_tables
from dlt.common.time import ensure_date, ensure_datetime_in_tz

from data_foundation.naming import normalize

if TYPE_CHECKING:
    from dlt.common.schema.typing import TSchemaTables
    from dlt.destinations.sql_client import SqlClientBase

    from data_foundation.loading.load_range import Bounds
    from data_foundation.warehouses.base import Statement

_AS_TIME = {"timestamp": ensure_datetime_in_tz, "date": ensure_date}


def delete_range(
    client: SqlClientBase[Any], *, known: TSchemaTables, table: str, cursor_path: str, bounds: Bounds
) -> list[Statement]:
    """Returns what deletes the rows of a range, from the start on, up to but without the end.

    Args:
        client: Of the table's dataset; it quotes names.
        known: The tables as the warehouse has them; there is nothing to delete from others.
        table: Its name.
        cursor_path: Of the value that is compared, for instance commit.author.date.
        bounds: The range; without an end everything from the start on.
    """
    name = "__".join(normalize(part) for part in cursor_path.split("."))
    column: Mapping[str, Any] = known.get(table, {}).get("columns", {}).get(name, {})
    if "data_type" not in column or bounds.start is None:
        return []
    convert = _AS_TIME.get(column["data_type"], lambda value: value)
    values = tuple(convert(value) for value in (bounds.start, bounds.end if bounds.ends else None) if value is not None)
    quoted, row_id, parent_id = map(client.escape_column_name, (name, "_dlt_id", "_dlt_parent_id"))
    conditions = {table: " AND ".join(f"{quoted} {sign} %s" for sign in (">=", "<")[: len(values)])}
    for nested in get_nested_tables(known, table)[1:]:
        if "_dlt_parent_id" in nested["columns"]:
            parent = str(nested["parent"])
            rows = f"SELECT {row_id} FROM {client.make_qualified_table_name(parent)} WHERE {conditions[parent]}"  # noqa: S608 - quoted by dlt
            conditions[str(nested["name"])] = f"{parent_id} IN ({rows})"
    # The innermost first: what is below a row is found by the row.
    return [
        (f"DELETE FROM {client.make_qualified_table_name(found)} WHERE {condition}", values)  # noqa: S608 - quoted by dlt
        for found, condition in reversed(conditions.items())
    ]
