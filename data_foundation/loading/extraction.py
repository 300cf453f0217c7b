"""Extracts the rows of one resource into the working folder; nothing is written to the warehouse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dlt.pipeline.exceptions import PipelineStepFailed

from data_foundation.checks.failed_parts import read_failed_parts
from data_foundation.dlt_keys import REQUESTED, ROW_HASH, UNCHANGED, WARNINGS
from data_foundation.loading.cursor.first_load import has_more_parts, hold_cursor
from data_foundation.loading.cursor.part_counts import PartCounts
from data_foundation.loading.cursor.table_cursor import Replaced, find_cursor
from data_foundation.naming import column_of_path, normalize
from data_foundation.project.entry_text.several_resources import refuse_resources
from data_foundation.rows.exact.dlt_objects import find_yielded_resource
from data_foundation.rows.intake_step import find_intake
from data_foundation.rows.pii import HashStep, find_unhashed
from data_foundation.rows.pipe_steps import SeenColumns, TakeFirst
from data_foundation.rows.shaped_rows import count_left_out, find_step_warnings
from data_foundation.vendors.retries import root_cause
from data_foundation.warehouses.settings import pii_key

if TYPE_CHECKING:
    from dlt.common.schema.typing import TTableSchemaColumns
    from dlt.extract import DltResource

    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.loading.pipeline import TablePipeline
    from data_foundation.loading.ranges.load_range import LoadRange
    from data_foundation.loading.task import LoadOptions, Task


@dataclass(frozen=True)
class Extraction:
    """The extracted rows of a resource, and the metrics that its entry reported.

    Attributes:
        resource: The dlt resource, which was extracted.
        seen: Names of the rows' keys; recorded only if the configuration requires columns.
        table: The table's name in the warehouse.
        sent: Number of rows by table: the resource's own, and further ones that its code names.
        counts: The rows of each partition of a range, None if they are not counted.
    """

    resource: DltResource
    seen: SeenColumns
    table: str
    sent: Mapping[str, int]
    counts: PartCounts | None = None

    @property
    def rows_by_partition(self) -> tuple[int, ...]:
        """The rows of each partition of a range; () if they are not counted, or do not add up to the rows sent."""
        rows = tuple(self.counts.rows) if self.counts else ()
        return rows if sum(rows) == self.sent.get(self.table, 0) else ()

    @property
    def rows(self) -> int:
        """Number of rows of all tables."""
        return sum(self.sent.values())

    @property
    def columns(self) -> TTableSchemaColumns:
        """Dlt's column schemas of the rows; empty if the incremental cursor dropped every row."""
        return find_intake(self.resource).columns(self.table)

    @property
    def replaced(self) -> Sequence[Replaced]:
        """Rows of the table that these take the place of, by their cursor."""
        cursor = find_cursor(self.resource)
        return cursor.replaced if cursor else ()

    @property
    def begins_cursor(self) -> bool:
        """True if these are the first rows of a cursor; not those of a range or of a sample."""
        cursor = find_cursor(self.resource)
        return cursor is not None and cursor.is_first

    @property
    def rows_before_cursor(self) -> int:
        """Number of rows that were left out because they lie before the cursor."""
        cursor = find_cursor(self.resource)
        return cursor.dropped if cursor else 0

    @property
    def is_known(self) -> bool:
        """True if all rows were loaded before, at the value of the cursor that is read again."""
        cursor = find_cursor(self.resource)
        return cursor is not None and cursor.is_unchanged

    @property
    def without_rows(self) -> Sequence[str]:
        """Of several tables that are replaced, those that received no rows."""
        return find_intake(self.resource).without_rows

    @property
    def unchanged(self) -> str:
        """Why the entry read nothing, "" if it read its source."""
        return self.resource.custom_metrics.get(UNCHANGED) or ""

    @property
    def has_more_parts(self) -> bool:
        """True if this is a part of a first load, and not the last one."""
        return has_more_parts(self.resource)

    @property
    def failed_parts(self) -> Mapping[str, str]:
        """Reasons by part, for the parts of the source that failed alone.

        Raises:
            EntryError: The entry reported them in another form.
        """
        return read_failed_parts(self.resource.custom_metrics)

    @property
    def left_out(self) -> int:
        """Number of rows that filters of `processing_steps` have left out."""
        return count_left_out(self.resource)

    @property
    def warnings(self) -> list[str]:
        """Warnings about the rows and from the entry."""
        reported = self.resource.custom_metrics.get(WARNINGS, ())
        found = (*find_unhashed(self.resource), *find_step_warnings(self.resource))
        return [*found, *find_intake(self.resource).warnings(), *reported]


def extract(task: Task, pipeline: TablePipeline, resource: DltResource, load_range: LoadRange) -> Extraction:
    """Extracts the rows of a resource.

    Args:
        task: The resource as it is in this run, and the run's options.
        pipeline: The pipeline of its table.
        resource: The dlt resource, with all hints.
        load_range: The range of the run.

    Raises:
        SettingMissing: A setting that the entry needs is not set.
        PipelineStepFailed: The entry, or dlt while extracting, raised an error.
    """
    config, options = task.resource, task.options
    if config.hashed_columns:
        resource.add_step(HashStep(config.hashed_columns, pii_key()))
    if config.meeting == "merge scd2" and pipeline.hashes_landed(refresh=options.refresh):
        resource.apply_hints(additional_table_hints={ROW_HASH: "landed"})
    requested = "sample" if options.limit is not None else "range" if options.is_partial else ""
    resource.custom_metrics[REQUESTED] = requested
    seen = SeenColumns()
    if config.required_columns:
        resource.add_step(seen)
    counts = _count_parts(config, load_range)
    if counts:
        resource.add_step(counts)
    if options.limit is not None:
        resource.add_step(TakeFirst(options.limit))
        # A limit of the code stays: it may be one of time. That of a transformer is its parent's.
        if resource.limit is None and not resource.is_transformer:
            resource.add_limit(options.limit, count_rows=True)
    pipeline.on_extracted.append(partial(hold_cursor, resource))
    mode = _refresh_mode(config.write_disposition.disposition, options)
    with _refusing_yielded_resources(config.entry):
        sent = pipeline.extract(resource, mode, keeps_state=options.limit is not None)
    return Extraction(resource, seen, pipeline.table, sent, counts)


def _count_parts(resource: ResourceConfig, load_range: LoadRange) -> PartCounts | None:
    """Returns the step that counts the rows of each partition, None if there is one partition, or no cursor."""
    # Hours of a cursor that has days cannot be distinguished.
    if not resource.incremental or len(set(load_range.parts)) < max(len(load_range.parts), 1):
        return None
    types = {normalize(name): hints.data_type for name, hints in resource.columns.items()}
    path = resource.incremental.cursor_path
    return PartCounts(path, types.get(column_of_path(path)), load_range.parts)


@contextmanager
def _refusing_yielded_resources(entry: str) -> Iterator[None]:
    """Turns dlt's error for a resource among the rows into one that names the entry and the resource.

    Raises:
        EntryError: The entry yielded a dlt resource.
    """
    try:
        yield
    except PipelineStepFailed as error:
        if inside := find_yielded_resource(root_cause(error)):
            raise refuse_resources(entry, f"a generator of dlt resources: it yielded {inside}") from None
        raise


def _refresh_mode(disposition: str, options: LoadOptions) -> str | None:
    """Returns dlt's refresh mode, None for none."""
    if options.refresh == "state" and disposition == "append":
        return "drop_data"  # an append of everything would otherwise double the rows
    return "drop_resources" if options.refresh == "drop" else None
