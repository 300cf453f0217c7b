"""The tables that a resource's code fills in addition to its own: what is checked before they are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dlt.common.schema.utils import has_table_seen_data

from data_foundation.config.table_names import child_table_of, further_table_of, table_name_of
from data_foundation.dlt_keys import SET_ASIDE
from data_foundation.errors import EntryError, NoRows

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.loading.task import Task


def check_further_tables(task: Task, tables: Mapping[str, Any], filled: Sequence[str]) -> list[str]:
    """Refuses tables that would damage others, and returns a warning for each that is no asset.

    Args:
        task: The resource to load.
        tables: The tables of dlt's schema after the extraction.
        filled: The further tables that received rows.

    Raises:
        EntryError: A table is the destination of another resource, or its hints contradict the resource.
    """
    dataset = table_name_of(task.resource).dataset
    others = dict(_tables_of_others(task))
    for name in filled:
        if name in others:
            raise EntryError(
                f"the code of entry '{task.resource.entry}' sends rows to {dataset}.{name}, which {others[name]} "
                "fills; two resources would delete each other's rows. Name another table in the code"
            )
        if not tables[name].get(SET_ASIDE):
            _refuse_disposition(task.resource, f"{dataset}.{name}", tables[name])
    declared = {table.table for table in _declared(task.resource)}
    undeclared = [name for name in filled if name not in declared and not tables[name].get(SET_ASIDE)]
    key, of_source = f"tables: [{', '.join((*task.resource.tables, *undeclared))}]", task.resource.resource
    # Beside `source`, `tables` selects resources, and sets what differs for them.
    advice = f"`{f'tables: {{{of_source}: {{{key}}}}}' if of_source else key}` makes assets of them"
    return [f"rows were sent to {dataset}.{name}, which is no asset; {advice}" for name in undeclared]


def find_unused_hints(resource: ResourceConfig, tables: Mapping[str, Any]) -> list[str]:
    """Returns a warning for each path in `nested_hints` whose list no row has had: the name may be misspelt.

    Args:
        resource: The resource that was loaded.
        tables: The tables of dlt's schema after the load.
    """
    paths = {path: child_table_of(resource, path).table for path in resource.nested_hints}
    unused = [path for path, name in paths.items() if name not in tables or not has_table_seen_data(tables[name])]
    return [f"nested_hints: no row has had a list `{path}`, so its types have no effect" for path in unused]


def check_without_rows(resource: ResourceConfig, names: Sequence[str]) -> list[str]:
    """Returns a warning for each of several tables for which a replace brought no rows.

    Raises:
        NoRows: `on_empty: fail` is configured.
    """
    dataset = table_name_of(resource).dataset
    listed = ", ".join(f"{dataset}.{name}" for name in names)
    if names and resource.on_empty == "fail":
        message = f"the replace brought no rows for {listed} and on_empty is 'fail'; all tables are as they were"
        raise NoRows(message)
    if names and resource.on_empty == "keep":
        return [f"the replace brought no rows for {listed}, which keep theirs (on_empty: keep)"]
    return []


def _tables_of_others(task: Task) -> Iterator[tuple[str, str]]:
    """Yields each table in the dataset that another resource of the source fills, with its destination."""
    own = table_name_of(task.resource)
    for resource in task.source.resources:
        if table_name_of(resource) != own and table_name_of(resource).dataset == own.dataset:
            for table in (table_name_of(resource), *_declared(resource)):
                yield table.table, resource.destination


def _declared(resource: ResourceConfig) -> Iterator[Any]:
    yield from (further_table_of(resource, name) for name in resource.tables)
    yield from (child_table_of(resource, child) for child in resource.child_tables)


def _refuse_disposition(resource: ResourceConfig, name: str, table: Mapping[str, Any]) -> None:
    """Refuses another write disposition than the resource's: what guards rows goes by that of the resource.

    A merge beside an append is in order: nothing that is done for an append damages the rows of a merge.
    """
    own = resource.write_disposition.disposition
    disposition, strategy = table.get("write_disposition"), table.get("x-merge-strategy")
    if disposition == own or (own == "append" and disposition == "merge" and strategy != "scd2"):
        return
    raise EntryError(
        f"the hints of the rows for {name} have write_disposition {disposition}, and {resource.destination} has "
        f"{resource.meeting}; use one for all tables of the resource, or load {name} by a resource of its own"
    )
