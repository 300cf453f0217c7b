"""One resource through one pipeline: what landed, or an error; crash, retry, empty and refresh included."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dlt
from dlt.pipeline.exceptions import PipelineStepFailed
from filelock import FileLock

from data_foundation import failure
from data_foundation.bounds import find_bounds
from data_foundation.errors import NoRows, RequiredColumnsMissing
from data_foundation.landed import LoadResult, read_landed
from data_foundation.naming import normalize, pipeline_name, schema_name, table_key
from data_foundation.options import LoadOptions
from data_foundation.progress import Progress, ProgressCollector, Report
from data_foundation.resource import Call, build_resource
from data_foundation.steps import SeenColumns, Take

if TYPE_CHECKING:
    from dlt.common.pipeline import ExtractInfo, LoadInfo
    from dlt.extract import DltResource

    from data_foundation.config import SourceConfig
    from data_foundation.grammar import ResourceConfig
    from data_foundation.warehouse import Warehouse

logger = logging.getLogger(__name__)


def load_resource(
    source: SourceConfig,
    resource: ResourceConfig,
    warehouse: Warehouse,
    options: LoadOptions | None = None,
    report: Report | None = None,
) -> LoadResult:
    """Loads one resource into its table and returns what landed.

    Raises:
        LoadError: Extracting, normalising or loading failed; the message names the place and the cause.
        EntryError: The entry is not usable.
        SettingMissing: Naming the setting.
        WarehouseError: The warehouse cannot be used.
    """
    report = report or (lambda _progress: None)
    load = _Load(source, resource, warehouse, options or LoadOptions(), report)
    report(Progress(resource.destination, "waiting"))
    try:
        with load.held():
            result = load.run()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever an entry raises is told as an error of ours
        report(Progress(resource.destination, "failed"))
        raise failure.explain(source, resource, error) from None
    report(Progress(resource.destination, "done", result.rows))
    return result


class _Load:
    """The steps of one load and what they share."""

    def __init__(
        self, source: SourceConfig, resource: ResourceConfig, warehouse: Warehouse, options: LoadOptions, report: Report
    ) -> None:
        self.source = source
        self.resource = resource
        self.warehouse = warehouse
        self.options = options
        self.dataset, self.table = table_key(resource)
        self.name = pipeline_name(self.dataset, self.table)
        self.warnings: list[str] = []
        self.seconds: dict[str, float] = {}
        self.work_folder = warehouse.work_folder
        self.report = report
        self.pipeline: dlt.Pipeline

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps a second run of the same resource waiting; the lock goes with the process that holds it."""
        self.work_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(self.work_folder / f"{self.name}.lock"):
            yield

    def run(self) -> LoadResult:
        with self._timed("sync"), self.warehouse.open() as destination:
            self._open_pipeline(destination)
            self.pipeline.sync_destination(destination, dataset_name=self.dataset)
        if self.options.refresh == "state":
            self._forget_cursor()
        before = self._cursor() if self.options.refresh == "none" else None
        resource, seen = self._resource(before)
        with self._timed("extract"):
            extracted = self._extract(resource)
        self._check_required(seen)
        if self._is_empty_replace(extracted) and (kept := self._keep_or_fail()) is not None:
            return kept
        with self._timed("normalize"):
            normalized = self.pipeline.normalize()
        rows = normalized.row_counts.get(self.table, 0) if normalized else 0
        with self._timed("load"), self.warehouse.open() as destination:
            loaded = self.pipeline.load(destination, dataset_name=self.dataset)
            landed = self._landed(rows, loaded, before)
        shutil.rmtree(self.pipeline.working_dir)
        return landed

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[phase] = round(time.perf_counter() - started, 3)

    def _pipeline(self) -> dlt.Pipeline:
        pipeline = dlt.pipeline(
            self.name,
            pipelines_dir=str(self.work_folder),
            destination=self.warehouse.destination(),
            dataset_name=self.dataset,
            progress=ProgressCollector(self.resource.destination, self.report),
        )
        # dlt writes its trace to a file, the text of every error included: addresses with secrets in them.
        pipeline.config.enable_runtime_trace = False
        return pipeline

    def _open_pipeline(self, destination: Any) -> None:
        """Opens the pipeline on an empty folder; what an unfinished run left there is loaded first."""
        is_unfinished = (self.work_folder / self.name).exists()
        self.pipeline = self._pipeline()
        if is_unfinished:
            self._finish_pending(destination)
            # The warehouse may have been emptied since that run; what it knows is what counts.
            self._forget_working_folder()

    def _finish_pending(self, destination: Any) -> None:
        """Loads what an earlier run left behind, or sets it aside when it cannot be loaded."""
        if not self.pipeline.has_pending_data:
            return
        logger.info("%s: finishing a load that an earlier run left behind", self.resource.destination)
        try:
            self.pipeline.normalize()
            self.pipeline.load(destination, dataset_name=self.dataset)
        except PipelineStepFailed as error:
            if not failure.is_final(error):
                raise
            cause = failure.describe(error)
            self.warnings.append(f"a load left behind by an earlier run was set aside, it cannot be loaded: {cause}")
            logger.warning("%s: %s", self.resource.destination, self.warnings[-1])

    def _forget_working_folder(self) -> None:
        """Empties the working folder: the state in the warehouse, which knows only committed rows, takes over."""
        self.pipeline = self.pipeline.drop()

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
            self._forget_working_folder()
            message = (
                f"the rows lack {', '.join(missing)}, which `requires` names; they have {', '.join(sorted(names))}"
            )
            raise RequiredColumnsMissing(message)

    def _keep_or_fail(self) -> LoadResult | None:
        """Decides what a replace without rows does; None means that the table is to be emptied."""
        if self.resource.on_empty == "truncate":
            return None
        self._forget_working_folder()
        if self.resource.on_empty == "fail":
            message = "the replace brought no rows and on_empty is 'fail'; the table is as it was"
            raise NoRows(message)
        self.warnings.append("the replace brought no rows: the table keeps its rows (on_empty: keep)")
        with self.warehouse.open() as destination:
            self.pipeline.sync_destination(destination, dataset_name=self.dataset)
            return self._landed(0, None, None)

    def _landed(self, rows: int, loaded: LoadInfo | None, before: Any) -> LoadResult:  # cursor values are of any type
        return read_landed(
            self.pipeline,
            LoadResult(
                destination=f"{self.dataset}.{self.table}",
                rows=rows,
                table=f"{self.warehouse.database}.{self.dataset}.{self.table}",
                seconds=self.seconds,
                cursor=(before, self._cursor()),
                warnings=tuple(self.warnings),
            ),
            loaded,
        )
