"""`dlt.current.source_state()`: one state for all resources of a dlt source, of which each pipeline stores a copy."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dlt.common.destination.client import WithStateSync
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.pipeline.state_sync import load_pipeline_state_from_destination

from data_foundation.config.table_names import table_name_of
from data_foundation.dlt_keys import OWN_STATE
from data_foundation.loading.siblings.leaves import (
    Leaves,
    as_state,
    as_versions,
    find_written,
    merge,
    read_leaves,
)
from data_foundation.loading.stop import POLL_SECONDS
from data_foundation.naming import TableName, schema_name
from data_foundation.project.entry_text.source_state import keeps_source_state
from data_foundation.warehouses.connection import job_client

if TYPE_CHECKING:
    from data_foundation.loading.pipeline import TablePipeline
    from data_foundation.loading.stop import LoadWatch
    from data_foundation.loading.task import Task
    from data_foundation.warehouses.base import Destination, Warehouse


SourceKey = tuple[str, ...]
"""Folder, entry and arguments of a dlt source: one function with other arguments is another source."""

PRIVATE_STATE = (
    "code outside of the source's own modules keeps values in dlt.current.source_state(): they are of this table "
    "alone, other resources of the source do not see them. Name source_state in the source's code, in a comment for "
    "instance, to share them"
)
"""Warning about state of a source that its resources do not share."""


def find_source_key(task: Task) -> SourceKey | None:
    """Returns the dlt source that a table shares a state with, None if its code keeps none."""
    source = task.resource.dlt_source
    if source is None or not keeps_source_state(task.source.folder, task.resource.entry):
        return None
    return str(task.source.folder), *source


def _members(task: Task) -> list[TableName]:
    """Returns the tables of a task's dlt source."""
    source = task.resource.dlt_source
    return [table_name_of(one) for one in task.source.resources if one.dlt_source == source]


class SharedStates:
    """The states of the sources in one run, whose resources are read one after another, as dlt reads them."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._known: dict[SourceKey, Leaves] = {}
        self._ends: dict[int, threading.Event] = {}
        self._before: dict[int, threading.Event] = {}
        last: dict[SourceKey, threading.Event] = {}
        for task in tasks:
            if key := find_source_key(task):
                if key in last:
                    self._before[id(task.resource)] = last[key]
                self._ends[id(task.resource)] = last[key] = threading.Event()

    @contextmanager
    def turn(self, task: Task, watch: LoadWatch) -> Iterator[None]:
        """Waits until the resources of the source that come before have been loaded.

        Raises:
            LoadStopped: The run is being stopped.
        """
        try:
            before = self._before.get(id(task.resource))
            while before and not before.wait(POLL_SECONDS):
                watch.check()
            yield
        finally:
            self.end_turn(task)

    def end_turn(self, task: Task) -> None:
        """Lets the next resource of the source begin."""
        if end := self._ends.get(id(task.resource)):
            end.set()

    def open(self, task: Task, warehouse: Warehouse, destination: Destination) -> SourceState | None:
        """Returns the state of a table's source, None if its code keeps none."""
        if (key := find_source_key(task)) is None:
            return None
        if key not in self._known:
            self._known[key] = merge(_read_copies(task, warehouse, destination))
        return SourceState(self, key, table_name_of(task.resource))

    def leaves(self, key: SourceKey) -> Leaves:
        """Returns the leaves as the last load has left them."""
        return self._known[key]

    def update(self, key: SourceKey, leaves: Leaves) -> None:
        """Adds what a load has written, when its rows have landed."""
        self._known[key] = merge((self._known[key], leaves))


class SourceState:
    """The state of a source during the load of one of its tables."""

    def __init__(self, shared: SharedStates, key: SourceKey, table: TableName) -> None:
        self._shared, self._key, self._table = shared, key, table
        self._before: Leaves = {}
        self._after: Leaves = {}

    def begin(self, pipeline: TablePipeline, *, forgets: bool) -> None:
        """Gives the pipeline of the table the values that the other tables have written.

        Args:
            pipeline: The pipeline, synchronised; it will store what the code writes.
            forgets: True if the values that this table has written itself are left out.
        """
        writer, schema = self._table.pipeline, schema_name(self._table.table)
        self._before = self._after = {
            path: leaf for path, leaf in self._shared.leaves(self._key).items() if not forgets or leaf.writer != writer
        }
        with pipeline.dlt.managed_state() as state:
            states = state.setdefault("sources", {})
            own = {name: value for name, value in states.get(schema, {}).items() if name == "resources"}
            states[schema] = {**as_state(self._before), **own}
        pipeline.on_extracted.append(self._record)

    def _record(self, states: dict[str, Any]) -> None:
        """Stores the versions of the values that the code has written, when all rows were extracted."""
        written = find_written(self._before, _own_part(states, self._table), self._table.pipeline)
        self._after = {**self._before, **written}
        states.setdefault(OWN_STATE, {})["versions"] = as_versions(self._after)

    def land(self) -> None:
        """Passes what the code has written to the loads that follow."""
        self._shared.update(self._key, self._after)


def _own_part(states: Mapping[str, Any], table: TableName) -> dict[str, Any]:
    """Returns what the code of a source keeps for all resources."""
    own = states.get(schema_name(table.table), {})
    return {name: value for name, value in own.items() if name != "resources"}


def _read_copies(task: Task, warehouse: Warehouse, destination: Destination) -> Iterator[Leaves]:
    """Yields the copy of the state that each table of the source has stored."""
    for table in _members(task):
        with job_client(destination, warehouse.dataset(table.dataset)) as client:
            if not isinstance(client, WithStateSync):
                continue
            try:
                state = load_pipeline_state_from_destination(table.pipeline, client)
            except DestinationUndefinedEntity:
                continue
        states = (state or {}).get("sources", {})
        versions = states.get(OWN_STATE, {}).get("versions", {})
        yield read_leaves(_own_part(states, table), versions, table.pipeline)
