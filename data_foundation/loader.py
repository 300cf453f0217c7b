"""One resource into its table, in as many attempts as it is allowed: what landed, or an error that says why not."""

from __future__ import annotations

import logging
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from data_foundation import failure
from data_foundation.load import Load
from data_foundation.lock import hold
from data_foundation.naming import pipeline_name, table_key
from data_foundation.options import LoadOptions
from data_foundation.progress import Progress, Report
from data_foundation.transient import attempts

if TYPE_CHECKING:
    from data_foundation.config import SourceConfig
    from data_foundation.grammar import ResourceConfig
    from data_foundation.landed import LoadResult
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

    A second run of the same resource waits for the first. What fails with something that passes is tried again, as
    `retries` of the resource says.

    Raises:
        LoadError: Extracting, normalising or loading failed; the message names the place and the cause.
        EntryError: The entry is not usable.
        SettingMissing: Naming the setting.
        WarehouseError: The warehouse cannot be used.
    """
    options = options or LoadOptions()
    options = options if options.run_id else replace(options, run_id=uuid.uuid4().hex[:8])
    return _Run(source, resource, warehouse, options, report or (lambda _progress: None)).load()


class _Run:
    """The attempts of one run to load a resource, and how far the last one came."""

    def __init__(
        self, source: SourceConfig, resource: ResourceConfig, warehouse: Warehouse, options: LoadOptions, report: Report
    ) -> None:
        self.source = source
        self.resource = resource
        self.warehouse = warehouse
        self.options = options
        self.report = report
        self.number = 0
        self.warnings: list[str] = []
        self.last = Progress(resource.destination, "waiting")

    def load(self) -> LoadResult:
        """Returns what landed, or raises why nothing did."""
        self._show(self.last)
        try:
            name = pipeline_name(*table_key(self.resource))
            with hold(self.warehouse.work_folder, name, self.options.run_id, self._tell_waiting):
                result = attempts(self.resource.retries, self._tell_retry)(self._attempt)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever an entry raises is told as an error of ours
            self._show(replace(self.last, phase="failed"))
            raise failure.explain(self.source, self.resource, error, self.number) from None
        self._show(Progress(self.resource.destination, "done", result.rows))
        return replace(result, warnings=(*self.warnings, *result.warnings))

    def _attempt(self) -> LoadResult:
        self.number += 1
        return Load(self.source, self.resource, self.warehouse, self.options, self._show).run()

    def _show(self, progress: Progress) -> None:
        self.last = progress
        self.report(progress)

    def _tell_waiting(self, note: str) -> None:
        self._show(Progress(self.resource.destination, "waiting", 0, note))

    def _tell_retry(self, number: int, seconds: float, cause: BaseException) -> None:
        """Says that an attempt failed, with its counts, and when the next one begins."""
        phase, rows = self.last.phase, self.last.rows
        note = f"attempt {number} failed in {phase} after {rows:,} rows: {failure.describe(cause)}"
        self.warnings.append(note)
        again = f"{note}; attempt {number + 1} of {self.resource.retries.max + 1} in {seconds:.1f} s"
        logger.warning("%s: %s", self.resource.destination, again)
        self._show(Progress(self.resource.destination, "retrying", rows, again))
