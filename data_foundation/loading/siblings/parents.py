"""Pages of a parent that several transformers of one run take: the first one reads them, the others receive them."""

from __future__ import annotations

import pickle
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import dlt
from typing_extensions import override

from data_foundation.loading.stop import POLL_SECONDS
from data_foundation.naming import schema_name
from data_foundation.project.code_hints import find_ancestors, find_parent
from data_foundation.rows.pipe_steps import Step

if TYPE_CHECKING:
    from dlt.extract import DltResource

    from data_foundation.loading.pipeline import TablePipeline
    from data_foundation.loading.stop import LoadWatch
    from data_foundation.loading.task import Task

MOST_BYTES = 128 * 2**20
"""Bytes of pages that are kept of one parent; each transformer reads a larger one itself."""


class SharedParents:
    """The parents that several loads of one run read."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        families = Counter(map(_family_of, tasks))
        self._several = {family for family, count in families.items() if family and count > 1}
        self._records: list[_Record] = []
        self._lock = threading.Lock()

    @contextmanager
    def reading(self, task: Task, built: DltResource, resource: DltResource, pipeline: TablePipeline) -> Iterator[None]:
        """Gives a transformer the pages that another one has read, or keeps those that it reads, while in the block.

        Pages are shared only by transformers that would read the same: their tables have the same arguments, options,
        and state of the parent, for instance its cursor.

        Args:
            task: The load.
            built: The resource as its code names it, and its parents.
            resource: The copy of it that is extracted, which is changed if it is a transformer.
            pipeline: The pipeline of its table, synchronised.

        Raises:
            LoadStopped: The run is being stopped.
        """
        parent = find_parent(resource)
        # A limit ends the reading of the parent too.
        is_cut = task.options.limit is not None or resource.limit is not None
        if parent is None or is_cut or _family_of(task) not in self._several:
            yield
            return
        names = [one.name for one in find_ancestors(built)]
        states = _ParentStates(pipeline, resource)
        options = replace(task.options, run_id="")  # a load that has none makes one
        record = self._find((_family_of(task), names, options, states.read()))
        if found := record.wait(pipeline.watch):
            pipeline.on_extracted.append(partial(states.write, found.states))
            resource.pipe_data_from(dlt.resource(found.read(), name=parent.name, section=parent.section))
            yield
            return
        pages = _Pages()
        parent.add_step(_Keep(pages))
        try:
            yield
            pages.complete(states.read())
        finally:
            record.end(pipeline.watch, pages)

    def _find(self, key: Any) -> _Record:
        with self._lock:
            for record in self._records:
                if record.key == key:
                    return record
            self._records.append(record := _Record(key))
            return record


class _Record:
    """The readings of one parent: one at a time, until one is complete.

    Attributes:
        key: What the parent reads, compared by equality.
    """

    def __init__(self, key: Any) -> None:
        self.key = key
        self._changed = threading.Condition()
        self._reader: LoadWatch | None = None
        self._pages: _Pages | None = None
        self._can_keep = True

    def wait(self, watch: LoadWatch) -> _Pages | None:
        """Waits while another load reads the parent; returns its pages, None if this load is to read them.

        Raises:
            LoadStopped: The run is being stopped.
        """
        with self._changed:
            while self._can_keep and self._reader and not self._reader.is_given_up:
                watch.check()
                self._changed.wait(POLL_SECONDS)
            if self._pages is None:
                self._reader = watch
            return self._pages

    def end(self, watch: LoadWatch, pages: _Pages) -> None:
        """Ends the reading of a load; one that was given up meanwhile has no effect."""
        with self._changed:
            if self._reader is watch:
                self._reader = None
                self._pages = pages if pages.is_complete else None
                self._can_keep = pages.can_keep
                self._changed.notify_all()


class _Pages:
    """The pages of one reading.

    Attributes:
        is_complete: True if all pages were kept.
        states: The state of the parent, and of each of its own parents, after the last page; None for none.
    """

    def __init__(self) -> None:
        self.is_complete = False
        self.states: Sequence[Any] = ()
        self._kept: list[bytes] | None = []
        self._bytes = 0

    def keep(self, page: Any) -> None:
        """Keeps a copy of a page: the transformer may change the page itself."""
        if self._kept is None:
            return
        try:
            copy = pickle.dumps(page)
        except Exception:  # noqa: BLE001 - an object decides what it raises
            self._kept = None
            return
        self._bytes += len(copy)
        if self._bytes > MOST_BYTES:
            self._kept = None
        else:
            self._kept.append(copy)

    def complete(self, states: Sequence[Any]) -> None:
        """Ends a reading in which no error occurred."""
        self.states = states
        self.is_complete = self.can_keep

    @property
    def can_keep(self) -> bool:
        """False if a page cannot be copied, or the pages are too large: each transformer reads the parent itself."""
        return self._kept is not None

    def read(self) -> Iterator[Any]:
        """Yields the pages, each time as new objects."""
        for page in self._kept or ():
            yield pickle.loads(page)  # noqa: S301 - it was made in this process


class _Keep(Step):
    """The last pipe step of a parent: keeps its pages for other transformers."""

    placement_affinity = 10

    def __init__(self, pages: _Pages) -> None:
        super().__init__()
        self._pages = pages

    @override
    def take(self, item: Any) -> Any:
        self._pages.keep(item)
        return item


def _family_of(task: Task) -> tuple[str, ...]:
    """Returns what transformers of one parent have in common, an empty tuple for a resource that has no parent.

    Of a resource that `discovered.yaml` does not know, all of its source may have the same parent.
    """
    source, resource = task.source, task.resource
    if resource.data_from:
        return str(source.folder), resource.data_from
    if resource.dlt_source is None:
        return ()
    known = source.known_hints(resource)
    if known and "parent" not in known:
        return ()
    return str(source.folder), *resource.dlt_source, str(known.get("parent"))


class _ParentStates:
    """The states of a transformer's parents in one pipeline, where the parents have names of their own."""

    def __init__(self, pipeline: TablePipeline, resource: DltResource) -> None:
        self._pipeline, self._schema = pipeline, schema_name(pipeline.table)
        self._names = [one.name for one in find_ancestors(resource)]

    def read(self) -> Sequence[Any]:
        """Returns a copy of each state, None for a parent that has none."""
        states = self._pipeline.dlt.state.get("sources", {}).get(self._schema, {}).get("resources", {})
        return [deepcopy(states.get(name)) for name in self._names]

    def write(self, states: Sequence[Any], sources: dict[str, Any]) -> None:
        """Sets the states, among those of all sources, to what `read` has returned in another pipeline."""
        own = sources.setdefault(self._schema, {}).setdefault("resources", {})
        own |= {name: deepcopy(one) for name, one in zip(self._names, states, strict=True) if one is not None}
