"""Where everything that an entry yields comes in, and is looked at before dlt does, which changes some values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import dlt
from dlt.common.configuration.container import Container
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.schema.typing import TTableSchemaColumns
from dlt.extract import DltResource
from dlt.extract.items import TableNameMeta
from typing_extensions import override

from data_foundation.errors import ValueRefused
from data_foundation.rows.columnar.page_buffer import Pages
from data_foundation.rows.exact.arrow_validator import Frames, as_arrow
from data_foundation.rows.exact.row_validator import Rows
from data_foundation.rows.exact.schema_preview import Ahead
from data_foundation.rows.exact.value_rules import Unacceptable, describe, plain
from data_foundation.rows.json_documents import is_document, read_document
from data_foundation.rows.pipe_steps import Step, is_frame


class Entrance(Step):
    """The last step before the load package.

    Frames, and where `engine` is dlt rows too, go on to dlt when they have been looked at. Other rows end here, in
    files of the package that are written in columns; `finish` completes them.

    Attributes:
        count: Told a table and how many rows of it have come in, of those that end here. Without it all rows go on to
            dlt: nobody is there who would call `finish`.
    """

    # Behind dlt's cursor, a sample's end and dlt's limit, which has to see the rows: what these leave out is in
    # nobody's way.
    placement_affinity = 1.2

    def __init__(self, resource: DltResource, *, columnar: bool, hurry: bool) -> None:
        """Takes what knows the hints of the table.

        Args:
            resource: Whose last step this is.
            columnar: Whether rows are written in columns.
            hurry: See `Pages`.
        """
        super().__init__()
        self._resource = resource
        self._columnar, self._hurry = columnar, hurry
        self._tables: dict[str, _Table] = {}
        self.count: Callable[[str, int], None] | None = None

    @override
    def __call__(self, item: Any, meta: Any = None) -> Any:
        """Returns what goes on of an item: itself, unless the contract discards some of it.

        Raises:
            ValueRefused: A value would be changed or lost.
        """
        name = meta.table_name if isinstance(meta, TableNameMeta) else ""
        if name not in self._tables:
            if DestinationCapabilitiesContext not in Container():
                # Somebody iterates over the resource by hand: the rows land nowhere.
                return item
            self._tables[name] = _Table(self._resource, item, meta, hurry=self._hurry)
        table = self._tables[name]
        before = table.pages.added if table.pages else 0
        # Hints that come with an item are for dlt's extractor, which reads them with the item.
        passed = table.take(item, columnar=self._columnar and self.count is not None and (meta is None or bool(name)))
        if self.count and table.pages:
            self.count(table.rows.root.name, table.pages.added - before)
        return passed

    @override
    def take(self, item: Any) -> Any:
        """Returns what goes on of an item that carries no table's name."""
        return self(item)

    def finish(self) -> None:
        """Completes what ended here; nothing comes in any more.

        Raises:
            ValueRefused: A value would be changed or lost.
        """
        for pages in self._pages():
            pages.finish()

    def abandon(self) -> None:
        """Forgets what ended here: the extraction failed."""
        for pages in self._pages():
            pages.abandon()

    def _pages(self) -> Iterator[Pages]:
        return (table.pages for table in self._tables.values() if table.pages)

    def kept(self, name: str) -> int:
        """Returns how many rows of a table ended here and will land."""
        return sum(table.pages.kept for table in self._tables.values() if table.pages and table.rows.root.name == name)

    def columns(self, name: str) -> TTableSchemaColumns:
        """Returns the columns of a table as its rows will land, as far as it is known by now."""
        found = next((table for table in self._tables.values() if table.rows.root.name == name), None)
        # A contract may have let the whole table go.
        tables = found.rows.ahead.schema.tables if found else {}
        return tables[name]["columns"] if name in tables else {}

    def told(self) -> list[str]:
        """Returns what a person should know of what passed: what a contract let go, and how often."""
        return [warning for table in self._tables.values() for warning in table.told()]


def find_entrance(resource: DltResource) -> Entrance:
    """Returns the entrance of a resource that has one."""
    return next(step for step in resource._pipe.steps if isinstance(step, Entrance))  # noqa: SLF001 - its own step


class _Table:
    """Where the items of one table come in, whatever they are."""

    def __init__(self, resource: DltResource, item: Any, meta: Any, *, hurry: bool) -> None:
        schema = dlt.current.source_schema()
        hints = resource.compute_table_schema(item, meta)
        nested = resource.compute_nested_table_schemas(str(hints["name"]), schema.naming, item, meta)
        self._ahead = Ahead(schema, hints, nested)
        self.rows = Rows(self._ahead)
        self.pages: Pages | None = None
        self._hurry = hurry
        self._columnar = False
        self._frames = Frames(self._ahead)
        self._count = 0
        self._taken_apart = 0

    def take(self, item: Any, *, columnar: bool) -> Any:
        """Returns what goes on of an item, None for nothing; where it may end here its rows do."""
        self._columnar = columnar
        if item is None or (isinstance(item, list) and not item):
            return item
        if (refused := self._ahead.refusal).mode:
            context, count = self.rows.context, len(item) if isinstance(item, list) else 1
            context.discarded[context.discard((), refused)] += count
            return None
        items = item if isinstance(item, list) else [item]
        if all(map(is_document, items)):
            return [row for document in items for row in self._take_document(bytes(document))] or None
        if not is_frame(items[0]):
            # A frame behind it is met where its row is looked at; here that would be one look more at every row.
            return self._take_rows(items if isinstance(item, list) else [self._row(item)])
        if not all(map(is_frame, items)):
            raise ValueRefused(f"row {self._count + 1}: got a page of rows and frames; yield each by itself")
        taken = [self._take_frame(one) for one in items]
        rows = [row for one in taken if isinstance(one, list) for row in one]
        return rows or [one for one in taken if not isinstance(one, list)] or None

    def _take_rows(self, page: list[Any]) -> list[Any] | None:
        if self._ahead.holds == "frames":
            reason = (
                "got a dict, and the table holds Arrow rows, which have no ids; yield Arrow tables, or `refresh: drop`"
            )
            raise ValueRefused(f"row {self._count + 1}: {reason}")
        self._ahead.holds = "rows"
        before, self._count = self._count, self._count + len(page)
        if self._columnar:
            self._begun_pages().add(page)
            return None
        return self.rows.take(page, before) or None

    def _take_document(self, document: bytes) -> list[Any]:
        if self._columnar and self._ahead.holds != "frames":
            self._ahead.holds = "rows"
            self._begun_pages().add_document(document)
            return []
        return self._take_rows(read_document(document)) or []

    def _begun_pages(self) -> Pages:
        """Returns the pages; there are none where only frames come."""
        self.pages = self.pages or Pages(self.rows, hurry=self._hurry)
        return self.pages

    def _take_frame(self, frame: Any) -> Any:
        try:
            table = as_arrow(frame)
        except Unacceptable as error:
            raise self._frames_refusal(str(error)) from None
        if self._ahead.row_id_type == "row_hash":
            # Versions are told apart by ids that follow from the rows; only as dicts do these get theirs.
            return self._take_rows(self._frames.take(table, self._count).to_pylist()) or []
        if self._ahead.holds == "rows":
            # Rows that came as dicts have ids as well.
            self._taken_apart += 1
            return self._take_rows(table.to_pylist()) or []
        if all(str(kind) == "null" for kind in table.schema.types):
            if not len(table):
                return []
            raise self._frames_refusal("no column has a type; leave the frame out, or give its columns types")
        self._ahead.holds = "frames"
        taken = self._frames.take(table, self._count)
        self._count += len(table)
        return taken

    def _frames_refusal(self, reason: str) -> ValueRefused:
        return ValueRefused(f"the frame that starts with row {self._count + 1}: {reason}")

    def _row(self, item: Any) -> Any:
        """Returns what was yielded by itself, where it is a row."""
        row = plain(item)
        if isinstance(row, dict | str | int | float | bool):
            return row
        accepted = "accepted: a dict, a list of dicts, an Arrow table or batch, a pandas or polars frame"
        raise ValueRefused(f"row {self._count + 1}: got {describe(item)}; {accepted}")

    def told(self) -> list[str]:
        """Returns what a contract let go, and what took longer than it should."""
        warnings = [
            f"{count} times discarded: {what.partition(' ')[2]}"
            for counts in (self.rows.context.discarded, self._frames.discarded)
            for what, count in counts.items()
        ]
        if self._taken_apart:
            warnings.append(
                "frames were taken apart into dicts, as the rows of this table are; `refresh: drop` is faster"
            )
        return warnings + (self.pages.told() if self.pages else [])
