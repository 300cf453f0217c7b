"""Limits how long a session of PostgreSQL waits for others, and names the sessions for which it has waited."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg2

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - psycopg2 spells classes in lower case

LIMITS = {"lock_timeout": "600s", "client_connection_check_interval": "2s"}
"""Settings of a session that have no limit by default: a wait for a lock, and how soon the server notices that the
process of a load was killed, and rolls back. The second exists from PostgreSQL 14 on."""

_SET = """
    SELECT set_config(name, limits.wanted, false)
    FROM pg_settings JOIN unnest(%s, %s) AS limits (name, wanted) USING (name) WHERE setting = '0'
"""
_HOLDERS = """
    SELECT DISTINCT a.pid, a.usename, a.state, a.application_name, to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SS TZ')
    FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) LEFT JOIN pg_class AS c ON c.oid = l.relation
    WHERE l.granted AND a.datname = current_database() AND a.pid NOT IN (pg_backend_pid(), %(own)s)
    AND (position('"' || c.relname || '"' IN %(statement)s) > 0
        OR (l.locktype = 'advisory' AND position('pg_advisory' IN %(statement)s) > 0))
    ORDER BY 5
"""


def limit_waits(session: Connection) -> None:
    """Sets the limits of a session that its role, its database and its server do not set."""
    with session.cursor() as cursor:
        cursor.execute(_SET, (list(LIMITS), list(LIMITS.values())))


def describe_holders(error: psycopg2.Error) -> str:
    """Returns the sessions that hold what the failed statement waited for, for a message.

    Args:
        error: The error of a statement that waited for a lock for too long.
    """
    try:
        holders = _find_holders(error)
    except psycopg2.Error:
        holders = []  # the server refuses the session in which they are found
    listed = [
        f"session {pid} of user {user} ({', '.join(filter(None, (state, program)))}, since {since})"
        for pid, user, state, program, since in holders
    ]
    return " and ".join(listed) or "another session, which is gone now"


def _find_holders(error: psycopg2.Error) -> list[tuple[int, str, str, str, str]]:
    """Returns id, user, state, program and start of the transaction of each session."""
    if error.cursor is None:
        return []
    own = error.cursor.connection.info
    statement = bytes(error.cursor.query or b"").decode(errors="replace")
    parameters: dict[str, Any] = {**own.dsn_parameters, "password": own.password}
    with closing(psycopg2.connect(**parameters)) as session, session.cursor() as cursor:
        cursor.execute(_HOLDERS, {"own": own.backend_pid, "statement": statement})
        holders: list[tuple[int, str, str, str, str]] = cursor.fetchall()
        return holders
