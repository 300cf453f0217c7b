"""dlt's client for a lake: collects the changes of a load, and writes them when the load is complete.

A lake has no transaction over several tables, and no lock. A load therefore takes the table's turn, see `lake.turns`,
and writes into the turn's file what it will change. Then it writes the rows. It has landed once it has created the
file of the next turn, which only one process can do; that file has the content of dlt's files with schema, state and
load, which are written next. Last it removes what it replaces, and frees the turn. Whoever takes the turn of a process
that has not been heard of finishes its load if it has landed, and undoes any other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from dlt.common.destination.client import JobClientBase, RunnableLoadJob
from dlt.common.schema.typing import TSchemaTables
from dlt.destinations.impl.filesystem.filesystem import CURRENT_VERSION
from typing_extensions import override

from data_foundation.errors import LoadOvertaken
from data_foundation.warehouses.lake.dataset_files import DatasetFiles
from data_foundation.warehouses.lake.load_plan import LoadPlan, PendingChanges, plan_load
from data_foundation.warehouses.lake.mending import finish, has_former_note, mend, undo
from data_foundation.warehouses.lake.open_format import LoadTables
from data_foundation.warehouses.lake.row_changes import RowStatement
from data_foundation.warehouses.lake.sql import LakeSqlClient
from data_foundation.warehouses.lake.turn_files import Holder, Note, TurnFiles
from data_foundation.warehouses.lake.turns import Turn, take
from data_foundation.warehouses.lake.whole_files import write_whole


class NoJob(RunnableLoadJob):
    """A file that `complete_load` writes together with all others. Not a finished job, for which dlt would wait."""

    @override
    def run(self) -> None:
        """Does nothing."""


class LakeClient(DatasetFiles):
    """dlt's client for files, which writes no row before `complete_load`.

    Attributes:
        pending: The pending changes of the current load, shared by all clients of a destination.
        holder: This process, which takes turns.
    """

    pending: PendingChanges
    holder: Holder

    @property  # type: ignore[explicit-override] # mypy 1.19 overlooks it where a property has a setter
    @override
    def sql_client(self) -> Any:
        """A new client that queries the current files."""
        find_table = partial(self.open_format.find, self) if self.open_format else None
        return LakeSqlClient(self, find_table)

    @sql_client.setter
    def sql_client(self, client: Any) -> None:
        """Does nothing: each query has a client of its own."""

    @override
    def initialize_storage(self, truncate_tables: Iterable[str] | None = None) -> None:
        if not self._has_versions():
            versions = {"initial_version": CURRENT_VERSION, "current_version": CURRENT_VERSION}
            write_whole(self, self.init_file_path, json.dumps(versions))
        super().initialize_storage()
        self.pending.emptied.update(truncate_tables or ())

    def _has_versions(self) -> bool:
        """Returns False if the file with the versions of dlt's storage does not exist or is damaged."""
        if not self.fs_client.exists(self.init_file_path):
            return False
        try:
            self.get_storage_versions()
        except ValueError:
            return False
        return True

    @override
    def drop_tables(self, *tables: str, delete_schema: bool = True) -> None:
        # The stored schema is kept, as the newest one counts.
        self.pending.dropped.update(tables)

    @override
    def update_stored_schema(
        self,
        only_tables: Iterable[str] | None = None,
        expected_update: TSchemaTables | None = None,
        force: bool = False,
    ) -> TSchemaTables:
        # Not `super()`, which would write the schema before the rows.
        JobClientBase.update_stored_schema(self, only_tables, expected_update, force)  # type: ignore[arg-type] # as in dlt
        stored = self.get_stored_schema(self.schema.name)
        known: TSchemaTables = json.loads(stored.schema)["tables"] if stored else {}
        applied: TSchemaTables = {}
        for name in only_tables or self.schema.tables:
            was = {} if name in self.pending.dropped else known.get(name, {}).get("columns", {})
            columns = self.schema.get_table_columns(name)
            if new := {column: hints for column, hints in columns.items() if "data_type" not in was.get(column, {})}:
                applied[name] = {"name": name, "columns": new}
        return applied

    @override
    def create_load_job(self, table: Any, file_path: str, load_id: str, restore: bool = False) -> NoJob:
        return NoJob(file_path)

    @override
    def complete_load(self, load_id: str) -> None:
        """Writes all changes of a load.

        Raises:
            LoadOvertaken: Another load of the table has landed since this one read its state, or took its turn.
        """
        with self._turn(load_id) as (turn, tables):
            plan = plan_load(self, tables, self.pending, load_id)
            self._write(turn, tables, plan)
        self.remove_old_states()

    def delete_only(self) -> None:
        """Executes the deletions of a load without rows."""
        with self._turn("") as (turn, tables):
            names = dict.fromkeys(RowStatement.parse(sql).table for sql, _ in self.pending.first)
            note = Note("", {name: tables.version(name) for name in names if tables})
            self._write(turn, tables, LoadPlan(note, [], {}))

    def mend(self, check: Callable[[], None] = lambda: None) -> None:
        """Waits for a load of the table on another machine; finishes or undoes one whose process is gone.

        Args:
            check: Called again and again while this process waits; an error that it raises ends the wait.

        Raises:
            ResourceBusy: The other load takes too long.
        """
        turns = TurnFiles(self)
        numbers = turns.numbers()
        newest = turns.read(numbers[-1]) if numbers else None
        if newest.state == "free" if newest else not (numbers or has_former_note(self)):
            return
        with take(turns, self.holder, check) as turn:
            mend(self, turn)
            turn.end()

    @contextmanager
    def _turn(self, load_id: str) -> Iterator[tuple[Turn, LoadTables[Any] | None]]:
        """Yields the turn of this process and the tables of its load; other machines wait until the block has ended.

        Parquet files are no tables with versions: then it yields None.

        Raises:
            LoadOvertaken: A load has landed that this one does not know of.
        """
        with take(TurnFiles(self), self.holder) as turn:
            mend(self, turn)
            try:
                self._refuse_older(load_id)
                yield turn, self.open_format.begin(self, load_id, turn.check) if self.open_format else None
            finally:
                # Where its note is left, the next turn finishes or undoes the load.
                if turn.entry.note is None:
                    with suppress(Exception):
                        turn.end()

    def _refuse_older(self, load_id: str) -> None:
        """Refuses a load that was read before the newest one landed.

        Raises:
            LoadOvertaken: A load has landed that this one does not know of.
        """
        newest = next(reversed(self.landed_ids()), None)
        if self.pending.fence:
            self.pending.fence.check(newest)
        if newest and load_id and float(load_id) <= float(newest):
            raise LoadOvertaken(f"load {newest} of the table has landed, and load {load_id} is older", newest)

    def _write(self, turn: Turn, tables: LoadTables[Any] | None, plan: LoadPlan) -> None:
        """Writes a load and makes it count, or undoes it."""
        turn.announce(plan.note)
        try:
            if self.open_format:
                self.open_format.change_rows(self, tables, self.pending.first)
                self.pending.first.clear()
                self.open_format.write_tables(tables, plan.tables)
            else:
                self.upload(plan.uploads)
            files = self.describe_load(plan.note.load_id) if plan.note.load_id else {}
            self.pending.before_commit()
            turn.land(files)
        except Exception as error:
            changed = self._undo(turn, tables, plan.note)
            if changed and not isinstance(error, LoadOvertaken):
                raise LoadOvertaken(f"another program has changed {', '.join(changed)} meanwhile") from error
            raise
        finish(self, turn.entry)
        turn.entry.note = None

    def _undo(self, turn: Turn, tables: LoadTables[Any] | None, note: Note) -> list[str]:
        """Undoes this process's own load; returns the tables that another has changed. Never fails."""
        changed: list[str] = []
        if turn.is_landing:
            return changed  # only the next turn can find out whether the load counts
        # If storage cannot be reached, the next turn mends.
        with suppress(Exception):
            changed = tables.find_changed() if tables else []
            if turn.is_current():
                undo(self, turn, note, is_own=True)
                turn.entry.note = None
            else:
                for path in note.added:
                    self.delete(self.absolute(path))
        return changed
