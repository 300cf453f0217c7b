"""Refuses changes of a resource that its existing rows cannot follow: what only a new table can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dlt.common.normalizers.json.helpers import get_root_row_id_type
from dlt.common.schema.utils import get_columns_names_with_prop, get_nested_tables, has_table_seen_data

from data_foundation.errors import LoadError

if TYPE_CHECKING:
    from dlt.common.schema import Schema
    from dlt.common.schema.typing import TTableSchema

_AGAIN = "`refresh: drop` makes the table anew from what the source has now"


def refuse_rebuilds(stored: Schema, now: Schema, root: str) -> None:
    """Compares how the rows of a table were written with how they will be.

    Args:
        stored: The stored schema, with the hints of earlier loads.
        now: The schema with the hints in force.
        root: Name of the table.

    Raises:
        LoadError: The existing rows do not fit.
    """
    before, after = stored.tables.get(root), now.tables.get(root)
    if not before or not after or not has_table_seen_data(before):
        return
    _refuse_history(before, after)
    nested = [table for table in get_nested_tables(stored.tables, root)[1:] if has_table_seen_data(table)]
    if nested:
        _refuse_other_ids(stored, now, root, str(nested[0]["name"]))


def _refuse_history(before: TTableSchema, after: TTableSchema) -> None:
    was, becomes = (_is_history(table) for table in (before, after))
    if was and not becomes:
        message = (
            f"table {before['name']} keeps every version of a row (strategy scd2), and `write_disposition` is now "
            f"{_name(after)}, which would replace or double the versions; set {{disposition: merge, strategy: scd2}} "
            f"again, give `destination` another table, or {_AGAIN}, without the versions"
        )
        raise LoadError(message)
    if becomes and not was:
        message = (
            f"strategy scd2 keeps every version of a row, and the rows of table {before['name']} were written by "
            f"{_name(before)}, without the dates of their versions: each would become two; give `destination` another "
            f"table, or {_AGAIN}"
        )
        raise LoadError(message)


def _refuse_other_ids(stored: Schema, now: Schema, root: str, nested: str) -> None:
    """Refuses a merge that finds the rows of nested tables by ids which the existing rows do not have."""
    if get_root_row_id_type(now, root) != "key_hash":
        return
    keys = [get_columns_names_with_prop(schema.tables[root], "primary_key", True) for schema in (stored, now)]  # noqa: FBT003 - dlt's signature
    if get_root_row_id_type(stored, root) == "key_hash" and keys[0] == keys[1]:
        return
    before, after = (
        f"{_name(schema.tables[root])} by {', '.join(key) or 'no key'}"
        for schema, key in zip((stored, now), keys, strict=True)
    )
    message = (
        f"{_name(now.tables[root])} finds the rows of nested table {nested} by ids made of the primary key, and those "
        f"that are there were written by {before}; it is now {after}. `write_disposition: merge` replaces them as "
        f"they are, or {_AGAIN}"
    )
    raise LoadError(message)


def _is_history(table: Mapping[str, Any]) -> bool:
    return table.get("write_disposition") == "merge" and table.get("x-merge-strategy") == "scd2"


def _name(table: Mapping[str, Any]) -> str:
    strategy = table.get("x-merge-strategy") if table.get("write_disposition") == "merge" else None
    return " ".join(filter(None, (table.get("write_disposition"), strategy)))
