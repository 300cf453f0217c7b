"""Divides the first load of a large table into parts by ranges of a key; each part is a load of its own.

The last key of a part is stored with its rows. So a run that is killed continues after the last part that landed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dlt
import sqlalchemy as sa

from data_foundation.dlt_keys import FIRST_LOAD, REQUESTED
from data_foundation.errors import EntryError
from data_foundation.readers.sql.cursor import Cursor
from data_foundation.readers.sql.database import Database, SourceTable
from data_foundation.readers.sql.key_ranges import find_key, read_bound
from data_foundation.readers.sql.statement import from_table, named
from data_foundation.readers.sql.table_arguments import TableArguments


class FirstLoadPart:
    """The next part of a first load.

    Attributes:
        conditions: SQL conditions of its rows; none if the first load is not divided, or has ended.
        is_active: True while the first load has not ended.
    """

    def __init__(self, database: Database, table: SourceTable, resource: Any, cursor: Cursor | None) -> None:
        """Finds out whether the first load has ended.

        Args:
            database: An open connection.
            table: The table that is read.
            resource: The running dlt resource.
            cursor: Its cursor.

        Raises:
            EntryError: The resource has no cursor, or is no merge.
        """
        mode = resource.write_disposition
        disposition = mode["disposition"] if isinstance(mode, Mapping) else mode
        if cursor is None or disposition != "merge":
            message = (
                "first_load_rows: rows that change between two parts are found by `incremental` and merged; set "
                "`incremental`, `write_disposition: merge` and `primary_key`, or leave first_load_rows out"
            )
            raise EntryError(message)
        self._database, self._table, self._resource, self._cursor = database, table, resource, cursor
        self._state: dict[str, Any] = dict(dlt.current.resource_state().get("first_load") or {})
        has_begun = bool(self._state) or cursor.is_at_beginning
        self.is_active = has_begun and not self._state.get("ended") and not resource.custom_metrics.get(REQUESTED)
        self.conditions: list[Any] = []

    def begin(self, rows: int, arguments: TableArguments, conditions: list[Any]) -> None:
        """Finds the keys of the part, and stores them in dlt's state, which is committed with the rows.

        The cursor moves only with the last part, and to its greatest value before the first one: a row that changes
        after its part was read has a later value, and the next load reads it. If the table, its key, its cursor, the
        query or the filter is another one than in the part before, the first load begins anew.

        Args:
            rows: Number of rows of a part; more if several have its last key.
            arguments: Those of `get_table`; `partition_on` is the column of the key.
            conditions: SQL conditions of all rows.

        Raises:
            EntryError: The table has no key that can be divided.
            LoadError: The table has no such column.
        """
        key = find_key(self._table, arguments.partition_on, "first_load_rows")
        divided = [str(self._table), key.name, self._cursor.column.name]
        divided += [arguments.selection] if arguments.selection else []
        if self._state.get("divided") != divided:
            # Values of another key, cursor or filter do not tell which of these rows have landed.
            newest = self._cursor.read_newest(self._database, self._table, conditions)
            self._state = {"divided": divided, "cursor": newest}
        column, after = named(key), self._state.get("after")
        begun = [] if after is None else [column > sa.literal(after)]
        part = sa.select(column).select_from(from_table(self._table)).where(*conditions, *begun, column.is_not(None))
        part_keys = part.order_by(column).limit(rows).subquery()
        count, last = self._database.row(sa.select(sa.func.count(), sa.func.max(part_keys.c[key.name])))
        is_last = int(count) < rows
        self.conditions = [*begun]
        if not is_last:
            self._state["after"] = last = read_bound(last, key)
            self.conditions.append(column <= sa.literal(last))
        if after is None and key.nullable:
            self.conditions = [sa.or_(sa.and_(True, *self.conditions), column.is_(None))]  # noqa: FBT003 - SQL's TRUE
        self._state["ended"] = is_last
        dlt.current.resource_state()["first_load"] = self._state
        self._resource.custom_metrics[FIRST_LOAD] = {"is_last": is_last, "cursor": self._state["cursor"]}
