"""What PostgreSQL refuses told as the setting or the right that is at fault."""

from __future__ import annotations

import re
from collections.abc import Mapping

import psycopg2

from data_foundation.errors import WarehouseError

_PASSING = re.compile(
    r"the database system is |too many (?:clients|connections)|remaining connection slots|terminating connection|"
    r"Temporary failure in name resolution"
)
"""What a server says that is starting, stopping or full; psycopg2 has no number for what happens before the login."""

_SETTINGS: Mapping[str, str] = {
    r"password authentication failed|role .* does not exist|authentication failed": (
        "POSTGRES_USER or POSTGRES_PASSWORD is wrong"
    ),
    r"role .* is not permitted to log in": "POSTGRES_USER is a role that may not log in; ALTER ROLE ... LOGIN",
    r"database .* does not exist": "POSTGRES_DATABASE names no database of this server; CREATE DATABASE makes it",
    r"permission denied for database": (
        "POSTGRES_USER may not connect to POSTGRES_DATABASE; GRANT CONNECT ON DATABASE ... TO ..."
    ),
    r"no pg_hba.conf entry|pg_hba.conf rejects": (
        "the server's pg_hba.conf does not let POSTGRES_USER in from this machine, or not with this POSTGRES_SSLMODE"
    ),
    r"\bSSL\b|certificate": "POSTGRES_SSLMODE asks for what the server does not offer, or cannot prove",
    r"could not translate host name|could not parse": "POSTGRES_HOST names no machine",
}
"""What is wrong, by the server's words; in a language other than English the words speak for themselves."""

_RIGHTS: Mapping[str, str] = {
    r"denied for database": "GRANT CREATE ON DATABASE ... lets it make schemas",
    r"denied for schema": "GRANT USAGE, CREATE ON SCHEMA ..., or make it the schema's owner",
    r"must be owner|denied for (?:table|sequence|view)": (
        "only its owner may change a table; load with the role that made it, or ALTER TABLE ... OWNER TO"
    ),
    r"temporary tables": "GRANT TEMPORARY ON DATABASE ... lets it merge",
}
_STATES: Mapping[str, str] = {
    "53100": "its disk is full; nothing of the load was written",
    "25006": "it is read-only; POSTGRES_HOST is perhaps a standby",
}


def explain_connection(error: Exception, place: str) -> Exception:
    """Returns why there is no session: a setting that is at fault, or a `ConnectionError` where it may pass.

    Args:
        error: Of `psycopg2.connect`.
        place: What was connected to.
    """
    said = _one_line(str(error))
    if not _PASSING.search(said):
        for words, reason in _SETTINGS.items():
            if re.search(words, said):
                return WarehouseError(f"PostgreSQL refuses: {reason}. It says: {said}")
        if "FATAL" in said:
            return WarehouseError(f"PostgreSQL refuses: {said}")
    return ConnectionError(f"{place} (POSTGRES_HOST, POSTGRES_PORT) cannot be reached: {said}")


def explain_refusal(error: Exception) -> WarehouseError | None:
    """Returns what a person must change, None for an error that is about rows, statements or a passing fault.

    Args:
        error: Of a statement.
    """
    if not isinstance(error, psycopg2.Error):
        return None
    said = _one_line(error.diag.message_primary or str(error))
    if reason := _STATES.get(error.pgcode or ""):
        return WarehouseError(f"PostgreSQL refuses: {reason}. It says: {said}")
    if isinstance(error, psycopg2.errors.InsufficientPrivilege):
        needed = (right for words, right in _RIGHTS.items() if re.search(words, said))
        return WarehouseError(f"POSTGRES_USER lacks a right: {next(needed, 'GRANT it')}. PostgreSQL says: {said}")
    if isinstance(error, psycopg2.errors.QueryCanceled) and "statement timeout" in said:
        reason = "a statement took longer than statement_timeout; ALTER ROLE ... SET statement_timeout = 0"
        return WarehouseError(f"PostgreSQL refuses: {reason}. It says: {said}")
    return None


def _one_line(text: str) -> str:
    return " ".join(text.split())
