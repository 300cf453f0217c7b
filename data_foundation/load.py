"""One load: a resource through a dlt pipeline of its own into its table, after what an earlier load left behind."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dlt
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.pipeline.exceptions import PipelineStepFailed

from data_foundation import failure
from data_foundation.bounds import find_bounds
from data_foundation.errors import NoRows, RequiredColumnsMissing
from data_foundation.landed import LoadResult, read_landed
from data_foundation.naming import normalize, pipeline_name, schema_name, table_key
from data_foundation.progress import ProgressCollector, Report
from data_foundation.resource import Call, build_resource
from data_foundation.steps import SeenColumns, Take
from data_foundation.unfinished import Unfinished

if TYPE_CHECKING:
    from dlt.common.pipeline import ExtractInfo, LoadInfo
    from dlt.extract import DltResource

    from data_foundation.config import SourceConfig
    from data_foundation.grammar import ResourceConfig
    from data_foundation.options import LoadOptions
    from data_foundation.warehouse import Destination, Warehouse

logger = logging.getLogger(__name__)


class Load:
    """The steps of one load and what they share; `run` does them all, once."""

    def __init__(
        self, source: SourceConfig, resource: ResourceConfig, warehouse: Warehouse, options: LoadOptions, report: Report
    ) -> None:
        self.source = source
        self.resource = resource
        self.warehouse = warehouse
        self.options = options
        self.report = report
        self.dataset, self.table = table_key(resource)
        self.name = pipeline_name(self.dataset, self.table)
        self.warnings: list[str] = []
        self.seconds: dict[str, float] = {}
        self.unfinished = Unfinished(warehouse.work_folder, self.name)
        self.rows = 0
        self.pipeline: dlt.Pipeline

    def run(self) -> LoadResult:
        """Returns what landed; the resource's lock is held by the caller."""
        with self._timed("sync"), self.warehouse.open() as destination:
            landed_before = self._finish_unfinished(destination)
            self.unfinished.forget_working_folder()
            self.pipeline = self._pipeline(destination)
            self.pipeline.sync_destination(destination, dataset_name=self.dataset)
        if self.options.refresh == "state":
            self._forget_cursor()
        before = self._cursor() if self.options.refresh == "none" else None
        resource, seen = self._resource(before)
        with self._timed("extract"):
            extracted = self._extract(resource)
        self._check_required(seen)
        if self._is_empty_replace(extracted):
            self._refuse_no_rows()
        if self._is_empty_replace(extracted) and self.resource.on_empty == "keep":
            return self._leave_as_it_is("the replace brought no rows: the table keeps its rows (on_empty: keep)")
        if landed_before and self._was_read_before(landed_before):
            return self._leave_as_it_is(
                f"load {landed_before} was interrupted after it had landed and read these same rows: they count once"
            )
        for load_id in self.pipeline.list_extracted_load_packages():
            self.unfinished.keep(load_id, asked=self.options.asked)
        self._normalize()
        with self._timed("load"), self.warehouse.open() as destination:
            landed = self._landed(self._load(destination), before)
        self.unfinished.forget()
        return landed

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[phase] = round(time.perf_counter() - started, 3)

    def _pipeline(self, destination: Destination) -> dlt.Pipeline:
        pipeline = dlt.pipeline(
            self.name,
            pipelines_dir=str(self.warehouse.work_folder),
            destination=destination,
            dataset_name=self.dataset,
            progress=ProgressCollector(self.resource.destination, self.report),
        )
        # dlt writes its trace to a file, the text of every error included: addresses with secrets in them.
        pipeline.config.enable_runtime_trace = False
        return pipeline

    def _finish_unfinished(self, destination: Destination) -> str | None:
        """Settles every load that an earlier run left behind; returns the one whose rows are in the table last."""
        landed = None
        for load_id in self.unfinished.load_ids():
            self.unfinished.restore(load_id)
            self.pipeline = self._pipeline(destination)
            newest = self._newest_landed()
            if newest == load_id:
                logger.info("%s: load %s had landed when its run was interrupted", self.resource.destination, load_id)
                landed = load_id
            elif (newest and float(newest) > float(load_id)) or self.unfinished.was_asked(load_id):
                # A later load has read from the same cursor on, or whoever asked for a range will ask again.
                self.unfinished.drop(load_id)
            elif self._finish(load_id, destination):
                landed = load_id
        return landed

    def _finish(self, load_id: str, destination: Destination) -> bool:
        """Loads what was left behind, or sets it aside when it can never be loaded."""
        logger.info("%s: finishing load %s, which an earlier run left behind", self.resource.destination, load_id)
        try:
            self._normalize()
            self._load(destination)
        except PipelineStepFailed as error:
            if not failure.is_final(error):
                raise
            self.rows = 0
            aside = self.unfinished.set_aside(load_id)
            cause = failure.describe(error)
            self.warnings.append(
                f"a load left behind by an earlier run was set aside, it cannot be loaded: {cause}; "
                f"its files are in {aside}"
            )
            logger.warning("%s: %s", self.resource.destination, self.warnings[-1])
            return False
        return True

    def _newest_landed(self) -> str | None:
        """Returns the load id that was committed last to this table, None where there is none."""
        schema = self.pipeline.default_schema
        with self.pipeline.sql_client() as client:
            query = (
                f"SELECT load_id FROM {client.make_qualified_table_name(schema.loads_table_name)} "  # noqa: S608 - quoted by dlt
                "WHERE schema_name = %s AND status = 0 ORDER BY CAST(load_id AS DOUBLE PRECISION) DESC LIMIT 1"
            )
            try:
                rows = client.execute_sql(query, schema.name)
            except DatabaseUndefinedRelation:
                return None
        return str(rows[0][0]) if rows else None

    def _was_read_before(self, load_id: str) -> bool:
        """Tells whether this run read what an interrupted one had already brought into the table.

        An append without a cursor reads the same rows again; merge and replace may load them twice.
        """
        is_append = self.resource.write_disposition.disposition == "append"
        return is_append and self.options.refresh == "none" and self.unfinished.holds_what_was_extracted(load_id)

    def _normalize(self) -> None:
        with self._timed("normalize"):
            normalized = self.pipeline.normalize()
        self.rows += normalized.row_counts.get(self.table, 0) if normalized else 0

    def _load(self, destination: Destination) -> LoadInfo:
        with self.warehouse.transaction(destination):
            return self.pipeline.load(destination, dataset_name=self.dataset, workers=self.warehouse.load_workers)

    def _leave_as_it_is(self, warning: str) -> LoadResult:
        """Returns what is there, with nothing written."""
        self.warnings.append(warning)
        self.unfinished.forget_working_folder()
        with self.warehouse.open() as destination:
            self.pipeline = self._pipeline(destination)
            self.pipeline.sync_destination(destination, dataset_name=self.dataset)
            landed = self._landed(None, None)
        self.unfinished.forget()
        return landed

    def _forget_cursor(self) -> None:
        with self.pipeline.managed_state() as state:
            for source_state in state.get("sources", {}).values():
                source_state.get("resources", {}).pop(self.table, None)

    def _cursor(self) -> Any:
        if not self.resource.incremental:
            return None
        for source_state in self.pipeline.state.get("sources", {}).values():
            cursors = source_state.get("resources", {}).get(self.table, {}).get("incremental", {})
            if cursor := cursors.get(self.resource.incremental.cursor_path):
                return cursor.get("last_value")
        return None

    def _resource(self, cursor: Any) -> tuple[DltResource, SeenColumns]:
        options = self.options
        bounds, warning = find_bounds(self.resource, cursor, options)
        if warning:
            self.warnings.append(warning)
        call = Call(bounds, self.warehouse.template_values(), options.kwargs)
        resource = build_resource(self.source, self.resource, self.table, call)
        seen = SeenColumns()
        if self.resource.requires:
            resource.add_step(seen)
        if options.limit:
            resource.add_step(Take(options.limit))
        self.warnings += self._side_effects()
        resource.add_limit(options.limit, count_rows=True)
        return resource, seen

    def _side_effects(self) -> Iterator[str]:
        """Yields what a sample or a range that was asked for means for the table."""
        options, disposition = self.options, self.resource.write_disposition.disposition
        if options.limit is not None and disposition == "replace":
            yield "limit replaced the table by a sample; load it again without"
        asked = options.limit is not None or (options.start and not options.partition_key)
        if asked and disposition == "append" and options.refresh == "none":
            yield "append: the cursor was left alone, so a later run may add these rows once more"

    def _extract(self, resource: DltResource) -> ExtractInfo:
        refresh: Any = {"drop": "drop_resources"}.get(self.options.refresh)
        if self.options.refresh == "state" and self.resource.write_disposition.disposition == "append":
            refresh = "drop_data"  # loading all again would otherwise double the rows
        schema = dlt.Schema(schema_name(self.table))
        return self.pipeline.extract(resource, schema=schema, loader_file_format="parquet", refresh=refresh)

    def _is_empty_replace(self, extracted: ExtractInfo) -> bool:
        metrics = [metric for package in extracted.metrics.values() for metric in package]
        rows = sum(metric["table_metrics"][self.table].items_count for metric in metrics
                   if self.table in metric["table_metrics"])  # fmt: skip
        return self.resource.write_disposition.disposition == "replace" and not rows

    def _check_required(self, seen: SeenColumns) -> None:
        names = {normalize(name) for name in seen.names}
        missing = [name for name in self.resource.requires if normalize(name) not in names]
        if seen.rows and missing:
            message = (
                f"the rows lack {', '.join(missing)}, which `requires` names; they have {', '.join(sorted(names))}"
            )
            raise RequiredColumnsMissing(message)

    def _refuse_no_rows(self) -> None:
        if self.resource.on_empty == "fail":
            message = "the replace brought no rows and on_empty is 'fail'; the table is as it was"
            raise NoRows(message)

    def _landed(self, loaded: LoadInfo | None, before: Any) -> LoadResult:  # cursor values are of any type
        return read_landed(
            self.pipeline,
            self.resource,
            LoadResult(
                destination=f"{self.dataset}.{self.table}",
                rows=self.rows,
                table=f"{self.warehouse.database}.{self.dataset}.{self.table}",
                seconds=self.seconds,
                cursor=(before, self._cursor()),
                warnings=tuple(self.warnings),
            ),
            loaded,
        )
