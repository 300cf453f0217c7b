"""Cursors by which earlier loads have read the rows of a table, and which are not configured any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from data_foundation.errors import LoadError
from data_foundation.loading.cursor.stored_cursors import find_cursor_states, find_stored_cursors
from data_foundation.project.code_hints import find_ancestors, find_parent_cursors

if TYPE_CHECKING:
    from dlt.extract import DltResource

    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.loading.cursor.stored_cursors import States
    from data_foundation.loading.pipeline import TablePipeline


class CursorName(NamedTuple):
    """How dlt stores the value of a cursor.

    Attributes:
        resource: Name of the dlt resource that has it; that of a table's own is the name of the table.
        path: Path of the cursor.
    """

    resource: str
    path: str


@dataclass(frozen=True)
class FormerCursors:
    """The cursors by which earlier loads have read the rows of a table, and which are not configured any more.

    Attributes:
        table: Name of the table.
        values: The stored value of each.
    """

    table: str
    values: Mapping[CursorName, Any]

    @classmethod
    def find(
        cls, resource: ResourceConfig, table: str, states: States, dlt_resource: DltResource | None = None
    ) -> Self:
        """Returns the former cursors of a resource, and those of the resources whose items a transformer takes.

        Args:
            resource: The resource, with what its code declares.
            table: Name of its table.
            states: The states of the sources, as the warehouse has them.
            dlt_resource: It with all hints, and with its parents; None if no code was run.
        """
        current = {CursorName(table, resource.incremental.cursor_path)} if resource.incremental else set()
        current |= {CursorName(*one) for one in find_parent_cursors(dlt_resource)} if dlt_resource else set()
        names = [table, *(one.name for one in find_ancestors(dlt_resource))] if dlt_resource else [table]
        stored = {
            CursorName(name, path): value for name in names for path, value in find_stored_cursors(states, name).items()
        }
        return cls(table, {one: value for one, value in stored.items() if one not in current})

    def describe(self, resource: ResourceConfig) -> str:
        """Returns why an append would add rows that the table has, and what to do; "" if it would not.

        Args:
            resource: The resource, with what its code declares.
        """
        is_append = resource.write_disposition.disposition == "append" and resource.landing == "table"
        if not self.values or not is_append or resource.incremental:
            return ""
        (name, path), value = next(iter(self.values.items()))
        # dlt gives the parent of a copied transformer the name of both.
        cursor = path if name == self.table else f"{path} of {name.removesuffix(f'_{self.table}')}"
        return (
            f"earlier loads have added the rows up to {cursor} {value}, and this cursor is not configured any more: a "
            "load would add what the entry yields, also the rows that are there. Configure it again, or give "
            "`destination` another table; or replace all rows once with `--refresh state`, after which each load adds "
            "what the entry yields"
        )

    def forget(self, states: States) -> None:
        """Removes their values: put back, such a cursor knows nothing of the rows that were loaded in between.

        Args:
            states: The states of the sources, which are changed.
        """
        for name, path in self.values:
            for cursors in find_cursor_states(states, name):
                cursors.pop(path, None)


def end_former_cursors(resource: ResourceConfig, dlt_resource: DltResource, pipeline: TablePipeline) -> None:
    """Refuses an append that has lost its cursor, and has former cursors forgotten when other rows are extracted.

    Args:
        resource: The resource, with what its code declares.
        dlt_resource: It with all hints, and with its parents.
        pipeline: The pipeline of its table, synchronised; a refresh has emptied its state.

    Raises:
        LoadError: The resource appends and has no cursor, and the one by which its rows were loaded is gone.
    """
    former = FormerCursors.find(resource, pipeline.table, pipeline.dlt.state.get("sources", {}), dlt_resource)
    if reason := former.describe(resource):
        raise LoadError(f"incremental: {reason}")
    pipeline.on_extracted.append(former.forget)
