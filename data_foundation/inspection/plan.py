"""Finds what the next run of a resource would do to its table, from the configuration and the stored schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from data_foundation.audit.read import read_newest
from data_foundation.config.table_names import further_table_of, landing_table_of, table_name_of, tables_of
from data_foundation.errors import FoundationError
from data_foundation.inspection.catalogue import list_relations
from data_foundation.inspection.losses import FoundTable, find_losses, find_refusal, is_other_type, wanted_types
from data_foundation.inspection.schema_history import (
    SchemaVersion,
    describe_column,
    describe_type,
    find_satellite,
    read_newest_schema,
)
from data_foundation.inspection.tables import find_table
from data_foundation.loading.adoption.dlt_pipeline import read_pipeline
from data_foundation.loading.cursor.stored_cursors import States, find_stored_cursors
from data_foundation.loading.keys.key_change import describe_key_change, refuse_vault_key
from data_foundation.loading.ranges.former_cursors import FormerCursors
from data_foundation.naming import TableName, normalize
from data_foundation.sql_text import quote_name

if TYPE_CHECKING:
    from data_foundation.audit.write import Attempt
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

_DISCARDED = {
    "discard_row": ", and `schema_contract` leaves out rows that have it",
    "discard_value": ", and `schema_contract` leaves it out",
}

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
        losses: Why rows that are in the table would no longer be there, or twice; empty if none are.
        refusal: Why the run would be refused, and what to do; "" if it is not.
        tables: Rows of its nested and further tables now, by dataset.table; null for one that does not exist.
    """

    asset: str
    action: str
    rows: int | None = None
    cursor: str | None = None
    changes: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    refusal: str = ""
    tables: Mapping[str, int | None] = field(default_factory=dict)


def make_plans(tasks: Sequence[Task], warehouse: Warehouse) -> list[Plan]:
    """Returns a plan for each task; no code of a source is run, so columns that new rows bring are not known."""
    loaded = [one for one in read_newest(warehouse).attempts if one.status == "loaded"]
    return [_plan(task, warehouse.serving(task.resource), loaded) for task in tasks]


def _plan(task: Task, warehouse: Warehouse, loaded: Sequence[Attempt]) -> Plan:
    resource, name = task.resource, table_name_of(task.resource)
    try:
        stored = read_newest_schema(warehouse, name)
    except FoundationError:
        stored = None
    plan = Plan(str(name), _action(resource), tables=_count_others(resource, warehouse, stored))
    if resource.landing == "vault":
        plan = _plan_vault(plan, task, warehouse, stored)
    elif (rows := _count(warehouse, name)) is None:
        plan = _plan_without_table(plan, name, stored, _find_former(task, loaded))
    elif stored is None:
        plan = _plan_unknown(plan, rows)
    else:
        table = FoundTable(
            warehouse, find_table(warehouse, str(TableName(warehouse.dataset(name.dataset), name.table))), rows, stored
        )
        losses, refusal = tuple(find_losses(resource, table)), find_refusal(resource, table)
        plan = replace(plan, rows=rows, changes=tuple(_changes(resource, stored)), losses=losses, refusal=refusal)
    newest = next((one.cursor for one in reversed(loaded) if one.asset == str(name)), None)
    if stored and not plan.refusal and (resource.incremental or resource.write_disposition.disposition == "append"):
        plan = _with_cursor(plan, resource, newest, _read_states(warehouse, name))
    return plan if plan.refusal else replace(plan, refusal=_refuse_others(resource, plan, stored))


def _plan_unknown(plan: Plan, rows: int) -> Plan:
    """Returns the plan for a table that no load of this project has made."""
    if not rows:
        return replace(plan, action=f"{plan.action}; another program has made the table", rows=rows)
    refusal = f"it holds {rows} rows that this project has not loaded: `foundation adopt` takes them over"
    return replace(plan, action="nothing", rows=rows, refusal=refusal)


def _plan_vault(plan: Plan, task: Task, warehouse: Warehouse, stored: SchemaVersion | None) -> Plan:
    """Returns the plan for a vault: its newest satellite, and whether the configuration opens another one."""
    dataset, first = landing_table_of(task.source.name, task.resource)
    satellite = find_satellite(stored, first)
    if stored is None or satellite is None:
        return replace(plan, action=f"create the satellite {first}, and the hub unless another source has")
    columns = stored.columns[satellite]
    types = dict(wanted_types(task.resource))
    required = {normalize(one.column): {"data_type": one.data_type} for one in task.resource.contract}
    changes = [
        f"column {name} is not in {satellite}: a new satellite is opened, and {satellite} keeps its rows"
        for name in {**required, **types}
        if name not in columns
    ]
    changes += [
        f"column {name}: {describe_type(columns[name])} becomes {describe_type(wanted)}: a new satellite is opened"
        for name, wanted in types.items()
        if name in columns and columns[name]["data_type"] != wanted["data_type"]
    ]
    key = tuple(normalize(name) for name in task.resource.key_columns)
    return replace(
        plan,
        rows=_count(warehouse, TableName(dataset, satellite)),
        changes=tuple(changes),
        refusal=refuse_vault_key(key, stored.vault_key),
    )


def _count_others(
    resource: ResourceConfig, warehouse: Warehouse, stored: SchemaVersion | None
) -> dict[str, int | None]:
    """Returns the rows of nested and further tables, configured or stored; None for one that does not exist."""
    name = table_name_of(resource)
    known = [one for one in (stored.columns if stored else ()) if one.startswith(f"{name.table}__")]
    others = [*tables_of(resource)[1:], *(TableName(name.dataset, one) for one in known)]
    return {str(one): _count(warehouse, one) for one in dict.fromkeys(others)}


def _refuse_others(resource: ResourceConfig, plan: Plan, stored: SchemaVersion | None) -> str:
    """Returns why a run would be refused because of a further table, "" if it is not."""
    for table in resource.tables:
        name = further_table_of(resource, table)
        rows = plan.tables[str(name)]
        if rows and name.table not in (stored.columns if stored else ()):
            return f"{name} holds {rows} rows that this resource has not loaded; name another table in `tables`"
    return ""


def _find_former(task: Task, loaded: Sequence[Attempt]) -> tuple[str, ...]:
    """Returns a sentence for each table that the source has loaded and that is configured no more."""
    configured = {str(table_name_of(resource)) for resource in task.source.resources}
    former = {one.asset for one in loaded if one.source == task.source.name and one.asset not in configured}
    return tuple(
        f"{asset}, which {task.source.name} has loaded, is not configured any more: its rows and its cursor stay there"
        for asset in sorted(former)
    )


def _read_states(warehouse: Warehouse, name: TableName) -> States:
    """Returns dlt's states of a table's sources; empty if they cannot be read."""
    try:
        with warehouse.open() as destination:
            return read_pipeline(name.pipeline, destination, warehouse.dataset(name.dataset)).states
    except FoundationError:
        return {}


def _with_cursor(plan: Plan, resource: ResourceConfig, newest: str | None, states: States) -> Plan:
    """Returns the plan with the cursor from which the run reads on, or with why it does not."""
    table = table_name_of(resource).table
    path = resource.incremental.cursor_path if resource.incremental else ""
    stored = find_stored_cursors(states, table)
    if path and path not in stored and stored:
        known = ", ".join(sorted(stored))
        change = f"the cursor is {path}, and the stored one is of {known}: the run reads from the beginning"
        return replace(plan, changes=(*plan.changes, change))
    if path:
        return replace(plan, cursor=newest)
    refusal = FormerCursors.find(resource, table, states).describe(resource)
    return replace(plan, refusal=refusal) if refusal else plan


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
    with warehouse.query() as query:
        [(rows,)] = query(f"SELECT COUNT(*) FROM {quoted}")  # noqa: S608 - a table that exists
    return int(rows)


def _plan_without_table(plan: Plan, name: TableName, stored: SchemaVersion | None, former: tuple[str, ...]) -> Plan:
    """Returns the plan for a table that does not exist: it is created, or a run is refused if it was there."""
    if stored is None or name.table not in stored.columns:
        return replace(plan, action="create the table", changes=former)
    refusal = "loads have landed in it, and it was dropped or renamed: `--refresh drop` loads everything anew"
    return replace(plan, action="nothing", refusal=refusal)


def _action(resource: ResourceConfig) -> str:
    action = ACTIONS.get(resource.meeting, "add rows, and replace those with the same key")
    if resource.write_disposition.disposition != "replace":
        return action
    return f"{action}; {EMPTY[resource.on_empty]} if the source returns none"


def _changes(resource: ResourceConfig, stored: SchemaVersion) -> Iterator[str]:
    """Yields the configured columns that differ from those of the table."""
    columns = stored.columns.get(table_name_of(resource).table, {})
    contract = resource.schema_contract.columns if resource.schema_contract else ""
    for name, wanted in wanted_types(resource):
        known = columns.get(name)
        if known is None:
            yield f"new column {describe_column(name, wanted)}{_DISCARDED.get(contract, '')}"
        elif is_other_type(known, wanted):
            yield f"column {name}: {describe_type(known)} becomes {describe_type(wanted)}"
    for step in resource.processing_steps:
        for was, becomes in ((normalize(old), normalize(new)) for old, new in step.rename.items()):
            if was in columns and becomes not in columns:
                yield (
                    f"column {was} is now {becomes}, by `processing_steps`: {becomes} is new, and {was} keeps the "
                    "values that it has"
                )
    if change := describe_key_change(resource, columns):
        yield change
