"""The checks of one column: its values, and those of the cursor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from textwrap import shorten
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from data_foundation.checks.rules import UNREAD, Check, CheckedTable, Finding
from data_foundation.process_wide.redaction import redact

if TYPE_CHECKING:
    from data_foundation.config.check_fields import AcceptedValues

MOST_EXAMPLES, LONGEST_EXAMPLE = 5, 80
"""Number of values that a failed `accepted_values` shows, and maximum length of each."""
TOLERANCE = timedelta(days=1)
"""How far ahead a cursor may be: clocks differ, and a date has no time zone."""


@dataclass(frozen=True)
class ValuesOfColumn(Check):
    """Only accepted values in a column."""

    column: str
    accepted: AcceptedValues
    kind: ClassVar[str] = "accepted_values"

    @property
    @override
    def name(self) -> str:
        return f"{self.kind}_{self.column}"

    @property
    @override
    def rule(self) -> str:
        return f"{self.column}: {shorten(', '.join(map(str, self.accepted.values)), 200)}, or empty."

    @override
    def run(self, table: CheckedTable) -> Finding:
        if (finding := table.find_without_query([self.column])) is not None:
            return finding
        column = table.quote(self.column)
        query = (
            f"SELECT {column}, COUNT(*), SUM(COUNT(*)) OVER (), COUNT(*) OVER () FROM {table.quoted} "  # noqa: S608 - names are quoted
            f"WHERE {column} NOT IN ({', '.join(['%s'] * len(self.accepted.values))}) "
            f"GROUP BY {column} ORDER BY COUNT(*) DESC, {column} LIMIT {MOST_EXAMPLES}"
        )
        others = table.query(query, *self.accepted.values)
        rows, values = (int(count) for count in others[0][2:]) if others else (0, 0)
        examples = {redact(str(value))[:LONGEST_EXAMPLE]: int(count) for value, count, *_ in others}
        listed = ", ".join(f"'{value}' ({count:,})" for value, count in examples.items())
        message = f"{rows:,} rows hold {values:,} values that are not accepted{': ' if listed else ''}{listed}"
        return Finding(not rows, message, {"rows": rows, "values": values, "rows_by_value": examples})


@dataclass(frozen=True)
class CursorInTime(Check):
    """The stored value of the cursor is not in the future.

    Attributes:
        column: The cursor's column in the table.
    """

    column: str
    kind: ClassVar[str] = "cursor"

    @property
    @override
    def rule(self) -> str:
        return f"The cursor {self.column} is not in the future, where no new row would pass it."

    @override
    def run(self, table: CheckedTable) -> Finding:
        value = self._newest(table) if table.cursor is UNREAD else table.cursor
        if value is None:
            return Finding(passed=True, message="there is no value of the cursor yet")
        metadata = {"cursor": str(value), "rows_before_cursor": table.rows_before_cursor}
        count = table.rows_before_cursor
        dropped = f"; rows before it that the load left out: {count:,}" if count else ""
        moment = _read_moment(value)
        if moment is None or moment <= datetime.now(UTC) + TOLERANCE:
            return Finding(passed=True, message=f"the cursor is {value}{dropped}", metadata=metadata)
        message = (
            f"the cursor is {value}, in the future{dropped}; rows with earlier values are not loaded any more: correct "
            f"{self.column} at the source, then load again with `refresh: state`"
        )
        return Finding(passed=False, message=message, metadata=metadata)

    def _newest(self, table: CheckedTable) -> Any:
        """Returns the greatest value in the table, for a check without a load."""
        if table.row_count is None or table.missing([self.column]):
            return None
        return table.query(f"SELECT MAX({table.quote(self.column)}) FROM {table.quoted}")[0][0]  # noqa: S608 - quoted


def _read_moment(value: Any) -> datetime | None:
    """Returns the moment of a cursor value, None if it is none: a number may be anything."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value) if value[4:5] == "-" else None
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime(value.year, value.month, value.day, tzinfo=UTC) if isinstance(value, date) else None
