"""Finishes, drops or sets aside the pending loads of earlier runs, before a new load begins."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dlt.pipeline.exceptions import PipelineStepFailed

from data_foundation.errors import LoadError, LoadOvertaken
from data_foundation.loading.failures import failure

if TYPE_CHECKING:
    from data_foundation.loading.pipeline import TablePipeline
    from data_foundation.warehouses.base import Destination

logger = logging.getLogger(__name__)


class PendingFinisher:
    """Brings every pending load of one table to an end.

    Attributes:
        warnings: One for each load that was set aside.
    """

    def __init__(self, pipeline: TablePipeline, asset: str) -> None:
        self._pipeline = pipeline
        self._pending = pipeline.pending
        self._asset = asset
        self.warnings: list[str] = []

    def finish_all(self, destination: Destination) -> str | None:
        """Finishes every pending load; returns the newest one whose rows are in the table now, None if there is none.

        Raises:
            PipelineStepFailed: A load failed for a reason that may pass; it stays pending.
        """
        landed = None
        for load_id in self._pending.load_ids():
            if not self._pending.is_whole(load_id):
                self._set_aside(load_id, LoadError("a file of it is missing or incomplete"))
                continue
            self._pending.restore(load_id)
            self._pipeline.open(destination)
            newest = self._pipeline.newest_landed(destination)
            if newest == load_id:
                logger.info("%s: load %s was committed before its run was interrupted", self._asset, load_id)
                landed = load_id
            elif not self._pending.continues(load_id, newest):
                # Its rows are read again, from the cursor of the warehouse.
                self._pending.drop(load_id)
            elif self._finish(load_id, newest, destination):
                landed = load_id
            if landed == load_id:
                self._pipeline.watch.resume()
        return landed

    def _finish(self, load_id: str, parent: str | None, destination: Destination) -> bool:
        """Loads a pending load; returns False if it was dropped or set aside, as it can never be loaded."""
        logger.info("%s: finishing load %s of an interrupted run", self._asset, load_id)
        self._pipeline.parent = parent
        try:
            self._pipeline.normalize()
            self._pipeline.load(destination)
        except (PipelineStepFailed, LoadError) as error:
            if isinstance(failure.find_cause(error), LoadOvertaken):
                self._pipeline.sent.clear()
                self._pending.drop(load_id)
                return False
            if isinstance(error, PipelineStepFailed) and not failure.is_final(error):
                raise
            self._pipeline.sent.clear()
            self._set_aside(load_id, error)
            return False
        return True

    def _set_aside(self, load_id: str, error: Exception) -> None:
        folder = self._pending.set_aside(load_id)
        warning = (
            f"load {load_id} of an earlier run was set aside because it cannot be loaded: {failure.describe(error)}; "
            f"its files are in {folder}"
        )
        self.warnings.append(warning)
        logger.warning("%s: %s", self._asset, warning)
