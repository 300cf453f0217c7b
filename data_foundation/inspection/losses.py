"""Finds why the next run of a resource would lose rows of its table, or be refused because of what the table is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data_foundation.config.table_names import table_name_of
from data_foundation.inspection.schema_history import SchemaVersion, describe_type
from data_foundation.loading.keys.key_change import describe_key_change, find_missing_keys
from data_foundation.loading.schema.type_changes import find_conversion
from data_foundation.naming import TableName, normalize
from data_foundation.sql_text import quote_name

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.warehouses.base import Warehouse

Columns = Mapping[str, Mapping[str, Any]]

TYPE_KEYS = ("data_type", "precision", "scale", "timezone")
"""The hints of which a column's type is made."""


@dataclass(frozen=True)
class FoundTable:
    """The table of a resource as it is.

    Attributes:
        warehouse: The warehouse that has it.
        name: Its name, as the warehouse spells it.
        rows: Number of its rows.
        stored: The schema of its last load.
    """

    warehouse: Warehouse
    name: TableName
    rows: int
    stored: SchemaVersion

    def columns(self, resource: ResourceConfig) -> Columns:
        """Returns dlt's column schemas of the resource's own table."""
        return self.stored.columns.get(table_name_of(resource).table, {})


def find_losses(resource: ResourceConfig, table: FoundTable) -> Iterator[str]:
    """Yields why rows of the table would be lost."""
    disposition = resource.write_disposition.disposition
    if not table.rows:
        return
    if disposition == "replace" and table.stored.disposition != "replace":
        others = [name for name in table.stored.columns if name != table_name_of(resource).table]
        more = f", and those of {', '.join(others)}," if others else ""
        yield (
            f"{table.rows} rows{more} that were written by {table.stored.disposition or 'loads'} are replaced by what "
            "the source returns now; use another `write_disposition`, or copy the table before"
        )
    strategy = resource.write_disposition.strategy
    if disposition != "merge" or strategy == "scd2":
        return
    if missing := find_missing_keys(resource, table.columns(resource)):
        yield (
            f"{table.rows} rows have no {', '.join(missing)}, by which rows are found now: one that the source returns "
            "again would be there twice; if the column has a new name, keep the old one with a step `rename` in "
            "`processing_steps`, or `--refresh drop` makes the table anew"
        )
    elif strategy != "insert-only":
        yield from _shared_keys(resource, table)


def _shared_keys(resource: ResourceConfig, table: FoundTable) -> Iterator[str]:
    """Yields a sentence if several rows of the table have one key, by which no load has written them."""
    columns, key = table.columns(resource), [normalize(name) for name in resource.key_columns]
    change = describe_key_change(resource, columns)
    if not key or (table.stored.disposition == "merge" and not change):
        return
    if table.warehouse.format:
        return  # a lake is not queried for its keys
    shared = _count_shared(table, key)
    if shared:
        yield (
            f"{shared} of {table.rows} rows share their key {', '.join(key)} with another row: the next row of such a "
            "key replaces all of them; use a key that tells them apart, or copy the table before"
        )


def _count_shared(table: FoundTable, key: list[str]) -> int:
    """Returns the number of rows whose key another row has too."""
    names = ", ".join(map(quote_name, key))
    where = " AND ".join(f"{quote_name(name)} IS NOT NULL" for name in key)
    relation = ".".join(map(quote_name, table.name))
    groups = f"SELECT COUNT(*) AS n FROM {relation} WHERE {where} GROUP BY {names} HAVING COUNT(*) > 1"  # noqa: S608 - a table that exists
    with table.warehouse.query() as query:
        [(shared,)] = query(f"SELECT COALESCE(SUM(n), 0) FROM ({groups}) AS shared")  # noqa: S608 - as above
    return int(shared)


def find_refusal(resource: ResourceConfig, table: FoundTable) -> str:
    """Returns why a run would be refused because of the table's history or of a column's type, "" if it is not."""
    if not table.rows:
        return ""
    return next(_refusals(resource, table), "")


def _refusals(resource: ResourceConfig, table: FoundTable) -> Iterator[str]:
    becomes, was = resource.write_disposition, table.stored
    keeps = becomes.disposition == "merge" and becomes.strategy == "scd2"
    if was.strategy == "scd2" and not keeps:
        yield (
            "the table keeps every version of a row (strategy scd2), and `write_disposition` is now "
            f"{resource.meeting}; set the strategy again, give `destination` another table, or `--refresh drop`"
        )
    if keeps and was.strategy != "scd2":
        yield (
            f"strategy scd2 needs the dates of versions, and the rows were written by {was.disposition}; give "
            "`destination` another table, or `--refresh drop`"
        )
    columns = table.columns(resource)
    if resource.schema_contract and resource.schema_contract.columns == "freeze":
        yield from (
            f"column {name} is new, and `schema_contract` columns: freeze forbids it: a row that has it fails the load"
            for name, _ in wanted_types(resource)
            if name not in columns
        )
    if becomes.disposition != "replace" and not table.warehouse.format:
        yield from (text for name, hints in wanted_types(resource) if (text := _narrowing(name, hints, columns)))


def wanted_types(resource: ResourceConfig) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields each configured column with a type, as the warehouse spells it, and the hints of its type."""
    for name, hints in resource.columns.items():
        values = {key: getattr(hints, key, None) for key in TYPE_KEYS}
        if hints.data_type:
            yield normalize(name), {key: value for key, value in values.items() if value is not None}


def is_other_type(known: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Returns True if a configured type is not that of the column."""
    return any(known.get(key) != value for key, value in wanted.items())


def _narrowing(name: str, wanted: Mapping[str, Any], columns: Columns) -> str:
    known: Any = columns.get(name)
    new: Any = wanted
    if not known or not is_other_type(known, wanted) or find_conversion(known, new) != "never":
        return ""
    return (
        f"column {name} is {describe_type(known)}, and `columns` says {describe_type(wanted)}: not every value of one "
        f"fits the other; `columns: {{{name}: {{data_type: {known['data_type']}}}}}` keeps it, `--refresh drop` makes "
        "the table anew"
    )
