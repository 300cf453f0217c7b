"""Takes in the items of one table: rows, frames and JSON documents, to be checked, converted and written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dlt
from dlt.extract import DltResource

from data_foundation.errors import ValueRefused
from data_foundation.rows.copies import copy_rows, copy_table
from data_foundation.rows.exact.arrow_validator import ArrowValidator, as_arrow
from data_foundation.rows.exact.landed_hash import with_landed_hashes
from data_foundation.rows.exact.row_shape import root_shape
from data_foundation.rows.exact.row_validator import RowValidator
from data_foundation.rows.exact.schema_preview import SchemaPreview
from data_foundation.rows.exact.value_rules import Unacceptable, describe, is_frame, plain
from data_foundation.rows.json_documents import is_document, read_document
from data_foundation.rows.package_files import most_buffered
from data_foundation.rows.page_buffer import PageBuffer
from data_foundation.rows.page_route import Writing


class TableIntake:
    """Takes in the items of one table, of whatever kind.

    Attributes:
        preview: The predicted schema.
        name: The name of the table.
        buffer: The rows that wait to be written; None until the first dict or document that is written in columns.
        passed: Rows that were passed on to dlt; counted by who does it.
        sharing: See `PageBuffer`.
    """

    def __init__(
        self, resource: DltResource, item: Any, meta: Any, begun_writing: Callable[[], Writing], *, by_time: bool
    ) -> None:
        schema = dlt.current.source_schema()
        hints = resource.compute_table_schema(item, meta)
        nested = resource.compute_nested_table_schemas(str(hints["name"]), schema.naming, item, meta)
        self.preview = SchemaPreview(schema, hints, nested)
        self.name = self.preview.table
        self.buffer: PageBuffer | None = None
        self.passed = 0
        self._begun_writing = begun_writing
        self._by_time = by_time
        self._sharing = 1
        self._columnar = False
        self._rows = RowValidator(root_shape(self.preview))
        self._frames = ArrowValidator(self.preview)
        self._count = 0
        self._frames_as_dicts = 0
        self._most_buffered = 0

    def continue_from(self, before: TableIntake) -> None:
        """Begins behind the rows of the same table that had other hints."""
        self.preview.holds, self._count = before.preview.holds, before._count

    @property
    def sharing(self) -> int:
        """See the class."""
        return self._sharing

    @sharing.setter
    def sharing(self, value: int) -> None:
        self._sharing = value
        if self.buffer:
            self.buffer.sharing = value

    def take(self, item: Any, *, columnar: bool) -> Any:
        """Returns what dlt receives for an item, None for nothing."""
        self._columnar = columnar
        if item is None or (isinstance(item, list) and not item):
            return item
        if (refused := self.preview.refusal).mode:
            self._rows.discarded[self._rows.discard((), refused)] += len(item) if isinstance(item, list) else 1
            return None
        items = item if isinstance(item, list) else [item]
        if all(map(is_document, items)):
            return [row for document in items for row in self._take_document(bytes(document))] or None
        if not is_frame(items[0]):
            # A frame behind a dict is refused where its row is checked; a test here would touch every row once more.
            return self._take_rows(items if isinstance(item, list) else [self._row(item)])
        if not all(map(is_frame, items)):
            raise ValueRefused(f"row {self._count + 1}: got a page of rows and frames; yield each by itself")
        taken = [self._take_frame(one) for one in items]
        rows = [row for one in taken if isinstance(one, list) for row in one]
        return rows or [one for one in taken if not isinstance(one, list)] or None

    def _take_rows(self, page: list[Any]) -> list[Any] | None:
        if self.preview.holds == "frames":
            reason = (
                "got a dict, and the table holds Arrow rows, which have no ids; yield Arrow tables, or `refresh: drop`"
            )
            raise ValueRefused(f"row {self._count + 1}: {reason}")
        self.preview.holds = "rows"
        before, self._count = self._count, self._count + len(page)
        if self._columnar:
            self._begun_buffer().add(page)
            return None
        return with_landed_hashes(self._rows.check(copy_rows(page), before), self.preview) or None

    def _take_document(self, document: bytes) -> list[Any]:
        if self._columnar and self.preview.holds != "frames":
            self.preview.holds = "rows"
            self._begun_buffer().add_document(document)
            return []
        return self._take_rows(read_document(document)) or []

    def _begun_buffer(self) -> PageBuffer:
        if not self.buffer:
            self.buffer = PageBuffer(self._rows, self._begun_writing(), by_time=self._by_time)
            self.buffer.sharing = self._sharing
        return self.buffer

    def _take_frame(self, frame: Any) -> Any:
        try:
            table = as_arrow(frame)
        except Unacceptable as error:
            raise self._refuse_frame(str(error)) from None
        if self.preview.row_id_type == "row_hash":
            # Ids are hashes of the rows, which dlt computes of dicts only.
            return self._take_rows(self._frames.check(table, self._count).to_pylist()) or []
        if self.preview.holds == "rows":
            # The table has ids, which dlt gives to dicts only.
            self._frames_as_dicts += 1
            return self._take_rows(table.to_pylist()) or []
        if all(str(kind) == "null" for kind in table.schema.types):
            if not len(table):
                return []
            raise self._refuse_frame("no column has a type; leave the frame out, or give its columns types")
        self.preview.holds = "frames"
        checked = self._frames.fill(self._frames.check(table, self._count))
        self._count += len(table)
        self._most_buffered = self._most_buffered or most_buffered()
        # dlt keeps a short frame until others fill its buffer.
        return copy_table(checked) if len(checked) < self._most_buffered else checked

    def _refuse_frame(self, reason: str) -> ValueRefused:
        return ValueRefused(f"the frame that starts with row {self._count + 1}: {reason}")

    def _row(self, item: Any) -> Any:
        """Returns an item that was yielded by itself, if it is a row.

        Raises:
            ValueRefused: It is none.
        """
        row = plain(item)
        if isinstance(row, dict | str | int | float | bool):
            return row
        accepted = "accepted: a dict, a list of dicts, an Arrow table or batch, a pandas or polars frame"
        raise ValueRefused(f"row {self._count + 1}: got {describe(item)}; {accepted}")

    def warnings(self) -> list[str]:
        """Returns one warning for each thing the contract discarded, with its count, and for what was slow."""
        warnings = [
            f"{count} times discarded: {what.partition(' ')[2]}"
            for counts in (self._rows.discarded, self._frames.discarded)
            for what, count in counts.items()
        ]
        if self._frames_as_dicts:
            warnings.append(
                "frames were taken apart into dicts, as the rows of this table are; `refresh: drop` is faster"
            )
        return warnings + (self.buffer.warnings() if self.buffer else [])


def count_rows(passed: Any) -> int:
    """Returns the number of rows of what is passed on to dlt: a row, a frame, or a list of either."""
    items = passed if isinstance(passed, list) else [passed]
    return sum(map(len, items)) if items and is_frame(items[0]) else len(items)
