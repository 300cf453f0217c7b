"""The transaction of a load in a session of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg2
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient
from typing_extensions import override

from data_foundation.warehouses.fence import lock_number
from data_foundation.warehouses.one_load import OneTransaction
from data_foundation.warehouses.postgres.errors import explain_refusal

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - psycopg2 spells classes in lower case


def as_dlt_error(error: Exception) -> Exception:
    """Returns the error that names a setting or privilege to change, or dlt's class of the error."""
    return explain_refusal(error) or Psycopg2SqlClient._make_database_exception(error)  # noqa: SLF001 - see tests/upstream


class PostgresTransaction(OneTransaction):
    """A transaction of an open session; outside of it, each statement commits by itself."""

    def __init__(self, session: Connection) -> None:
        super().__init__()
        self.session = session
        # Each statement sees what was committed before it: so does the first one after a wait for a lock.
        session.set_session(isolation_level="READ COMMITTED", autocommit=False)

    @override
    def lock(self, names: Iterable[str]) -> None:
        try:
            with self.session.cursor() as cursor:
                for name in names:
                    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (lock_number(name),))
        except psycopg2.Error as error:
            raise as_dlt_error(error) from error

    @override
    def commit_session(self) -> None:
        try:
            self.session.commit()
        except psycopg2.Error as error:
            # The server may have committed all the same; the next attempt finds out in the table of loads.
            reason = as_dlt_error(error)
            self.fail(reason)
            raise reason from error

    @override
    def end(self) -> None:
        # A session that is lost was rolled back by the server.
        with suppress(psycopg2.Error):
            self.session.rollback()
            self.session.autocommit = True
