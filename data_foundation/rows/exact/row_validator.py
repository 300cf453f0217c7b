"""Dict rows, looked at value by value: what is certainly exact passes at once, the rest is looked at closely."""

from __future__ import annotations

from typing import Any

from data_foundation.rows.exact.row_context import RowContext
from data_foundation.rows.exact.row_shape import Table
from data_foundation.rows.exact.schema_preview import Ahead
from data_foundation.rows.exact.value_rules import describe, plain
from data_foundation.rows.pipe_steps import is_frame


class Rows:
    """Lets dict rows of one table through, exact or as the contract trims them.

    Attributes:
        ahead: The schema that dlt infers from the rows, predicted.
        context: The row at hand, and what the contract discarded so far.
        root: The table that the rows become.
    """

    def __init__(self, ahead: Ahead) -> None:
        self.ahead = ahead
        self.context = RowContext(ahead)
        self.root = Table(self.context, ahead.table, "", (), ahead.levels)

    def take(self, page: list[Any], before: int) -> list[Any]:
        """Returns the page, without what the contract discards.

        Args:
            page: Rows.
            before: How many rows came before this page.

        Raises:
            ValueRefused: A value would be changed or lost; names row and column.
        """
        look, context, trimmed = self.root.row.take, self.context, []
        context.trimming = False
        for context.number, item in enumerate(page, before + 1):
            row = item if type(item) is dict else self._as_row(item)
            look(row)
            if context.trimming:
                context.trimming = False
                trimmed.append((context.number - before - 1, row))
        if not trimmed:
            return page
        kept, end = [], 0
        for index, row in trimmed:
            context.number = before + index + 1
            kept += page[end:index] + self.root.trim([row])
            end = index + 1
        return kept + page[end:]

    def _as_row(self, item: Any) -> dict[Any, Any]:
        row = plain(item)
        if isinstance(row, dict):
            return row
        if is_frame(row):
            raise self.context.refuse((), f"got {describe(row)} in a page of rows; yield each by itself")
        if row is None:
            raise self.context.refuse((), "got None for a row; leave it out of the page")
        return {"value": row}
