"""Dict rows, looked at value by value: what is certainly exact passes at once, the rest is looked at closely."""

from __future__ import annotations

from collections import Counter
from typing import Any

from data_foundation.errors import ValueRefused
from data_foundation.exact.ahead import Ahead, Landing
from data_foundation.exact.tables import Table
from data_foundation.exact.values import Unacceptable, describe, plain
from data_foundation.steps import is_frame


class Rows:
    """Lets dict rows of one table through, exact or as the contract trims them.

    Attributes:
        root: The table that the rows become.
        discarded: How often the contract let something go, by a phrase that says what.
    """

    def __init__(self, ahead: Ahead) -> None:
        self.ahead = ahead
        self.discarded: Counter[str] = Counter()
        self.trimming = False
        self.root = Table(self, ahead.table, "", (), ahead.levels)
        self._number = 0

    def take(self, page: list[Any], before: int) -> list[Any]:
        """Returns the page, without what the contract discards.

        Args:
            page: Rows.
            before: How many rows came before this page.

        Raises:
            ValueRefused: A value would be changed or lost; names row and column.
        """
        look, self.trimming, trimmed = self.root.row.take, False, []
        for self._number, item in enumerate(page, before + 1):
            row = item if type(item) is dict else self._as_row(item)
            look(row)
            if self.trimming:
                self.trimming = False
                trimmed.append((self._number - before - 1, row))
        if not trimmed:
            return page
        kept, end = [], 0
        for index, row in trimmed:
            self._number = before + index + 1
            kept += page[end:index] + self.root.trim([row])
            end = index + 1
        return kept + page[end:]

    def refuse(self, path: tuple[str, ...], reason: str) -> ValueRefused:
        """Returns the error for the row at hand."""
        column = _place(path)
        places = [f"row {self._number}"] * bool(self._number) + [f"column {column}"] * bool(column)
        where = ", ".join(places) + ": " if places else ""
        return ValueRefused(where + reason.replace("<column>", column))

    def discard(self, path: tuple[str, ...], landing: Landing) -> str:
        """Returns the contract's mode for something that it does not let in.

        Raises:
            ValueRefused: The mode is freeze.
        """
        try:
            return landing.discard(_place(path))
        except Unacceptable as error:
            raise self.refuse(path, str(error)) from None

    def _as_row(self, item: Any) -> dict[Any, Any]:
        row = plain(item)
        if isinstance(row, dict):
            return row
        if is_frame(row):
            raise self.refuse((), f"got {describe(row)} in a page of rows; yield each by itself")
        if row is None:
            raise self.refuse((), "got None for a row; leave it out of the page")
        return {"value": row}


def _place(path: tuple[str, ...]) -> str:
    """Returns how a person writes the way to a value: `items[].name`."""
    return ".".join(path).replace(".[]", "[]")
