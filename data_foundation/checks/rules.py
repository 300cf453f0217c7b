"""The checks of a table: for each one its rule, its query and its finding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import shorten
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from typing_extensions import override

from data_foundation.checks.failed_parts import list_parts
from data_foundation.suggestions import nearest

if TYPE_CHECKING:
    from data_foundation.config.check_fields import RowCount

UNREAD = object()
"""The cursor of a table that is checked without a load."""


@dataclass(frozen=True)
class LandedLoads:
    """Which loads of a table a check has to look at.

    Attributes:
        newest: Id of the newest load that has landed, None if it is not known.
        checked: Id of the load up to which every row was checked for its key, None if every row has to be checked.
    """

    newest: str | None = None
    checked: str | None = None


@dataclass(frozen=True)
class CheckedTable:
    """The table that checks read.

    Attributes:
        name: Table name.
        columns: Its current columns.
        rows: Rows of the load, None if nothing was read because the source has not changed.
        row_count: Rows in the table, None if it does not exist; it must not be queried then.
        schema_changes: New columns by table; all columns of a new table.
        failed_parts: Reasons by part, for parts that failed alone in the last load.
        quoted: Full name of the table, quoted for SQL.
        quote: Returns a column's name, quoted for SQL.
        query: Runs one SELECT, with a value for each %s in it, and returns its rows.
        cursor: The stored value of the cursor, None if there is none; UNREAD if the check runs without a load.
        rows_before_cursor: Rows that the load left out because they lie before the cursor.
        loads: Which loads have landed, and up to which the keys were checked.
    """

    name: str
    columns: Sequence[str]
    rows: int | None
    row_count: int | None
    schema_changes: Mapping[str, Sequence[str]]
    failed_parts: Mapping[str, str]
    quoted: str
    quote: Callable[[str], str]
    query: Callable[..., Sequence[Sequence[Any]]]
    cursor: Any = UNREAD
    rows_before_cursor: int = 0
    loads: LandedLoads = LandedLoads()

    def missing(self, columns: Sequence[str]) -> str:
        """Returns a sentence that names those of `columns` that the table lacks, "" if it has all."""
        missing = [name for name in columns if name not in self.columns]
        hint = nearest(missing[0], list(self.columns)) if missing else ""
        return f"the table has no column {', '.join(missing)}{hint}" if missing else ""

    def find_without_query(self, columns: Sequence[str]) -> Finding | None:
        """Returns the finding for a table that does not exist or lacks one of `columns`, None if it can be queried."""
        if self.row_count is None:
            return Finding(passed=True, message="there is no table yet")
        missing = self.missing(columns)
        return Finding(passed=False, message=missing) if missing else None


@dataclass(frozen=True)
class Finding:
    """The finding of a check.

    Attributes:
        passed: True if the table obeys the rule.
        message: The finding in one sentence.
        metadata: Its figures; the only values of the table in it are those that are not accepted.
    """

    passed: bool
    message: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckOutcome(Finding):
    """The outcome of one check.

    Attributes:
        name: Name of the check, unique within its resource.
        severity: `error` if a failure holds back the table's dbt models, `warn` if it is only shown.
    """

    name: str = ""
    severity: Literal["warn", "error"] = "error"

    @property
    def blocks(self) -> bool:
        """True if dbt models that read the table must wait."""
        return not self.passed and self.severity == "error"


@dataclass(frozen=True)
class Check(ABC):
    """One check of a resource, known from the configuration before anything is loaded.

    Attributes:
        blocking: True if a failure holds back the table's dbt models.
        kind: The check's key in the configuration.
    """

    blocking: bool
    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """Name of the check, unique within its resource."""
        return self.kind

    @property
    @abstractmethod
    def rule(self) -> str:
        """The rule in one sentence."""

    @abstractmethod
    def run(self, table: CheckedTable) -> Finding:
        """Checks a table with at most one SELECT and returns the finding."""

    def outcome(self, finding: Finding) -> CheckOutcome:
        """Returns the outcome of this check for a finding."""
        severity: Literal["warn", "error"] = "error" if self.blocking else "warn"
        return CheckOutcome(finding.passed, finding.message, finding.metadata, self.name, severity)


@dataclass(frozen=True)
class RequiredColumns(Check):
    """The load itself refuses rows without these columns, so loaded rows always have them."""

    columns: Sequence[str]
    kind: ClassVar[str] = "requires"

    @property
    @override
    def rule(self) -> str:
        return f"The rows have {', '.join(self.columns)}; otherwise nothing is written."

    @override
    def run(self, table: CheckedTable) -> Finding:
        return Finding(passed=True, message="no column was missing" if table.rows else "no rows arrived")


@dataclass(frozen=True)
class RowsArrived(Check):
    """A replace, or new files, without rows; the cause is more often a fault of the vendor than an empty table.

    Attributes:
        of_files: True if the rows come from files that are new or have changed.
    """

    of_files: bool = False
    kind: ClassVar[str] = "rows_arrived"

    @property
    @override
    def rule(self) -> str:
        if self.of_files:
            return "The files that are new or have changed have rows; otherwise the table keeps those it has."
        return "The replace brought rows; where it brings none the table keeps those it has (on_empty: keep)."

    @override
    def run(self, table: CheckedTable) -> Finding:
        why = "nothing has changed, so nothing was read" if table.rows is None else "no rows arrived"
        message = f"{table.rows:,} rows arrived" if table.rows else f"{why}: the table keeps those it has"
        return Finding(table.rows != 0, message, {"rows_loaded": table.rows or 0, "row_count": table.row_count or 0})


@dataclass(frozen=True)
class Complete(Check):
    """Parts that failed alone, for instance one account of many; the rows of the other parts were loaded."""

    kind: ClassVar[str] = "complete"

    @property
    @override
    def rule(self) -> str:
        return "Every part of the source landed, for instance every account."

    @override
    def run(self, table: CheckedTable) -> Finding:
        if not (parts := table.failed_parts):
            return Finding(passed=True, message="every part landed")
        return Finding(passed=False, message=list_parts(parts), metadata={"failed_parts": dict(parts)})


@dataclass(frozen=True)
class RowsInTable(Check):
    """A number of rows within limits."""

    bounds: RowCount
    kind: ClassVar[str] = "row_count"

    @property
    @override
    def rule(self) -> str:
        return f"The table has {self._accepted} rows."

    @property
    def _accepted(self) -> str:
        least, most = self.bounds.min, self.bounds.max
        words = [f"at least {least:,}" if least is not None else "", f"at most {most:,}" if most is not None else ""]
        return " and ".join(filter(None, words))

    @override
    def run(self, table: CheckedTable) -> Finding:
        count = table.row_count or 0
        fits = (self.bounds.min or 0) <= count and (self.bounds.max is None or count <= self.bounds.max)
        return Finding(fits, f"{count:,} rows; accepted: {self._accepted}", {"row_count": count})


@dataclass(frozen=True)
class SchemaDrift(Check):
    """No new columns and nested tables in the last load."""

    kind: ClassVar[str] = "schema_drift"

    @property
    @override
    def rule(self) -> str:
        return "No column and no nested table that the last load did not have."

    @override
    def run(self, table: CheckedTable) -> Finding:
        is_new = set(table.columns) <= set(table.schema_changes.get(table.name, ()))
        changes = {} if is_new else {name: list(columns) for name, columns in table.schema_changes.items()}
        listed = "; ".join(f"{name}: {', '.join(columns)}" for name, columns in changes.items())
        message = f"new since the last load: {shorten(listed, 1000)}" if changes else "nothing new since the last load"
        return Finding(not changes, message, {"new_columns": changes} if changes else {})
