"""The dlt pipeline of one table: working folder, state and schema, and dlt's steps extract, normalize and load."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any

import dlt
from dlt.common.configuration.container import Container
from dlt.common.pipeline import StateInjectableContext
from dlt.common.storages import LiveSchemaStorage
from dlt.extract import DltSource
from typing_extensions import override

from data_foundation.dlt_keys import OWN_STATE, ROOT_KEY, ROW_HASH
from data_foundation.loading.cursor.stored_cursors import find_stored_cursors
from data_foundation.loading.cursor.table_cursor import find_cursors
from data_foundation.loading.lock import hold
from data_foundation.loading.pending_loads import PendingLoads
from data_foundation.loading.schema.keeper import SchemaKeeper, read_schema, shared_by_clients
from data_foundation.loading.schema.parent_load import synchronise_after
from data_foundation.loading.stop import LoadWatch
from data_foundation.loading.telemetry.observers import phase as observe_phase
from data_foundation.naming import TableName, schema_name
from data_foundation.process_wide.load_ids import begin_after
from data_foundation.rows.intake_step import find_intake
from data_foundation.rows.watched_pages import watch_pages
from data_foundation.warehouses.fence import Fence

if TYPE_CHECKING:
    from dlt.common.pipeline import ExtractInfo, LoadInfo
    from dlt.common.schema import Schema
    from dlt.common.schema.typing import TSchemaTables
    from dlt.extract import DltResource

    from data_foundation.loading.progress import ProgressCollector
    from data_foundation.vault.landing import Vault
    from data_foundation.warehouses.base import Destination, Warehouse
    from data_foundation.warehouses.connection import Statement

logger = logging.getLogger(__name__)


class _SchemasInMemory(LiveSchemaStorage):
    """The schemas of a pipeline, which dlt reads from its working folder again ten times a load.

    It writes them there only together with the instance in memory, and no other process does.
    """

    @override
    def __getitem__(self, name: str) -> Schema:
        return self.live_schemas.get(name) or super().__getitem__(name)


class TablePipeline:
    """dlt's steps for one table, with their row counts and durations.

    Attributes:
        seconds: Duration of each phase so far.
        sent: Rows sent so far, by table: the resource's own, and further ones that its code names.
        pending: The table's pending loads.
        dlt: dlt's pipeline; set by `open` and `synchronise`.
        extracted: dlt's own copy of the resource, which the entry's code sees; set by `extract`.
        vault: The vault that rows are loaded into, None if they are loaded into the table.
        keeper: Compares schema and table; None for a vault.
        on_extracted: Called with the states of the sources, which they may change, when all rows were extracted.
        watch: Stops the load.
        parent: The id of the newest load that had landed when the state was read, None if none had; see `fence`.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        name: TableName,
        progress: ProgressCollector,
        run_id: str,
        vault: Vault | None = None,
    ) -> None:
        self._name = name
        self._run_id = run_id
        self.table = name.table
        self.dataset = warehouse.dataset(name.dataset)
        self.seconds: dict[str, float] = {}
        self.sent: Counter[str] = Counter()
        self.dlt: dlt.Pipeline
        self.extracted: DltResource
        self.pending = PendingLoads(warehouse.work_folder, name.pipeline)
        self.watch = LoadWatch(f"{name.dataset}.{name.table}")
        self.parent: str | None = None
        self._warehouse = warehouse
        self._progress = progress
        self.vault = vault
        # The tables of a vault are made of those that the rows would have.
        self.keeper = None if vault else SchemaKeeper(self.table, self.dataset)
        self.on_extracted: list[Callable[[dict[str, Any]], None]] = []

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Adds the duration of the block to a phase, unless the load is to stop."""
        self.watch.check()
        started = time.perf_counter()
        try:
            with observe_phase(phase):
                yield
        finally:
            self.seconds[phase] = round(self.seconds.get(phase, 0.0) + time.perf_counter() - started, 3)

    def open(self, destination: Destination) -> None:
        """Opens dlt's pipeline on the working folder as it is."""
        self.dlt = dlt.pipeline(
            self._name.pipeline,
            pipelines_dir=str(self._warehouse.work_folder),
            destination=destination,
            dataset_name=self.dataset,
            progress=self._progress,
        )
        self.dlt.schemas.__class__ = _SchemasInMemory
        # dlt's trace file would contain the text of every error, and with it addresses that contain secrets.
        self.dlt.config.enable_runtime_trace = False
        self._warehouse.mend(destination, self.dataset, schema_name(self.table), self.watch.check)

    def synchronise(self, destination: Destination) -> None:
        """Opens the pipeline on an empty working folder and restores state and schema from the warehouse."""
        self.pending.remove_working_folder()
        self.open(destination)
        if shared := shared_by_clients(destination):
            shared.pipeline, shared.schema, shared.landed = self._name.pipeline, schema_name(self.table), None
        read = partial(self.dlt.sync_destination, destination, dataset_name=self.dataset)
        if self.keeper:
            read = partial(self.keeper.synchronise, destination, self.dlt)
        self.parent = synchronise_after(shared, read, partial(self.newest_landed, destination))
        if self.vault and self.dlt.default_schema_name:
            self.vault.restore_columns(self.dlt.default_schema)

    @property
    def landing(self) -> str:
        """The warehouse table that the rows are loaded into."""
        return self.vault.satellite(self.tables) if self.vault else self.table

    @property
    def tables(self) -> TSchemaTables:
        """The table and its nested tables in dlt's schema; empty before the first load."""
        schema = read_schema(self.dlt, self.dlt.default_schema_name)
        return schema.tables if schema else {}

    @property
    def further(self) -> list[str]:
        """The other tables that the code of the resource names for its rows; nested tables are not among them."""
        if self.vault:
            return []
        return [
            name
            for name, table in self.tables.items()
            if name != self.table and table.get("resource") == self.table and not table.get("parent")
        ]

    def hashes_landed(self, *, refresh: str) -> bool:
        """Returns whether the ids of an scd2 table are hashes of what lands; False for a table whose ids are dlt's.

        Args:
            refresh: The refresh mode of the run; `drop` makes the table anew.
        """
        table: Mapping[str, Any] = {} if refresh == "drop" else self.tables.get(self.table, {})
        return table.get("x-merge-strategy") != "scd2" or table.get(ROW_HASH) == "landed"

    def cursor(self, path: str) -> Any:
        """Returns dlt's stored value of the cursor at `path`, None if there is none."""
        return find_stored_cursors(self.dlt.state.get("sources", {}), self.table).get(path)

    @property
    def has_source_state(self) -> bool:
        """True if the code has kept something for all resources of its source."""
        states = self.dlt.state.get("sources", {})
        return any(set(state) - {"resources"} for name, state in states.items() if name != OWN_STATE)

    def forget_state(self) -> None:
        """Removes all state, so that the next extraction reads everything again.

        It belongs to this table alone: the cursors of its resource and of a transformer's parents, and what their code
        keeps in `dlt.current.resource_state()` and `dlt.current.source_state()`.
        """
        with self.dlt.managed_state() as state:
            state.get("sources", {}).clear()

    def extract(self, resource: DltResource, refresh: Any, *, keeps_state: bool = False) -> Counter[str]:
        """Extracts a resource and returns the number of its rows by table.

        Args:
            resource: The resource of this table.
            refresh: dlt's refresh mode, None for none.
            keeps_state: Whether dlt's state stays as it was, whatever the code of the source writes into it: a sample
                leaves out rows before the last one that it reads.
        """
        schema, intake = dlt.Schema(schema_name(self.table)), find_intake(resource)
        if resource.custom_metrics.get(ROOT_KEY):
            DltSource(schema, resource.section).root_key = True
        intake.on_rows = self._progress.update
        watch_pages(resource, self.watch.page)
        before = deepcopy(self.dlt.state.get("sources", {})) if keeps_state else None

        def finish() -> None:
            self.extracted = dlt.current.source().resources[resource.name]
            intake.finish()
            for cursor in find_cursors(resource):
                cursor.finish()
            state = Container()[StateInjectableContext].state
            if before is not None:
                state["sources"] = before
                return
            for change in self.on_extracted:
                change(state.setdefault("sources", {}))

        self._progress.extracted, self._progress.not_extracted = finish, intake.abandon
        # As an argument of `extract`, dlt would set it on a copy of the resource, which the intake step does not have.
        resource.apply_hints(file_format="parquet")
        if self.parent:
            begin_after(self.parent)
        if self.keeper:
            self.keeper.prepare(self.dlt, resource, refresh, self._warehouse.open)
        with self.timed("extract"), self.watch.extracting():
            extracted = self.dlt.extract(resource, schema=schema, refresh=refresh)
        return self._count(extracted) + Counter(intake.kept)

    def _count(self, extracted: ExtractInfo) -> Counter[str]:
        counts: Counter[str] = Counter()
        for metric in (metric for package in extracted.metrics.values() for metric in package):
            for name, table in metric["table_metrics"].items():
                counts[name] += 0 if name.startswith("_dlt") else table.items_count
        return counts

    def keep_pending(self, *, is_partial: bool) -> None:
        """Keeps the extracted load until it is known to be committed; see PendingLoads.keep."""
        for load_id in self.dlt.list_extracted_load_packages():
            self.watch.keep(
                partial(self.pending.keep, load_id, self.parent, is_partial=is_partial),
                partial(self.pending.drop, load_id),
            )

    def normalize(self) -> None:
        """Turns extracted rows into the files that are loaded."""
        with self.timed("normalize"):
            normalized = self.dlt.normalize()
            if self.vault:
                self.vault.land(self.dlt)
        counts = normalized.row_counts if normalized else {}
        self.sent.update({name: counts.get(name, 0) for name in (self.table, *self.further)})

    def load(self, destination: Destination, first: Sequence[Statement] = ()) -> LoadInfo | None:
        """Loads the normalised files in one transaction.

        Args:
            destination: An open destination of the warehouse.
            first: Statements that run first in the transaction.

        Raises:
            LoadOvertaken: Another load of the table has landed since `parent` was read; nothing was written.
        """
        with self._hub_lock(), self.timed("load"):
            changes = self.keeper.find_statements(destination, self.dlt) if self.keeper else []
            statements = [*changes, *first]
            fence = self.fence if statements or self.has_package else None
            with (
                self.watch.committing() as before_commit,
                self._warehouse.transaction(destination, statements, before_commit, fence),
            ):
                return self.dlt.load(destination, dataset_name=self.dataset, workers=self._warehouse.load_workers)

    @property
    def fence(self) -> Fence:
        """What must still hold when the load commits."""
        shared = [schema_name(self.vault.hub)] if self.vault else []
        return Fence(self.dataset, schema_name(self.table), self.parent, shared)

    @property
    def has_package(self) -> bool:
        """True if there is a normalised load: rows, or a state that has changed."""
        return bool(self.dlt.list_normalized_load_packages())

    @contextmanager
    def _hub_lock(self) -> Iterator[None]:
        """Keeps other resources of this machine from writing to the same hub."""
        if not self.vault:
            yield
            return
        name = TableName(self._name.dataset, self.vault.hub).pipeline
        with hold(self._warehouse.work_folder, name, self._run_id, logger.info, check=self.watch.check):
            yield

    def newest_landed(self, destination: Destination) -> str | None:
        """Returns the id of the load that was committed last to this table, None if there is none."""
        return self._warehouse.newest_load(destination, self.dataset, schema_name(self.table))
