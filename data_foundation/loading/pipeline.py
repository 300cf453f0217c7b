"""The dlt pipeline of one table: its folder, its state and schema, and the steps in the order that dlt has them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dlt
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from data_foundation.loading.pending_loads import Unfinished
from data_foundation.naming import TableName, schema_name
from data_foundation.rows.intake_step import find_entrance
from data_foundation.warehouses.connection import connect

if TYPE_CHECKING:
    from dlt.common.pipeline import ExtractInfo, LoadInfo
    from dlt.common.schema.typing import TSchemaTables
    from dlt.extract import DltResource

    from data_foundation.loading.progress import ProgressCollector
    from data_foundation.vault.landing import Vault
    from data_foundation.warehouses.base import Destination, Statement, Warehouse


class TablePipeline:
    """The steps of loading one table with dlt, and what they leave behind.

    Attributes:
        seconds: What each phase took so far.
        rows: Sent to the table so far.
        unfinished: Loads that an earlier run began.
        dlt: dlt's own object; there is one after `open` or `synchronise`.
        vault: Where the rows land instead of in the table, None where they do land there.
    """

    def __init__(
        self, warehouse: Warehouse, name: TableName, progress: ProgressCollector, vault: Vault | None = None
    ) -> None:
        self.table = name.table
        self.dataset = warehouse.dataset(name.dataset)
        self.seconds: dict[str, float] = {}
        self.rows = 0
        self.dlt: dlt.Pipeline
        self._name = name.pipeline
        self.unfinished = Unfinished(warehouse.work_folder, self._name)
        self._warehouse = warehouse
        self._progress = progress
        self.vault = vault

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Adds the block's time to a phase."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[phase] = round(self.seconds.get(phase, 0.0) + time.perf_counter() - started, 3)

    def open(self, destination: Destination) -> None:
        """Opens the working folder as it is."""
        self.dlt = dlt.pipeline(
            self._name,
            pipelines_dir=str(self._warehouse.work_folder),
            destination=destination,
            dataset_name=self.dataset,
            progress=self._progress,
        )
        # dlt writes its trace to a file, the text of every error included: addresses with secrets in them.
        self.dlt.config.enable_runtime_trace = False
        self._warehouse.mend(destination, self.dataset, schema_name(self.table))

    def synchronise(self, destination: Destination) -> None:
        """Begins with an empty folder and what the warehouse knows: it knows only what was committed."""
        self.unfinished.forget_working_folder()
        self.open(destination)
        self.dlt.sync_destination(destination, dataset_name=self.dataset)
        if self.vault and self.dlt.default_schema_name:
            self.vault.recall(self.dlt.default_schema)

    @property
    def landing(self) -> str:
        """The table of the warehouse that rows land in."""
        return self.vault.satellite(self.tables) if self.vault else self.table

    @property
    def tables(self) -> TSchemaTables:
        """The table and its nested ones as dlt knows them by now; none before the first rows ever."""
        return self.dlt.default_schema.tables if self.dlt.default_schema_name else {}

    def cursor(self, path: str) -> Any:
        """Returns the value that dlt keeps for the cursor at `path`, None where there is none."""
        for source_state in self.dlt.state.get("sources", {}).values():
            cursors = source_state.get("resources", {}).get(self.table, {}).get("incremental", {})
            if cursor := cursors.get(path):
                return cursor.get("last_value")
        return None

    def forget_cursor(self) -> None:
        """Makes the next extraction begin where the first one did."""
        with self.dlt.managed_state() as state:
            for source_state in state.get("sources", {}).values():
                source_state.get("resources", {}).pop(self.table, None)

    def extract(self, resource: DltResource, refresh: Any) -> int:
        """Extracts a resource and returns how many rows it gave; `refresh` is dlt's word, None for none."""
        schema, entrance = dlt.Schema(schema_name(self.table)), find_entrance(resource)
        entrance.count = self._progress.update
        self._progress.extracted, self._progress.not_extracted = entrance.finish, entrance.abandon
        # Told as an option, dlt would note it on a copy of the resource, which the entrance does not know.
        resource.apply_hints(file_format="parquet")
        with self.timed("extract"):
            extracted = self.dlt.extract(resource, schema=schema, refresh=refresh)
        return self._count(extracted) + entrance.kept(self.table)

    def _count(self, extracted: ExtractInfo) -> int:
        metrics = [metric["table_metrics"] for package in extracted.metrics.values() for metric in package]
        return sum(metric[self.table].items_count for metric in metrics if self.table in metric)

    def keep(self, *, asked: bool) -> None:
        """Keeps what was extracted until it is known to have landed; see Unfinished.keep."""
        for load_id in self.dlt.list_extracted_load_packages():
            self.unfinished.keep(load_id, asked=asked)

    def normalize(self) -> None:
        """Makes of what was extracted the files that are loaded."""
        with self.timed("normalize"):
            normalized = self.dlt.normalize()
            if self.vault:
                self.vault.land(self.dlt)
        self.rows += normalized.row_counts.get(self.table, 0) if normalized else 0

    def load(self, destination: Destination, first: Sequence[Statement] = ()) -> LoadInfo | None:
        """Loads what was normalised, in one transaction.

        Args:
            destination: Of `Warehouse.open`.
            first: Done in the same transaction, before.
        """
        with self._warehouse.transaction(destination, first):
            return self.dlt.load(destination, dataset_name=self.dataset, workers=self._warehouse.load_workers)

    def newest_landed(self, destination: Destination) -> str | None:
        """Returns the id of the load that was committed last to this table, None where there is none."""
        schema = self.dlt.default_schema
        with connect(destination, self.dataset) as client:
            query = (
                f"SELECT load_id FROM {client.make_qualified_table_name(schema.loads_table_name)} "  # noqa: S608 - quoted by dlt
                "WHERE schema_name = %s AND status = 0 ORDER BY CAST(load_id AS DOUBLE PRECISION) DESC LIMIT 1"
            )
            try:
                rows = client.execute_sql(query, schema.name)
            except DatabaseUndefinedRelation:
                return None
        return str(rows[0][0]) if rows else None
