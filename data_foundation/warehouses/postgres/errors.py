"""Translates PostgreSQL's errors into the setting or the privilege to change."""

from __future__ import annotations

import re
from collections.abc import Mapping

import psycopg2

from data_foundation.errors import WarehouseBusy, WarehouseError
from data_foundation.warehouses.postgres.lock_waits import describe_holders

_PASSING = re.compile(
    r"the database system is |too many (?:clients|connections)|remaining connection slots|terminating connection|"
    r"Temporary failure in name resolution"
)
"""Messages of a server that is starting, stopping or full; before the login psycopg2 has no error code."""

_REASON_BY_MESSAGE: Mapping[str, str] = {
    r"password authentication failed|role .* does not exist|authentication failed": (
        "POSTGRES_USER or POSTGRES_PASSWORD is wrong"
    ),
    r"role .* is not permitted to log in": "POSTGRES_USER is a role that may not log in; ALTER ROLE ... LOGIN",
    r"database .* does not exist": "POSTGRES_DATABASE is not a database of this server; create it with CREATE DATABASE",
    r"permission denied for database": (
        "POSTGRES_USER may not connect to POSTGRES_DATABASE; GRANT CONNECT ON DATABASE ... TO ..."
    ),
    r"no pg_hba.conf entry|pg_hba.conf rejects": (
        "the server's pg_hba.conf rejects POSTGRES_USER from this machine, or this POSTGRES_SSLMODE"
    ),
    r"\bSSL\b|certificate": "POSTGRES_SSLMODE requires encryption or a certificate that the server does not have",
    r"could not translate host name|could not parse": "POSTGRES_HOST is not a known host name",
}
"""The setting at fault, by the server's English message; other languages are passed on unexplained."""

_GRANTS: Mapping[str, str] = {
    r"denied for database": "GRANT CREATE ON DATABASE ... allows it to create schemas",
    r"denied for schema": "GRANT USAGE, CREATE ON SCHEMA ..., or make the role the schema's owner",
    r"must be owner|denied for (?:table|sequence|view)": (
        "only its owner may change a table; load with the role that created it, or ALTER TABLE ... OWNER TO"
    ),
    r"temporary tables": "GRANT TEMPORARY ON DATABASE ... allows it to merge",
}
_REASON_BY_SQLSTATE: Mapping[str, str] = {
    "53100": "the disk of the server is full; no row of the load was written",
    "25006": "the server is read-only; POSTGRES_HOST may be a standby",
}


def explain_connection(error: Exception, place: str) -> Exception:
    """Returns the error of a failed connection: the setting at fault, or a `ConnectionError` if a retry may help.

    Args:
        error: The error of `psycopg2.connect`.
        place: The address of the database.
    """
    message = _one_line(str(error))
    if not _PASSING.search(message):
        for words, reason in _REASON_BY_MESSAGE.items():
            if re.search(words, message):
                return WarehouseError(f"PostgreSQL refuses: {reason}. PostgreSQL's message: {message}")
        if "FATAL" in message:
            return WarehouseError(f"PostgreSQL refuses: {message}")
    return ConnectionError(f"{place} (POSTGRES_HOST, POSTGRES_PORT) cannot be reached: {message}")


def explain_refusal(error: Exception) -> WarehouseError | None:
    """Returns an error with the setting or privilege to change, None for an error of another kind.

    Args:
        error: The error of a statement.
    """
    if not isinstance(error, psycopg2.Error):
        return None
    message = _one_line(error.diag.message_primary or str(error))
    if reason := _REASON_BY_SQLSTATE.get(error.pgcode or ""):
        return WarehouseError(f"PostgreSQL refuses: {reason}. PostgreSQL's message: {message}")
    if isinstance(error, psycopg2.errors.InsufficientPrivilege):
        needed = (right for words, right in _GRANTS.items() if re.search(words, message))
        return WarehouseError(
            f"POSTGRES_USER lacks a privilege: {next(needed, 'GRANT it')}. PostgreSQL's message: {message}"
        )
    if isinstance(error, psycopg2.errors.LockNotAvailable):
        return WarehouseBusy(
            f"PostgreSQL: a table was locked for longer than lock_timeout; waits for {describe_holders(error)}. End "
            f"that session, or run again when it has ended. PostgreSQL's message: {message}"
        )
    if isinstance(error, psycopg2.errors.QueryCanceled) and "statement timeout" in message:
        reason = "a statement took longer than statement_timeout; ALTER ROLE ... SET statement_timeout = 0"
        return WarehouseError(f"PostgreSQL refuses: {reason}. PostgreSQL's message: {message}")
    return None


def _one_line(text: str) -> str:
    return " ".join(text.split())
