"""Compares rows that a source returns with the table that they would land in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dlt.common.data_types.type_helpers import coerce_value, py_type_to_sc_type

from data_foundation.errors import FoundationError
from data_foundation.inspection.schema_history import (
    SchemaVersion,
    describe_column,
    describe_type,
    find_satellite,
    read_newest_schema,
)

if TYPE_CHECKING:
    from data_foundation.naming import TableName
    from data_foundation.warehouses.base import Warehouse

Columns = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Arriving:
    """Rows that would land in one table.

    Attributes:
        table: Its name, without the dataset.
        columns: dlt's column schemas by name.
        names: The columns of `rows`.
        rows: The rows.
    """

    table: str
    columns: Columns
    names: Sequence[str]
    rows: Sequence[Sequence[Any]]


def find_differences(warehouse: Warehouse, main: TableName, arriving: Sequence[Arriving], lands_in: str) -> list[str]:
    """Returns a line for each table and column that a load of these rows would create or could not fill as it is.

    Args:
        warehouse: The warehouse.
        main: The resource's own table, as it is configured.
        arriving: The rows, by table; nested tables are tables.
        lands_in: The table in which the rows of `main` land: another one, the first satellite, for a vault.
    """
    try:
        stored = read_newest_schema(warehouse, main)
    except FoundationError:
        stored = None
    if lands_in != main.table:
        satellite = find_satellite(stored, lands_in)
        return [line for one in arriving for line in _compare_with_satellite(one, stored, satellite, lands_in)]
    return [line for one in arriving for line in _compare(one, stored)]


def _compare_with_satellite(
    arriving: Arriving, stored: SchemaVersion | None, satellite: str | None, first: str
) -> Iterator[str]:
    """Yields the first satellite, or each column for which another one is opened."""
    if not stored or not satellite:
        yield from _compare(replace(arriving, table=first), None)
        return
    known = stored.columns[satellite]
    for name, hints in arriving.columns.items():
        if name not in known:
            yield f"new column {describe_column(name, hints)}: a new satellite is opened beside {satellite}"
        elif known[name]["data_type"] != hints.get("data_type"):
            types = f"{describe_type(known[name])} in {satellite}, and {describe_type(hints)} in the rows"
            yield f"column {name} is {types}: a new satellite is opened"


def _compare(arriving: Arriving, stored: SchemaVersion | None) -> Iterator[str]:
    known = stored.columns.get(arriving.table, {}) if stored else {}
    if not known:
        columns = ", ".join(describe_column(name, hints) for name, hints in arriving.columns.items())
        yield f"new table {arriving.table}: {columns}"
        return
    for name, hints in arriving.columns.items():
        if name not in known:
            yield f"new column {arriving.table}.{describe_column(name, hints)}"
        elif known[name]["data_type"] != hints.get("data_type"):
            yield from _compare_values(arriving, name, known[name])


def _compare_values(arriving: Arriving, name: str, known: Mapping[str, Any]) -> Iterator[str]:
    """Yields a line if the column of the table cannot hold a value, as dlt converts it."""
    position = list(arriving.names).index(name)
    values = [row[position] for row in arriving.rows if row[position] is not None]
    refused = [value for value in values if not _fits(value, known["data_type"])]
    if refused:
        yield (
            f"column {arriving.table}.{name} is {describe_type(known)}: {len(refused)} of {len(values)} values are "
            f"{arriving.columns[name]['data_type']}; they would land in a column {name}__v_"
            f"{arriving.columns[name]['data_type']}, unless `schema_contract` refuses them"
        )


def _fits(value: Any, data_type: Any) -> bool:
    try:
        coerce_value(data_type, py_type_to_sc_type(type(value)), value)
    except (ValueError, TypeError, ArithmeticError):
        return False
    return True
