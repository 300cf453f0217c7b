"""Finds what the next run of a resource would do to its table, from the configuration and the stored schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_foundation.audit.read import read_newest
from data_foundation.config.table_names import table_name_of
from data_foundation.errors import FoundationError
from data_foundation.inspection.catalogue import list_relations
from data_foundation.inspection.schema_history import SchemaVersion, describe_column, describe_type, read_newest_schema
from data_foundation.inspection.select import read_select
from data_foundation.inspection.tables import find_table
from data_foundation.loading.keys.key_change import describe_key_change
from data_foundation.naming import TableName, normalize
from data_foundation.sql_text import quote_name

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.loading.task import Task
    from data_foundation.warehouses.base import Warehouse

ACTIONS = {
    "append": "add rows",
    "replace": "replace all rows",
    "merge scd2": "add a version of each row that has changed",
    "vault": "add a version of each row that has changed",
    "merge insert-only": "add rows whose key is new",
}
"""What a disposition does to a table that exists; any other merge replaces rows by key."""

EMPTY = {"keep": "keep them", "truncate": "empty the table", "fail": "fail"}
"""What a replace does without rows, by `on_empty`."""

LAKE_SECONDS = 60.0
"""How long the files of a lake's table are looked up."""


@dataclass(frozen=True)
class Plan:
    """What the next run of one resource would do.

    Attributes:
        asset: dataset.table as it is configured.
        action: What happens to the table.
        rows: Number of rows of the table now, None if it does not exist.
        cursor: The stored cursor, from which the run reads on; None if it reads everything.
        changes: Configured columns that the table has not, or has with another type; a key that is now another.
        losses: Why rows that are in the table would no longer be there; empty if none is lost.
        refusal: Why the run would be refused, and what to do; "" if it is not.
    """

    asset: str
    action: str
    rows: int | None = None
    cursor: str | None = None
    changes: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    refusal: str = ""


def make_plans(tasks: Sequence[Task], warehouse: Warehouse) -> list[Plan]:
    """Returns a plan for each task; no code of a source is run, so columns that new rows bring are not known."""
    cursors = {one.asset: one.cursor for one in read_newest(warehouse).attempts if one.status == "loaded"}
    return [_plan(task.resource, warehouse.serving(task.resource), cursors) for task in tasks]


def _plan(resource: ResourceConfig, warehouse: Warehouse, cursors: Mapping[str, str | None]) -> Plan:
    name, action = table_name_of(resource), _action(resource)
    cursor = cursors.get(str(name)) if resource.incremental else None
    if resource.landing == "vault":
        return Plan(str(name), f"{action} (vaults are not compared)", cursor=cursor)
    if (rows := _count(warehouse, name)) is None:
        return _plan_without_table(warehouse, name)
    try:
        stored = read_newest_schema(warehouse, name)
    except FoundationError:
        if not rows:
            return Plan(str(name), f"{action}; another program has made the table", rows)
        refusal = f"it holds {rows} rows that this project has not loaded: `foundation adopt` takes them over"
        return Plan(str(name), "nothing", rows, refusal=refusal)
    losses = _losses(resource, stored.disposition, rows)
    return Plan(str(name), action, rows, cursor, tuple(_changes(resource, stored)), tuple(losses))


def _count(warehouse: Warehouse, name: TableName) -> int | None:
    """Returns the number of rows of a table, None if it does not exist."""
    configured = TableName(warehouse.dataset(name.dataset), name.table)
    if warehouse.format:
        return next((one.rows for one in list_relations(warehouse, [configured], LAKE_SECONDS)), None)
    try:
        table = find_table(warehouse, str(configured))
    except FoundationError:
        return None
    quoted = ".".join(map(quote_name, table))
    [(rows,)] = read_select(warehouse, f"SELECT COUNT(*) FROM {quoted}", 1).rows  # noqa: S608 - a table that exists
    return int(rows)


def _plan_without_table(warehouse: Warehouse, name: TableName) -> Plan:
    """Returns the plan for a table that does not exist: a first load makes it, any later one is refused."""
    try:
        read_newest_schema(warehouse, name)
    except FoundationError:
        return Plan(str(name), "create the table")
    refusal = "loads have landed in it, and it was dropped or renamed: `--refresh drop` loads everything anew"
    return Plan(str(name), "nothing", refusal=refusal)


def _action(resource: ResourceConfig) -> str:
    action = ACTIONS.get(resource.meeting, "add rows, and replace those with the same key")
    if resource.write_disposition.disposition != "replace":
        return action
    return f"{action}; {EMPTY[resource.on_empty]} if the source returns none"


def _changes(resource: ResourceConfig, stored: SchemaVersion) -> Iterator[str]:
    """Yields the configured columns that differ from those of the table."""
    columns = stored.columns.get(table_name_of(resource).table, {})
    for name, hints in resource.columns.items():
        wanted, known = {"data_type": hints.data_type}, columns.get(normalize(name))
        if hints.data_type and known is None:
            yield f"new column {describe_column(normalize(name), wanted)}"
        elif hints.data_type and known and known["data_type"] != hints.data_type:
            yield f"column {normalize(name)}: {describe_type(known)} becomes {describe_type(wanted)}"
    if change := describe_key_change(resource, columns):
        yield change


def _losses(resource: ResourceConfig, written_by: str, rows: int) -> Iterator[str]:
    """Yields why rows of the table would be lost; `written_by` is the disposition of its loads, or another program."""
    if rows and resource.write_disposition.disposition == "replace" and written_by != "replace":
        yield (
            f"{rows} rows that were written by {written_by or 'loads'} are replaced by what the source returns now; "
            "use another `write_disposition`, or copy the table before"
        )
