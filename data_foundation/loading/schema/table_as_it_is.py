"""Gives a dlt schema the columns that a table has in the warehouse, whoever created or changed them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from dlt.common.schema.typing import C_DLT_ID
from dlt.common.schema.utils import dlt_id_column, has_table_seen_data, is_complete_column

from data_foundation.dlt_keys import NOT_NULL
from data_foundation.errors import LoadError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlt.common.schema import Schema
    from dlt.common.schema.typing import TColumnSchema, TTableSchema

    from data_foundation.warehouses.table_columns import Columns, TableColumn, TypedColumns, WarehouseTables

TYPE_HINTS = ("data_type", "precision", "scale", "timezone")
"""The hints of a column that decide its type in the warehouse."""

_PARENT_ID = "_dlt_parent_id"
_OWN: dict[str, Any] = {
    _PARENT_ID: {"parent_key": True},
    "_dlt_root_id": {"root_key": True},
}


def adopt_table(schema: Schema, root: str, found: WarehouseTables, client: TypedColumns) -> bool:
    """Enters what the warehouse has of a table and its nested tables; returns True if the schema was another one.

    A column whose type dlt has no name for is left out: `type_changes` refuses the rows that bring it.

    Args:
        schema: The stored schema, or an empty one.
        root: Name of the table.
        found: The tables in the warehouse.
        client: Knows the types of the warehouse.

    Raises:
        LoadError: The table belongs to another one, as its nested table.
    """
    if root not in found.tables:
        return False
    if root not in schema.tables:
        refuse_nested(root, found)
    is_other = False
    for name in _with_parents_first(root, found):
        if name not in schema.tables:
            schema.tables[name] = _new_table(schema, root, name, found)
            is_other = True
        is_other |= _adopt_columns(schema, schema.tables[name], found.tables[name], client)
    return is_other


def refuse_nested(root: str, found: WarehouseTables) -> None:
    """Refuses a table that is a nested one.

    Raises:
        LoadError: It is.
    """
    if is_nested(found.tables.get(root, {})):
        message = (
            f"table {root} holds the rows of lists, as a nested table of another resource or program; give "
            "`destination` another table, or that resource `max_table_nesting: 0`"
        )
        raise LoadError(message)


def is_nested(columns: Columns) -> bool:
    """Returns True if a table in the warehouse is a nested one, which dlt made of lists."""
    return _PARENT_ID in columns


def _with_parents_first(root: str, found: WarehouseTables) -> Iterator[str]:
    """Yields the table and its nested tables; a table of another resource may have a name that begins alike."""
    yielded = [root]
    yield root
    for name in sorted(found.tables, key=len):
        parent = _parent(name, found)
        if parent in yielded and is_nested(found.tables[name]):
            yielded.append(name)
            yield name


def _parent(name: str, found: WarehouseTables) -> str:
    """Returns the table with the longest name that a nested table's name begins with."""
    return max((other for other in found.tables if name.startswith(f"{other}__")), key=len, default="")


def _new_table(schema: Schema, root: str, name: str, found: WarehouseTables) -> TTableSchema:
    columns = found.tables[name]
    table: dict[str, Any] = {"name": name, "columns": {}}
    if name == root:
        table |= {"resource": root, "write_disposition": "append"}
    else:
        table["parent"] = _parent(name, found)
    if schema.naming.normalize_identifier(C_DLT_ID) in columns:
        # Else the rows of the table have no ids yet, and it is open whether dicts or frames will come.
        table["x-normalizer"] = {"seen-data": True}
    return cast("TTableSchema", table)


def _adopt_columns(schema: Schema, table: TTableSchema, found: Columns, client: TypedColumns) -> bool:
    """Makes the columns of a table those of the warehouse; returns True if they were others."""
    known, is_other = table["columns"], False
    for name, real in found.items():
        if name not in known and (real.has_default or schema.naming.normalize_identifier(name) != name):
            # To enter a column that the warehouse fills would fill it with NULL.
            continue
        adopted = _adopted(str(table["name"]), known.get(name), name, real, client)
        if adopted != known.get(name):
            is_other = True
            if adopted:
                known[name] = adopted
            else:
                known.pop(name)
    gone = [name for name, column in known.items() if is_complete_column(column) and name not in found]
    if has_table_seen_data(table):
        for name in gone:
            if known.pop(name).get("row_key"):
                # The rows have no ids: dicts and frames may both come.
                cast("Any", table)["x-normalizer"].pop("seen-data")
    return is_other or bool(gone)


def _adopted(
    table: str, known: TColumnSchema | None, name: str, real: TableColumn, client: TypedColumns
) -> TColumnSchema | None:
    """Returns a column with its real type, None if dlt has no such type."""
    adopted: dict[str, Any] = dict(known) if known else {"name": name} | _OWN.get(name, {})
    if known is None and name == C_DLT_ID:
        adopted = dict(dlt_id_column())
    if not (known and is_complete_column(known)) or client.kind_of(table, known) != real.kind:
        hints = client.hints_of(real.kind)
        if hints is None:
            return None
        adopted = {key: value for key, value in adopted.items() if key not in TYPE_HINTS} | hints
    if not real.nullable and adopted.get("nullable", True):
        adopted["nullable"] = False
        if not name.startswith("_dlt"):
            adopted[NOT_NULL] = True
    elif known is None:
        adopted["nullable"] = real.nullable
    return cast("TColumnSchema", adopted)
