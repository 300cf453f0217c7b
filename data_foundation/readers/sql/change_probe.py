"""The cheap look whether a table has changed since it was loaded: its number of rows, and the largest of one column."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

import dlt
import sqlalchemy as sa

from data_foundation.dlt_keys import UNCHANGED
from data_foundation.readers.sql.database import Database, SourceTable
from data_foundation.readers.sql.statement import find_column, named

logger = logging.getLogger(__name__)


class ChangeProbe:
    """What a table looked like before this run reads it, beside what the last one noted in dlt's state."""

    def __init__(self, database: Database, table: SourceTable, select: Any, column: str) -> None:
        """Looks at the table.

        Args:
            database: Runs the query.
            table: What is read.
            select: The statement that reads it; only what the same statement found is compared.
            column: Whose largest value tells, with the number of rows, whether something changed.

        Raises:
            LoadError: There is no such column.
        """
        found = find_column(table, column, "skip_unchanged")
        inner = select.with_only_columns(named(found).label("seen")).order_by(None).subquery()
        count, largest = database.row(sa.select(sa.func.count(), sa.func.max(inner.c.seen)).select_from(inner))
        statement = str(select.compile(compile_kwargs={"literal_binds": True}))
        self._seen = {
            "statement": hashlib.sha256(statement.encode()).hexdigest(),
            "rows": int(count),
            "largest": None if largest is None else str(largest),
        }
        self._text = f"{table} has {count} rows and no {found.name} after {largest}, as when it was loaded"

    def is_unchanged(self) -> bool:
        """Tells whether the table is as it was when it was loaded, and says so."""
        if dlt.current.resource_state().get("probe") != self._seen:
            return False
        dlt.current.resource_metrics()[UNCHANGED] = self._text
        logger.info("%s: nothing was read", self._text)
        return True

    def note(self) -> None:
        """Notes what the table looked like in dlt's state, which is stored with the rows or not at all."""
        dlt.current.resource_state()["probe"] = self._seen
