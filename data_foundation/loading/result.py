"""The result of one load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from data_foundation.checks.rules import CheckOutcome


@dataclass(frozen=True)
class FurtherTable:
    """A table that the resource's code fills in addition to its own.

    Attributes:
        rows: Rows sent to the table.
        row_count: Rows in the table after the load, None if the table does not exist.
        columns: dlt's column schemas of the table, by name.
        children: Rows of each nested table of it after the load, by table name.
        child_columns: dlt's column schemas of each nested table, by table name.
    """

    rows: int = 0
    row_count: int | None = None
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    children: Mapping[str, int] = field(default_factory=dict)
    child_columns: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)


@dataclass(frozen=True)
class LoadResult:
    """The result of one load.

    Attributes:
        destination: dataset.table.
        rows: Rows sent to the table; `all_rows` counts those of further tables too.
        row_count: Rows in the table after the load, None if the table does not exist.
        table: database.schema.table in the warehouse.
        columns: dlt's column schemas of the table, by name.
        children: Rows of each nested table after the load, by table name.
        child_columns: dlt's column schemas of each nested table, by table name.
        further: The tables that the resource's code fills in addition, by name.
        schema_changes: New columns by table; all columns of a new table.
        widened: Changes of columns that existed, in words, by table and column.
        seconds: Duration by phase.
        load_id: dlt's load id, None if nothing was loaded.
        bytes: Size of the loaded files, None if nothing was loaded.
        cursor: The cursor's stored value before and after the load.
        rows_before_cursor: Rows that the load left out because they lie before the cursor.
        rows_by_partition: Rows of each partition, if the load was a range of several; () if they are not known.
        warnings: Warnings of a load that succeeded.
        checks: Outcomes of the resource's checks.
        unchanged: True if nothing was read because the source has not changed since the last load.
        failed_parts: Reasons by part, for parts of the source that failed alone, for instance one account of many;
            the rows of the other parts were loaded.
        deleted: Rows that were deleted or marked, because their keys are not in the source any more.
        has_more_parts: True if this was a part of a first load, and not the last one.
        keys_checked: The rule of the key that all rows obey, None if it was not checked, or not passed.
        left_out: Rows of the entry that filters of `processing_steps` have left out.
    """

    destination: str
    rows: int = 0
    row_count: int | None = None
    table: str = ""
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    children: Mapping[str, int] = field(default_factory=dict)
    child_columns: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    further: Mapping[str, FurtherTable] = field(default_factory=dict)
    schema_changes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    widened: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    load_id: str | None = None
    bytes: int | None = None
    cursor: tuple[Any, Any] = (None, None)
    rows_before_cursor: int = 0
    rows_by_partition: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()
    checks: tuple[CheckOutcome, ...] = ()
    unchanged: bool = False
    failed_parts: Mapping[str, str] = field(default_factory=dict)
    deleted: int = 0
    has_more_parts: bool = False
    keys_checked: str | None = None
    left_out: int = 0

    def after(self, earlier: LoadResult) -> LoadResult:
        """Returns the result of two loads of one table, of which this is the later one.

        Args:
            earlier: The result of the load before.
        """
        phases = {**earlier.seconds, **self.seconds}
        return replace(
            self,
            rows=earlier.rows + self.rows,
            deleted=earlier.deleted + self.deleted,
            left_out=earlier.left_out + self.left_out,
            bytes=(earlier.bytes or 0) + (self.bytes or 0) or None,
            load_id=self.load_id or earlier.load_id,
            schema_changes={**self.schema_changes, **earlier.schema_changes},
            widened={**earlier.widened, **self.widened},
            seconds={name: round(earlier.seconds.get(name, 0) + self.seconds.get(name, 0), 3) for name in phases},
            cursor=(earlier.cursor[0], self.cursor[1]),
            warnings=tuple(dict.fromkeys((*earlier.warnings, *self.warnings))),
        )

    @property
    def all_rows(self) -> int:
        """Rows sent to the table and to further tables."""
        return self.rows + sum(table.rows for table in self.further.values())

    def columns_of(self, name: str) -> Mapping[str, Mapping[str, Any]]:
        """Returns the columns of one of the resource's tables, those of its own if there is no table `name`."""
        known = {**self.child_columns}
        for further, table in self.further.items():
            known |= {further: table.columns, **table.child_columns}
        return known.get(name, self.columns)

    @property
    def is_blocked(self) -> bool:
        """True if a failed check holds back the dbt models that read the table."""
        return any(check.blocks for check in self.checks)

    @property
    def changes(self) -> Mapping[str, Mapping[str, Any]]:
        """The changes of each table: names of added columns and of variants, and by name what has widened a column.

        A value of another type goes into a separate column, a variant; only a type that is declared widens a column.
        """
        changes: dict[str, dict[str, Any]] = {}
        for name, columns in self.schema_changes.items():
            known = self.columns_of(name)
            variant = [column for column in columns if known.get(column, {}).get("variant")]
            kinds = {"added": [column for column in columns if column not in variant], "variant": variant}
            changes[name] = {kind: names for kind, names in kinds.items() if names}
        for name, widened in self.widened.items():
            changes.setdefault(name, {})["widened"] = dict(widened)
        return changes

    def by_table(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Returns values of its tables, each table named dataset.table as in `sources.yaml` and the logs."""
        dataset = self.destination.partition(".")[0]
        return {f"{dataset}.{table}": value for table, value in values.items()}
