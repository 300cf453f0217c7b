"""What all tables of one resource share while its dict rows are checked: the row at hand, and what was discarded."""

from __future__ import annotations

from collections import Counter

from data_foundation.errors import ValueRefused
from data_foundation.rows.exact.schema_preview import Ahead, Landing
from data_foundation.rows.exact.value_rules import Unacceptable


class RowContext:
    """The row that is being checked.

    Attributes:
        ahead: The schema that dlt infers from the rows, predicted.
        number: The number of the row, from 1; 0 before the first.
        trimming: True once the contract discards something of the row.
        discarded: How often the contract discarded something, by a phrase that names it.
    """

    def __init__(self, ahead: Ahead) -> None:
        self.ahead = ahead
        self.number = 0
        self.trimming = False
        self.discarded: Counter[str] = Counter()

    def refuse(self, path: tuple[str, ...], reason: str) -> ValueRefused:
        """Returns the error for a value of the row.

        Args:
            path: The keys that lead to it.
            reason: Why it cannot land; `<column>` stands for the path as a person writes it.
        """
        column = _place(path)
        places = [f"row {self.number}"] * bool(self.number) + [f"column {column}"] * bool(column)
        where = ", ".join(places) + ": " if places else ""
        return ValueRefused(where + reason.replace("<column>", column))

    def discard(self, path: tuple[str, ...], landing: Landing) -> str:
        """Returns the mode in which the contract discards a value.

        Raises:
            ValueRefused: The mode is freeze.
        """
        try:
            return landing.discard(_place(path))
        except Unacceptable as error:
            raise self.refuse(path, str(error)) from None


def _place(path: tuple[str, ...]) -> str:
    """Returns how a person writes the way to a value: `items[].name`."""
    return ".".join(path).replace(".[]", "[]")
