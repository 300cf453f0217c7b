"""Executes the statements of a load in its one session of DuckDB; DuckLake's loads have one too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
from dlt.destinations.sql_client import raise_database_error
from typing_extensions import override

from data_foundation.warehouses.one_load import OneTransaction
from data_foundation.warehouses.transactional_destination import SharedSessionSqlClient


class SharedDuckDBSession(SharedSessionSqlClient):
    """A SQL client in the transaction of the current load. A subclass names it before the class of dlt's client.

    Attributes:
        load: The load.
    """

    load: OneTransaction

    @contextmanager
    @raise_database_error
    @override
    def execute_query(self, query: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        self.load.refuse_after_error()
        try:
            # dlt's own would roll back after a statement that fails, and commit each of those that follow.
            values = args or kwargs or None
            executed: Any = self._conn.execute(query.replace("%s", "?") if values else query, values)
            yield self.cursor_impl(executed)
        except duckdb.CatalogException:
            # dlt probes for tables that may not exist; the transaction stays valid.
            raise
        except duckdb.Error as error:
            self.load.fail(self._make_database_exception(error))
            raise
