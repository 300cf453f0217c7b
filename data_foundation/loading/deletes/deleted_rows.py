"""Decides what one load does with rows of the table whose keys the source has no more."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from data_foundation.errors import EntryError, LoadError
from data_foundation.loading.deletes.comparison import ROWS_AT_A_TIME, KeyComparison
from data_foundation.loading.deletes.key_table import KeyTable
from data_foundation.loading.schema.normalized_files import find_files
from data_foundation.naming import normalize
from data_foundation.readers.deleted_rows import SourceKeys
from data_foundation.warehouses.connection import connect

if TYPE_CHECKING:
    from dlt.destinations.sql_client import SqlClientBase

    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.config.steps.processing_steps import ProcessingStep
    from data_foundation.loading.extraction import Extraction
    from data_foundation.loading.pipeline import TablePipeline
    from data_foundation.loading.task import Task
    from data_foundation.warehouses.base import Destination
    from data_foundation.warehouses.connection import Statement

FEW_ROWS = 10
"""So many rows are deleted however small the table is, if the source has any key."""

_ACCEPTED = {"merge", "merge upsert", "merge delete-insert"}


class DeletedRows:
    """The rows of a table that one load deletes, or marks as deleted.

    Attributes:
        count: Number of these rows.
    """

    def __init__(
        self, task: Task, pipeline: TablePipeline, warehouse: Callable[[], AbstractContextManager[Destination]]
    ) -> None:
        """Remembers the table as it is before the load, so this must run before the extraction.

        Args:
            task: The resource as it is in this run, and the run's options.
            pipeline: The pipeline of its table.
            warehouse: Opens the warehouse.
        """
        self.count = 0
        self._resource, self._pipeline, self._warehouse = task.resource, pipeline, warehouse
        # `refresh: drop` makes the table anew.
        self._table = None if task.options.refresh == "drop" else KeyTable.of(pipeline.tables, pipeline.table)
        self._keys: SourceKeys | None = None

    def find_statements(self, extraction: Extraction) -> Sequence[Statement]:
        """Returns the statements of the load's transaction; none if the reader has handed over no keys.

        What they compare is the table as it was when the load's state was read: the load's fence refuses the commit if
        another load has landed since.

        Args:
            extraction: The extracted rows.

        Raises:
            EntryError: Rows of this resource cannot be compared by key.
            LoadError: The source has no keys, or too few; nothing is written.
        """
        keys = SourceKeys.of(extraction.resource.custom_metrics)
        if keys is None:
            return ()
        refuse_incomparable(self._resource, keys)
        if self._table is None:
            return ()
        self._keys, folder = keys, self._pipeline.dlt.working_dir
        with (
            self._warehouse() as destination,
            connect(destination, self._pipeline.dataset) as client,
            KeyComparison.open(keys, folder) as comparison,
        ):
            comparison.add_table(self._table.read(client, keys, ROWS_AT_A_TIME))
            self.count = comparison.count_gone()
            refuse_many(keys, comparison.count(), self.count)
            return list(self._statements(client, keys, self._table, comparison))

    def _statements(
        self, client: SqlClientBase[Any], keys: SourceKeys, table: KeyTable, comparison: KeyComparison
    ) -> Iterator[Statement]:
        if keys.mode == "hard":
            yield from table.delete(client, keys.columns, comparison.gone())
            return
        yield from table.mark(client, keys.columns, comparison.gone(), datetime.now(UTC).replace(microsecond=0))
        yield from table.mark(client, keys.columns, comparison.returned(), None)

    def find_warnings(self) -> list[str]:
        """Returns a warning if the source has keys that neither the table nor the normalised rows of this load have."""
        if self._keys is None:
            return []
        files = find_files(self._pipeline.dlt).get(self._pipeline.table, [])
        with KeyComparison.open(self._keys, self._pipeline.dlt.working_dir, anew=False) as comparison:
            missing = comparison.count_missing(files)
        message = (
            f"deleted: {missing:,} keys of the source are neither in the table nor in this load: their rows came with "
            "a cursor before the stored one, or while the load was reading. If the number stays, set `lag`, and load "
            "all rows once with `--refresh state`"
        )
        return [message] if missing else []


def refuse_incomparable(resource: ResourceConfig, keys: SourceKeys) -> None:
    """Refuses to compare keys if a row of the source is not one row of the table with the same key.

    Raises:
        EntryError: Names the key of the configuration that is in the way.
    """
    names = {normalize(name) for name in keys.columns}
    if resource.meeting not in _ACCEPTED:
        what = f"this is {resource.meeting}"
    elif {normalize(name) for name in resource.key_columns} != names:
        what = f"primary_key is {', '.join(resource.key_columns) or 'not set'}"
    elif hashed := sorted(name for name in resource.hashed_columns if normalize(name) in names):
        what = f"pii: hash is set for {', '.join(hashed)} of the key"
    elif any(_changes_keys(step, names) for step in resource.processing_steps):
        what = "processing_steps may leave out rows, make several of one, or change the key"
    else:
        return
    message = (
        f"deleted: {what}; accepted is `write_disposition: merge` (delete-insert or upsert) with the primary_key "
        f"{', '.join(keys.columns)}, which arrives as the source has it"
    )
    raise EntryError(message)


def _changes_keys(step: ProcessingStep, key: Collection[str]) -> bool:
    """Returns True if a step may leave out rows or make several of one, or if it changes a field of the key."""
    touched = {normalize(name) for name in (*step.exclude, *step.rename, *step.rename.values())}
    return not touched or not touched.isdisjoint(key)


def refuse_many(keys: SourceKeys, rows: int, gone: int) -> None:
    """Refuses to delete so many rows that the source is more likely to be incomplete.

    Args:
        keys: The keys of the source.
        rows: Number of rows that were compared.
        gone: Number of those whose key the source has no more.

    Raises:
        LoadError: They are more than `at_most` allows.
    """
    is_few = gone <= FEW_ROWS and keys.count > 0
    if not gone or is_few or gone * 100 <= rows * keys.at_most:
        return
    message = (
        f"deleted: the source has {keys.count:,} keys, and {gone:,} of the {rows:,} rows of the table "
        f"({gone * 100 / rows:.0f} %) have none of them, more than `at_most: {keys.at_most:g}` percent; nothing was "
        f"written. If they were really deleted, set `deleted: {{mode: {keys.mode}, at_most: 100}}` for one run"
    )
    raise LoadError(message)
