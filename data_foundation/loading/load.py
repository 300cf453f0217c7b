"""One load of a resource: the steps from opening the warehouse to reading back what was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dlt.pipeline.exceptions import PipelineStepFailed

from data_foundation.checks.failed_parts import list_parts
from data_foundation.config.table_names import table_name_of
from data_foundation.errors import LoadError, LoadOvertaken, ValueRefused
from data_foundation.loading.adoption.lost_rows import find_lost_rows
from data_foundation.loading.adoption.since_adoption import refuse_rows_since_adoption
from data_foundation.loading.adoption.unexpected_tables import refuse_unexpected
from data_foundation.loading.deletes.deleted_rows import DeletedRows
from data_foundation.loading.entries.dlt_resource import Call, build_entry, configure, uses_range
from data_foundation.loading.entries.late_hints import EarlyHints
from data_foundation.loading.extraction import Extraction, extract
from data_foundation.loading.finish_pending import PendingFinisher
from data_foundation.loading.further_tables import check_further_tables, check_without_rows, find_unused_hints
from data_foundation.loading.keys.key_change import find_key_warnings
from data_foundation.loading.keys.shared_keys import check_keys
from data_foundation.loading.pipeline import TablePipeline
from data_foundation.loading.progress import ProgressCollector, Report
from data_foundation.loading.ranges.first_rows import check_first_rows
from data_foundation.loading.ranges.former_cursors import end_former_cursors
from data_foundation.loading.ranges.load_range import (
    LoadRange,
    find_range,
    find_range_warnings,
    refuse_part_of_scd2,
    refuse_range_of_parent,
)
from data_foundation.loading.ranges.range_delete import CursorTable, find_cursor_tables, find_deletes
from data_foundation.loading.read_back import Landed, describe_table_changes, find_table_changes, read_back
from data_foundation.loading.result import FurtherTable, LoadResult
from data_foundation.loading.siblings.source_state import PRIVATE_STATE, SourceState
from data_foundation.loading.write_decision import (
    check_failed_parts,
    check_required_columns,
    check_rows_before_cursor,
    check_table_format,
    find_reason_to_write_nothing,
)
from data_foundation.process_wide import arrow_memory
from data_foundation.project.effective import appends_for_want_of_key, find_effective
from data_foundation.vault.landing import Vault
from data_foundation.vendors.retries import root_cause
from data_foundation.warehouses.connection import connect
from data_foundation.warehouses.settings import template_values

if TYPE_CHECKING:
    from dlt.common.pipeline import LoadInfo
    from dlt.extract import DltResource

    from data_foundation.loading.siblings.run import LoadContext
    from data_foundation.loading.task import Task
    from data_foundation.warehouses.base import Destination, Warehouse
    from data_foundation.warehouses.connection import Statement

OnLanded = Callable[[LoadResult, "Destination"], None]
"""Called with the result of a load while the connection is open."""


class Load:
    """One load of a resource; `run` does its steps, once.

    Attributes:
        resource: The resource; from the building of its entry on, with what its code declares.
        warnings: Warnings of all steps so far.
        failed_parts: Reasons by part, for the parts of the source that failed alone.
        cursor: The cursor's stored value before the load, None if there is none.
        rows_before_cursor, left_out: Rows that the cursor, and that filters of `processing_steps`, left out.
        has_trail: True if the warehouse has the audit trail of the table.
        rows_by_partition: Rows of each partition of a range; () if they are not known.
        deleted: Rows that the source has deleted; set by `run`.
        has_more_parts: True if this is a part of a first load, and not the last one.
    """

    deleted: DeletedRows

    def __init__(
        self, task: Task, warehouse: Warehouse, report: Report, context: LoadContext, *, has_trail: bool
    ) -> None:
        self.task = replace(task, resource=task.resource.configured)
        self.resource, self.options = self.task.resource, task.options
        self.warehouse = warehouse
        self.has_trail = has_trail
        self.siblings = context.siblings
        self.table = table_name_of(task.resource)
        progress = ProgressCollector(task.resource.destination, report)
        vault = Vault(task.source.name, task.resource) if task.resource.landing == "vault" else None
        self.pipeline = TablePipeline(warehouse, self.table, progress, task.options.run_id, vault)
        self.pipeline.watch = context.watch
        self.warnings: list[str] = []
        self.failed_parts: Mapping[str, str] = {}
        self.cursor: Any = None
        self.rows_before_cursor = self.left_out = 0
        self.rows_by_partition: tuple[int, ...] = ()
        self.has_more_parts = False
        self._source_state: SourceState | None = None

    def run(self, on_landed: OnLanded) -> LoadResult:
        """Loads the resource and returns the result; the caller holds the resource's lock.

        Args:
            on_landed: Called with the result while the connection is open.

        Raises:
            FoundationError: The warehouse, the entry or the rows are refused, or the run is being stopped; nothing was
                written.
            PipelineStepFailed: dlt failed in one of its steps.
        """
        arrow_memory.leave_mimalloc()
        self._refuse_what_is_unsupported()
        self.warnings += check_table_format(self.resource, self.warehouse)
        landed_earlier, exists = self._synchronise(), bool(self.pipeline.tables)
        built, resource, load_range = self._prepare()
        end_former_cursors(self.resource, resource, self.pipeline)
        self.has_trail &= not refuse_rows_since_adoption(self.task, self.pipeline, self._open)
        tables = find_cursor_tables(self.task, self.pipeline)
        self.deleted = DeletedRows(self.task, self.pipeline, self._open)
        early = EarlyHints(resource, self.pipeline)
        with self.siblings.parents.reading(self.task, built, resource, self.pipeline):
            extraction = extract(self.task, self.pipeline, resource, load_range)
        early.refuse_late(self.resource.entry)
        deleted = list(self.deleted.find_statements(extraction))
        deletes = [*find_deletes(self.task, self.pipeline, tables, load_range, extraction.replaced), *deleted]
        self._check(extraction, deletes)
        pending = self.pipeline.pending
        if reason := find_reason_to_write_nothing(self.task, extraction, pending, landed_earlier, exists=exists):
            return self._leave_table_as_it_is(reason, on_landed, is_unchanged=bool(extraction.unchanged))
        if extraction.is_known and not deleted and not self.has_more_parts:
            return self._leave_table_as_it_is("", on_landed, is_unchanged=False)
        # A pending load holds no deletes: the next run reads its rows again, from the same cursor.
        self.pipeline.keep_pending(is_partial=self.options.is_partial or bool(deletes))
        self._normalize(tables, extraction)
        return self._load(deletes, on_landed)

    def _refuse_what_is_unsupported(self) -> None:
        self.warehouse.accept(self.resource)
        if self.pipeline.vault and self.options.refresh == "drop":
            message = "a vault keeps what it has: drop its satellites by hand, or `refresh: state` to load all again"
            raise LoadError(message)

    def _open(self) -> AbstractContextManager[Destination]:
        """Opens the warehouse; sessions carry the names of the asset, its source and the run."""
        return self.warehouse.open(
            {"asset": str(self.table), "source": self.task.source.name, "run_id": self.options.run_id}
        )

    def _synchronise(self) -> str | None:
        """Finishes pending loads, then restores state and schema from the warehouse.

        Returns:
            The id of the pending load whose rows are in the table now, None if there is none.
        """
        finisher = PendingFinisher(self.pipeline, self.resource.destination)
        with self.pipeline.timed("sync"), self._open() as destination:
            landed = finisher.finish_all(destination)
            self.pipeline.synchronise(destination)
            refuse_unexpected(self.task, self.pipeline, destination)
            self._source_state = self.siblings.states.open(self.task, self.warehouse, destination)
        self.warnings += finisher.warnings
        return landed

    def _prepare(self) -> tuple[DltResource, DltResource, LoadRange]:
        """Builds the dlt resource, and decides from its code and its configuration what is loaded.

        Returns:
            The resource as its code has it, the same with all hints, and the range of the load.
        """
        configured, source = self.resource, self.task.source
        if self.options.refresh != "none":
            self.pipeline.forget_state()
        if self._source_state:
            self._source_state.begin(self.pipeline, forgets=self.options.refresh != "none")
        load_range = self._find_range()
        built = build_entry(source, configured, self._call(load_range), self.siblings.sources)
        self.resource = find_effective(configured, built)
        self.task = replace(self.task, resource=self.resource)
        self._refuse_what_is_unsupported()
        refuse_range_of_parent(self.resource, built, self.options)
        refuse_part_of_scd2(self.resource, self.options, exists=bool(self.pipeline.tables))
        if self.resource.incremental != configured.incremental:
            # The code declares the cursor, so the range is known only now.
            load_range = self._find_range()
            if uses_range(configured):
                built = build_entry(source, configured, self._call(load_range), self.siblings.sources)
        if appends_for_want_of_key(configured, built):
            self.warnings.append(
                f"the code of {configured.resource} declares merge and no key, so its rows are appended, as by dlt "
                "itself; set primary_key or merge_key in `tables` of sources.yaml to merge them"
            )
        self.warnings += find_key_warnings(self.task, self.pipeline)
        self.warnings += find_range_warnings(self.resource, self.cursor, self.options, load_range)
        return built, configure(built, configured, self.resource, source, load_range), load_range

    def _call(self, load_range: LoadRange) -> Call:
        return Call(load_range, template_values(), self.options.kwargs)

    def _find_range(self) -> LoadRange:
        self.cursor = self._read_cursor()
        return find_range(self.resource, self.cursor, self.options)

    def _read_cursor(self) -> Any:
        return self.pipeline.cursor(self.resource.incremental.cursor_path) if self.resource.incremental else None

    def _check(self, extraction: Extraction, deletes: Sequence[Statement]) -> None:
        """Collects the warnings of the extraction and refuses rows that must not be written."""
        self.warnings += extraction.warnings
        self.rows_before_cursor, self.left_out = extraction.rows_before_cursor, extraction.left_out
        self.rows_by_partition = extraction.rows_by_partition
        self.has_more_parts = extraction.has_more_parts
        if self.resource.resource and self.pipeline.has_source_state and not self._source_state:
            self.warnings.append(PRIVATE_STATE)
        check_required_columns(self.resource, extraction)
        check_rows_before_cursor(self.resource, extraction)
        filled = [name for name in self.pipeline.further if extraction.sent.get(name)]
        self.warnings += check_further_tables(self.task, self.pipeline.tables, filled)
        self.warnings += check_without_rows(self.resource, extraction.without_rows)
        self.failed_parts = extraction.failed_parts
        check_failed_parts(self.resource, self.failed_parts, deletes_rows=bool(deletes))
        if self.failed_parts and self.resource.checks.complete == "ignore":
            self.warnings.append(list_parts(self.failed_parts))

    def _leave_table_as_it_is(self, reason: str, on_landed: OnLanded, *, is_unchanged: bool) -> LoadResult:
        self.warnings += [*([reason] if reason else []), *self.deleted.find_warnings()]
        with self._open() as destination:
            self.pipeline.synchronise(destination)
            result = self._read_back(destination, None, is_unchanged=is_unchanged)
            on_landed(result, destination)
        self.pipeline.pending.clear()
        return result

    def _normalize(self, tables: Sequence[CursorTable], extraction: Extraction) -> None:
        try:
            self.pipeline.normalize()
            self.warnings += check_keys(self.resource, self.pipeline, self.warehouse)
            if extraction.begins_cursor:
                self.warnings += check_first_rows(tables, extraction.replaced, self.pipeline, self._open)
        except ValueRefused:
            # These rows can never be loaded; the next attempt extracts again.
            self.pipeline.pending.clear()
            raise

    def _load(self, deletes: Sequence[Statement], on_landed: OnLanded) -> LoadResult:
        with self._open() as destination:
            self.warnings += self.deleted.find_warnings()
            self.warnings += find_lost_rows(self.task, self.pipeline, destination, self.cursor)
            loaded = self._write(destination, deletes)
            result = self._read_back(destination, loaded)
            on_landed(result, destination)
        self.pipeline.pending.clear()
        if self._source_state:
            self._source_state.land()
        return result

    def _write(self, destination: Destination, deletes: Sequence[Statement]) -> LoadInfo | None:
        try:
            return self.pipeline.load(destination, deletes)
        except (LoadError, PipelineStepFailed) as error:
            if isinstance(error, LoadError) or isinstance(root_cause(error), LoadOvertaken):
                # The table cannot hold these rows, or another load was first; the next attempt extracts again.
                self.pipeline.pending.clear()
            raise

    def _read_back(
        self, destination: Destination, loaded: LoadInfo | None, *, is_unchanged: bool = False
    ) -> LoadResult:
        """Returns the result of the load, with the table's rows and columns and the outcomes of its checks."""
        pipeline = self.pipeline
        opened, widened = find_table_changes(pipeline) if loaded else ({}, {})
        self.warnings += describe_table_changes(opened, widened)
        if loaded:
            self.warnings += find_unused_hints(self.resource, pipeline.tables)
        result = LoadResult(
            destination=str(self.table),
            rows=pipeline.sent[pipeline.table],
            deleted=self.deleted.count,
            left_out=self.left_out,
            further={name: FurtherTable(pipeline.sent[name]) for name in pipeline.further},
            table=f"{self.warehouse.database}.{pipeline.dataset}.{pipeline.landing}",
            schema_changes=opened,
            widened=widened,
            seconds=pipeline.seconds,
            cursor=(self.cursor, self._read_cursor()),
            rows_before_cursor=self.rows_before_cursor,
            rows_by_partition=self.rows_by_partition,
            warnings=tuple(self.warnings),
            unchanged=is_unchanged,
            failed_parts=self.failed_parts,
            has_more_parts=self.has_more_parts,
        )
        with connect(destination, pipeline.dataset) as client:
            landed = Landed(pipeline.parent, self.warehouse if self.has_trail else None, destination)
            return read_back(client, pipeline.tables, self.resource, result, loaded, landed)
