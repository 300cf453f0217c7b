"""Takes in every yielded item before dlt converts its values: the last pipe step before the load package."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import dlt
from dlt.common.configuration.container import Container
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.schema.typing import TTableSchemaColumns
from dlt.extract import DltResource
from dlt.extract.extractors import ImportFileMeta
from dlt.extract.items import DataItemWithMeta, TableNameMeta
from typing_extensions import override

from data_foundation.dlt_keys import SET_ASIDE
from data_foundation.errors import ValueRefused
from data_foundation.rows.item_tables import ItemTables
from data_foundation.rows.package_files import PackageFiles
from data_foundation.rows.page_route import Writing
from data_foundation.rows.pipe_steps import Step
from data_foundation.rows.table_intake import TableIntake, count_rows


class IntakeStep(Step):
    """The last step of a resource's pipe.

    Dicts and JSON documents end here: `PageBuffer` writes them into the load package in columns, and `finish`
    completes them. Frames, and dicts if the resource's `engine` is dlt, are checked and passed on to dlt. A resource
    may fill several tables: the item, its mark or its hints name the table.

    Attributes:
        on_rows: Called with a table and how many of its rows ended here. If it is None, all rows are passed on to dlt:
            the caller will not call `finish`.
        without_rows: The tables that are replaced and received no rows, though others did; known after `finish`.
    """

    # After dlt's cursor, a sample's end and dlt's limit, which must receive the rows; what they leave out is not
    # checked.
    placement_affinity = 1.2

    def __init__(self, resource: DltResource, *, columnar: bool, by_time: bool, keeps_rows: bool = True) -> None:
        """Ends a pipe.

        Args:
            resource: The resource, with its hints.
            columnar: Whether dicts are written in columns.
            by_time: See `PageBuffer`.
            keeps_rows: Whether a table of several keeps its rows if a replace brought none for it.
        """
        super().__init__()
        self._resource = resource
        self._columnar, self._by_time, self._keeps_rows = columnar, by_time, keeps_rows
        self._naming = ItemTables(resource)
        self._tables: dict[str, TableIntake] = {}
        self._by_spelling: dict[str, TableIntake] = {}
        self._settled: list[TableIntake] = []
        self._only: TableIntake | None = None
        self._writing: Writing | None = None
        self.on_rows: Callable[[str, int], None] | None = None
        self.without_rows: list[str] = []

    @override
    def __call__(self, item: Any, meta: Any = None) -> Any:
        """Returns what dlt receives for an item, None for nothing.

        Raises:
            ValueRefused: A value would be changed or lost.
        """
        if meta is None and self._only:
            return self._take(self._only, item)
        if not self._tables and DestinationCapabilitiesContext not in Container():
            # Code iterates over the resource itself: the rows are not loaded.
            return item
        if isinstance(meta, ImportFileMeta):
            message = (
                f"the entry imports the file {meta.file_path} (dlt.mark.with_file_import), whose values cannot be "
                "checked; yield its rows, for instance `yield from pyarrow.parquet.ParquetFile(path).iter_batches()`, "
                "or let `data_foundation.readers.files.get_rows` read it"
            )
            raise ValueRefused(message)
        if self._naming.learn_hints(meta):
            self._settle()
        if self._naming.is_dynamic:
            return self._take_by_table(item)
        name = self._naming.name_of(meta)
        table = self._find(name, item)
        # As long as no item names a table, nothing else needs to be checked.
        self._only = None if name else table
        return self._take(table, item)

    @override
    def take(self, item: Any) -> Any:
        """Returns what dlt receives for an item without a table name."""
        return self(item)

    def _take(self, table: TableIntake, item: Any) -> Any:
        before = table.buffer.added if table.buffer else 0
        passed = table.take(item, columnar=self._columnar and self.on_rows is not None)
        if self.on_rows and table.buffer:
            self.on_rows(table.name, table.buffer.added - before)
        if passed is not None:
            table.passed += count_rows(passed)
        return passed

    def _take_by_table(self, item: Any) -> Iterator[DataItemWithMeta] | None:
        """Takes in an item whose rows may belong to several tables; returns what dlt receives, table by table."""
        passed = []
        for name, rows in self._naming.split(item):
            if (part := self._take(self._find(name, rows[0]), rows)) is not None:
                passed.append(DataItemWithMeta(TableNameMeta(name), part))
        return iter(passed) if passed else None

    def _find(self, name: str, item: Any) -> TableIntake:
        """Returns the intake of a table, which begins with its first item.

        Args:
            name: The name as the code spells it, "" for the resource's own table.
            item: The item, for hints that depend on it.
        """
        if name not in self._by_spelling:
            meta = TableNameMeta(name) if name else None
            begun = TableIntake(self._resource, item, meta, self._begun_writing, by_time=self._by_time)
            if before := next((table for table in reversed(self._settled) if table.name == begun.name), None):
                begun.continue_from(before)
            # Another spelling may be the same table.
            self._by_spelling[name] = self._tables.setdefault(begun.name, begun)
            for table in self._tables.values():
                table.sharing = len(self._tables)
        return self._by_spelling[name]

    def _begun_writing(self) -> Writing:
        self._writing = self._writing or Writing()
        return self._writing

    def _settle(self) -> None:
        """Writes all rows so far: those that follow have other hints.

        Raises:
            ValueRefused: A value would be changed or lost, or a table is both one of its own and a nested one.
        """
        for table in self._tables.values():
            if table.buffer:
                table.buffer.settle()
                table.buffer.update_schema(self._tables.keys() - {table.name})
            table.preview.numbers.enter(dlt.current.source_schema())
        self._refuse_nested()
        self._settled += self._tables.values()
        self._tables, self._by_spelling, self._only = {}, {}, None

    def _refuse_nested(self) -> None:
        for table in self._tables.values():
            for name, schema in table.preview.schema.tables.items():
                if name in self._tables and (parent := schema.get("parent")):
                    raise ValueRefused(
                        f"rows of {name} and of {parent} were sent to one table, {name}: it is that of a nested list "
                        "too; name another table"
                    )

    def finish(self) -> None:
        """Completes the files of the rows that ended here, after the last item.

        Raises:
            ValueRefused: A value would be changed or lost.
        """
        try:
            self._settle()
            if self._writing:
                self._writing.close()
        except BaseException:
            self.abandon()
            raise
        if self._settled:
            self._drop_empty_files((self._writing or Writing()).files)

    def _drop_empty_files(self, files: PackageFiles) -> None:
        """Removes the empty files by which dlt would empty tables whose rows ended here, or are to be kept."""
        ended_here = {name for name, count in self.kept.items() if count}
        for name in ended_here:
            files.drop_others(name)
        received = ended_here | {table.name for table in self._settled if table.passed}
        schema = dlt.current.source_schema()
        for name in sorted(files.tables() - received) if received else ():
            table = schema.tables.get(name, {})
            is_own = not (table.get("parent") or table.get(SET_ASIDE))
            if is_own and table.get("write_disposition") == "replace":
                self.without_rows.append(name)
                if self._keeps_rows:
                    files.drop_others(name)

    def abandon(self) -> None:
        """Drops the rows that ended here: the extraction failed."""
        if self._writing:
            self._writing.abandon()

    @property
    def kept(self) -> Mapping[str, int]:
        """How many rows of each table ended here and will be loaded."""
        kept: Counter[str] = Counter()
        for table in (*self._settled, *self._tables.values()):
            kept[table.name] += table.buffer.kept if table.buffer else 0
        return kept

    def columns(self, name: str) -> TTableSchemaColumns:
        """Returns the columns of a table that are known so far."""
        intakes = (*self._settled, *self._tables.values())
        # The contract may discard the whole table.
        known = [table.preview.schema.tables for table in intakes if table.name == name]
        return known[-1][name]["columns"] if known and name in known[-1] else {}

    def warnings(self) -> list[str]:
        """Returns one warning for each thing the contract discarded, with its count, and for what was slow."""
        return [warning for table in (*self._settled, *self._tables.values()) for warning in table.warnings()]


def find_intake(resource: DltResource) -> IntakeStep:
    """Returns the intake step of a resource that has one."""
    return next(step for step in resource._pipe.steps if isinstance(step, IntakeStep))  # noqa: SLF001 - its own step
