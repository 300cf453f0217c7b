"""Checks cheaply whether a table has changed since its last load: by row count and the largest value of a column."""

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
    """Compares a table's row count and largest value with those that the last load stored in dlt's state."""

    def __init__(self, database: Database, table: SourceTable, select: Any, column: str) -> None:
        """Queries the row count and the largest value.

        Args:
            database: Runs the query.
            table: The table that is read.
            select: The statement that reads the table; values of another statement are not compared.
            column: Name of the column whose largest value is compared.

        Raises:
            LoadError: The table has no such column.
        """
        probed = find_column(table, column, "skip_unchanged")
        inner = select.with_only_columns(named(probed).label("value")).order_by(None).subquery()
        count, largest = database.row(sa.select(sa.func.count(), sa.func.max(inner.c.value)).select_from(inner))
        statement = str(select.compile(compile_kwargs={"literal_binds": True}))
        self._current = {
            "statement": hashlib.sha256(statement.encode()).hexdigest(),
            "rows": int(count),
            "largest": None if largest is None else str(largest),
        }
        self._text = f"{table} has {count} rows and no {probed.name} after {largest}, as at its last load"

    def is_unchanged(self) -> bool:
        """Returns whether the values equal those of the last load; if so, logs it and adds it to the load's result."""
        if dlt.current.resource_state().get("probe") != self._current:
            return False
        dlt.current.resource_metrics()[UNCHANGED] = self._text
        logger.info("%s: no rows were read", self._text)
        return True

    def store(self) -> None:
        """Stores the values in dlt's state, which is committed together with the rows."""
        dlt.current.resource_state()["probe"] = self._current
