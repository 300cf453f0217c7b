"""One load: what an earlier one left behind, then a resource's rows into its table, as its configuration says."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from dlt.pipeline.exceptions import PipelineStepFailed

from data_foundation.checks.failed_parts import list_parts, read_failed_parts
from data_foundation.checks.tag_contract import find_breaches
from data_foundation.config.table_names import table_name_of
from data_foundation.dlt_keys import ASKED, UNCHANGED, WARNINGS
from data_foundation.errors import LoadError, NoRows, RequiredColumnsMissing, ValueRefused
from data_foundation.loading import failure
from data_foundation.loading.dlt_resource import Call, build_resource
from data_foundation.loading.load_range import Bounds, find_bounds, find_side_effects
from data_foundation.loading.lock import hold
from data_foundation.loading.pipeline import TablePipeline
from data_foundation.loading.progress import ProgressCollector, Report
from data_foundation.loading.range_delete import delete_range
from data_foundation.loading.result import LoadResult, read_landed
from data_foundation.naming import TableName, normalize
from data_foundation.process_wide import arrow_memory
from data_foundation.rows.intake_step import find_entrance
from data_foundation.rows.pii import Hashed, find_missed
from data_foundation.rows.pipe_steps import SeenColumns, Take
from data_foundation.vault.landing import Vault
from data_foundation.warehouses.connection import connect
from data_foundation.warehouses.settings import pii_key, template_values

if TYPE_CHECKING:
    from dlt.common.pipeline import LoadInfo
    from dlt.extract import DltResource

    from data_foundation.loading.task import Task
    from data_foundation.warehouses.base import Destination, Statement, Warehouse

logger = logging.getLogger(__name__)

Landed = Callable[[LoadResult, "Destination"], None]


class Load:
    """The steps of one load and what they share; `run` does them all, once."""

    def __init__(self, task: Task, warehouse: Warehouse, report: Report) -> None:
        self.source = task.source
        self.resource = task.resource
        self.options = task.options
        self.warehouse = warehouse
        progress = ProgressCollector(task.resource.destination, report)
        vault = Vault(task.source.name, task.resource) if task.resource.landing == "vault" else None
        self.pipeline = TablePipeline(warehouse, table_name_of(task.resource), progress, vault)
        self.unfinished = self.pipeline.unfinished
        self.warnings: list[str] = []
        self.failed_parts: Mapping[str, str] = {}
        self.bounds = Bounds()

    def run(self, tell: Landed) -> LoadResult:
        """Returns what landed; the resource's lock is held by the caller.

        Args:
            tell: Told what has landed while the warehouse is still open.
        """
        arrow_memory.leave_mimalloc()
        self.warehouse.accept(self.resource)
        if self.pipeline.vault and self.options.refresh == "drop":
            message = "a vault keeps what it has: drop its satellites by hand, or `refresh: state` to load all again"
            raise LoadError(message)
        with self.pipeline.timed("sync"), self._open() as destination:
            landed_before = self._settle_unfinished(destination)
            self.pipeline.synchronise(destination)
        if self.options.refresh == "state":
            self.pipeline.forget_cursor()
        before = self._cursor() if self.options.refresh == "none" else None
        resource, seen = self._resource(before)
        make_room = self._room_for_range()
        rows = self.pipeline.extract(resource, self._refresh)
        self.warnings += [
            *find_missed(resource),
            *find_entrance(resource).told(),
            *resource.custom_metrics.get(WARNINGS, ()),
        ]
        self._check_required(seen, resource)
        self._note_failed_parts(resource, make_room)
        unchanged = resource.custom_metrics.get(UNCHANGED)
        if reason := unchanged or self._reason_to_write_nothing(rows, landed_before):
            return self._leave_as_it_is(tell, reason, before, unchanged=bool(unchanged))
        self.pipeline.keep(asked=self.options.asked)
        self._normalize()
        with self._open() as destination:
            with self._hub(), self.pipeline.timed("load"):
                loaded = self.pipeline.load(destination, make_room)
            landed = self._landed(destination, loaded, before)
            tell(landed, destination)
        self.unfinished.forget()
        return landed

    def _open(self) -> AbstractContextManager[Destination]:
        """Opens the warehouse under the load's name."""
        asset = str(table_name_of(self.resource))
        return self.warehouse.open({"asset": asset, "source": self.source.name, "run_id": self.options.run_id})

    @property
    def _disposition(self) -> str:
        return self.resource.write_disposition.disposition

    @property
    def _refresh(self) -> str | None:
        """What is refreshed, in dlt's word."""
        if self.options.refresh == "state" and self._disposition == "append":
            return "drop_data"  # loading all again would otherwise double the rows
        return "drop_resources" if self.options.refresh == "drop" else None

    def _settle_unfinished(self, destination: Destination) -> str | None:
        """Settles every load that an earlier run left behind; returns the one whose rows are in the table last."""
        landed = None
        for load_id in self.unfinished.load_ids():
            self.unfinished.restore(load_id)
            self.pipeline.open(destination)
            newest = self.pipeline.newest_landed(destination)
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
            self.pipeline.normalize()
            with self._hub():
                self.pipeline.load(destination)
        except (PipelineStepFailed, ValueRefused) as error:
            if isinstance(error, PipelineStepFailed) and not failure.is_final(error):
                raise
            self.pipeline.rows = 0
            aside = self.unfinished.set_aside(load_id)
            cause = failure.describe(error)
            self.warnings.append(
                f"a load left behind by an earlier run was set aside, it cannot be loaded: {cause}; "
                f"its files are in {aside}"
            )
            logger.warning("%s: %s", self.resource.destination, self.warnings[-1])
            return False
        return True

    def _normalize(self) -> None:
        try:
            self.pipeline.normalize()
        except ValueRefused:
            # Whatever comes next reads anew: nobody wants these rows.
            self.unfinished.forget()
            raise

    @contextmanager
    def _hub(self) -> Iterator[None]:
        """Keeps other resources of this machine out of the hub that both write to."""
        if not self.pipeline.vault:
            yield
            return
        name = TableName(table_name_of(self.resource).dataset, self.pipeline.vault.hub).pipeline
        with hold(self.warehouse.work_folder, name, self.options.run_id, logger.info):
            yield

    def _reason_to_write_nothing(self, rows: int, landed_before: str | None) -> str:
        """Returns why what was extracted is not loaded, "" where it is.

        Raises:
            NoRows: A replace brought none, and that is forbidden.
        """
        if self._disposition == "replace" and not rows and self.resource.on_empty == "fail":
            message = "the replace brought no rows and on_empty is 'fail'; the table is as it was"
            raise NoRows(message)
        if self._disposition == "replace" and not rows and self.resource.on_empty == "keep":
            return "the replace brought no rows: the table keeps its rows (on_empty: keep)"
        # An append without a cursor reads the same rows again; merge and replace may load them twice.
        may_double = self._disposition == "append" and self.options.refresh == "none"
        if landed_before and may_double and self.unfinished.holds_what_was_extracted(landed_before):
            return f"load {landed_before} was interrupted after it had landed and read these same rows: they count once"
        return ""

    def _leave_as_it_is(self, tell: Landed, reason: str, before: Any, *, unchanged: bool) -> LoadResult:
        """Returns what is there, with nothing written."""
        self.warnings.append(reason)
        with self._open() as destination:
            self.pipeline.synchronise(destination)
            landed = self._landed(destination, None, before, unchanged=unchanged)
            tell(landed, destination)
        self.unfinished.forget()
        return landed

    def _room_for_range(self) -> Sequence[Statement]:
        """Returns what makes room for a range that is appended again; other dispositions replace by themselves.

        It goes by the tables as the warehouse has them, so it is asked for before anything is extracted.
        """
        settings = self.resource.incremental
        if self._disposition != "append" or not self.bounds.closed or self.options.limit is not None or not settings:
            return ()
        if not (known := self.pipeline.tables):
            return ()
        client, path = self.pipeline.dlt.sql_client(), settings.cursor_path
        return delete_range(client, known=known, table=self.pipeline.table, cursor_path=path, bounds=self.bounds)

    def _cursor(self) -> Any:
        return self.pipeline.cursor(self.resource.incremental.cursor_path) if self.resource.incremental else None

    def _resource(self, cursor: Any) -> tuple[DltResource, SeenColumns]:
        options = self.options
        self.bounds, warning = find_bounds(self.resource, cursor, options)
        if warning:
            self.warnings.append(warning)
        call = Call(self.bounds, template_values(), options.kwargs)
        resource = build_resource(self.source, self.resource, self.pipeline.table, call)
        if hashed := self.resource.hashed_columns:
            resource.add_step(Hashed(hashed, pii_key()))
        resource.custom_metrics[ASKED] = "sample" if options.limit is not None else "range" if options.asked else ""
        seen = SeenColumns()
        if self.resource.required_columns:
            resource.add_step(seen)
        if options.limit:
            resource.add_step(Take(options.limit))
        self.warnings += find_side_effects(self.resource, cursor, options, self.bounds)
        resource.add_limit(options.limit, count_rows=True)
        return resource, seen

    def _check_required(self, seen: SeenColumns, resource: DltResource) -> None:
        names = {normalize(str(name)) for name in seen.names}
        missing = [name for name in self.resource.requires if normalize(name) not in names]
        if seen.rows and missing:
            message = (
                f"the rows lack {', '.join(missing)}, which `requires` names; they have {', '.join(sorted(names))}"
            )
            raise RequiredColumnsMissing(message)
        # None where the cursor has let no row through.
        columns = find_entrance(resource).columns(self.pipeline.table)
        if columns and (breaches := list(find_breaches(self.resource, names, columns))):
            raise RequiredColumnsMissing(
                f"the rows break the contract of tag {self.resource.tag}: {'; '.join(breaches)}"
            )

    def _note_failed_parts(self, resource: DltResource, make_room: Sequence[Statement]) -> None:
        """Keeps what the entry says of parts that failed alone.

        Raises:
            LoadError: What lands would take the place of their rows as well.
        """
        self.failed_parts = read_failed_parts(resource.custom_metrics)
        if not self.failed_parts:
            return
        if self.resource.meeting in {"replace", "merge scd2"} or make_room:
            message = (
                f"{list_parts(self.failed_parts)}. Their rows that the table has would be lost to this "
                f"{self.resource.meeting}, so nothing was written; with merge the others land"
            )
            raise LoadError(message)
        if self.resource.checks.complete == "ignore":
            self.warnings.append(list_parts(self.failed_parts))

    def _landed(
        self, destination: Destination, loaded: LoadInfo | None, before: Any, *, unchanged: bool = False
    ) -> LoadResult:
        pipeline = self.pipeline
        opened = pipeline.vault.opened if pipeline.vault and loaded else {}
        self.warnings += [
            f"{', '.join(columns)} is new: satellite {name} was opened; earlier rows stay where they are"
            for name, columns in opened.items()
        ]
        result = LoadResult(
            destination=str(table_name_of(self.resource)),
            rows=pipeline.rows,
            table=f"{self.warehouse.database}.{pipeline.dataset}.{pipeline.landing}",
            schema_changes=opened,
            seconds=pipeline.seconds,
            cursor=(before, self._cursor()),
            warnings=tuple(self.warnings),
            unchanged=unchanged,
            failed_parts=self.failed_parts,
        )
        with connect(destination, pipeline.dataset) as client:
            return read_landed(client, pipeline.tables, self.resource, result, loaded)
