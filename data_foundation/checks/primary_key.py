"""The check of a table's key: of the rows that came in since it last passed, or of every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from data_foundation.checks.rules import Check, CheckedTable, Finding

LOAD_ID = "_dlt_load_id"
"""The column with the id of the load that wrote a row. Ids are texts of equal length, in the order of the commits."""


@dataclass(frozen=True)
class PrimaryKey(Check):
    """Unique keys, and no row without a key.

    A load can break the rule only by its own rows. So after a load only the rows with their keys are compared: the cost
    follows what is loaded. A load that failed the check counts as unchecked until a later check passes.
    """

    columns: Sequence[str]
    current_only: bool
    kind: ClassVar[str] = "primary_key"

    @property
    @override
    def rule(self) -> str:
        among = " among the rows that hold now" if self.current_only else ""
        covered = "A load checks the keys of its own rows; run alone, the check reads every row."
        return f"{', '.join(self.columns)}: unique and never empty{among}. {covered}"

    @property
    def mark(self) -> str:
        """The rule as the audit trail names it: what was checked for another rule has to be checked again."""
        return f"{', '.join(self.columns)}{' of current rows' if self.current_only else ''}"

    @override
    def run(self, table: CheckedTable) -> Finding:
        if (finding := table.find_without_query(self.columns)) is not None:
            return finding
        checked = table.loads.checked if LOAD_ID in table.columns else None
        if checked is None or 2 * (table.rows or 0) >= (table.row_count or 0):
            return self._check_all(table)
        if checked == table.loads.newest:
            message = f"no rows came in after load {checked}, up to which all keys were checked"
            return Finding(passed=True, message=message, metadata={"rows_checked": 0})
        return self._check_since(table, checked)

    def _check_all(self, table: CheckedTable) -> Finding:
        where = f" WHERE {self._current(table)}" if self.current_only else ""
        query = (
            f'SELECT SUM(CASE WHEN {self._empty(table)} THEN "number of rows" ELSE 0 END), '  # noqa: S608 - names are quoted
            f'SUM(CASE WHEN {self._empty(table)} THEN 0 ELSE "number of rows" - 1 END), SUM("number of rows") '
            f'FROM (SELECT {self._keys(table)}, COUNT(*) AS "number of rows" FROM {table.quoted}{where} '
            f'GROUP BY {self._keys(table)}) AS "keys"'
        )
        without, repeated, rows = (int(count or 0) for count in table.query(query)[0])
        return _finding(without, repeated, rows, f"all {rows:,} {self._rows}")

    def _check_since(self, table: CheckedTable, checked: str) -> Finding:
        """Compares the rows that came in after the load `checked`, and those with the same keys."""
        keys, current = self._keys(table), f" AND {self._current(table)}" if self.current_only else ""
        loaded = f"FROM {table.quoted} WHERE {table.quote(LOAD_ID)} > %s{current}"
        same = " AND ".join(f'"rows".{name} = "loaded".{name}' for name in map(table.quote, self.columns))
        of_rows = ", ".join(f'"rows".{table.quote(name)}' for name in self.columns)
        where = f' WHERE "rows".{self._current(table)}' if self.current_only else ""
        # A join on distinct keys: every engine then reads of the other rows only the keys, or their index.
        repeated_query = (
            f'SELECT SUM("number of rows" - 1) FROM (SELECT COUNT(*) AS "number of rows" FROM {table.quoted} AS "rows" '  # noqa: S608 - names are quoted
            f'JOIN (SELECT DISTINCT {keys} {loaded}) AS "loaded" ON {same}{where} GROUP BY {of_rows}) AS "keys"'
        )
        query = f"SELECT SUM(CASE WHEN {self._empty(table)} THEN 1 ELSE 0 END), ({repeated_query}), COUNT(*) {loaded}"
        without, repeated, rows = (int(count or 0) for count in table.query(query, checked, checked)[0])
        return _finding(without, repeated, rows, f"the keys of {rows:,} {self._rows} that came in after load {checked}")

    @property
    def _rows(self) -> str:
        return "current rows" if self.current_only else "rows"

    def _keys(self, table: CheckedTable) -> str:
        return ", ".join(map(table.quote, self.columns))

    def _empty(self, table: CheckedTable) -> str:
        return " OR ".join(f"{table.quote(name)} IS NULL" for name in self.columns)

    @staticmethod
    def _current(table: CheckedTable) -> str:
        # dlt leaves the end of a row's current version empty.
        return f"{table.quote('_dlt_valid_to')} IS NULL"


def _finding(without: int, repeated: int, rows: int, checked: str) -> Finding:
    message = f"{without:,} rows without a key, {repeated:,} with a key that another row has; checked: {checked}"
    metadata = {"rows_without_key": without, "rows_with_a_key_of_another": repeated, "rows_checked": rows}
    return Finding(not (without or repeated), message, metadata)
