"""Translates Snowflake's errors into the setting or the privilege to change."""

from __future__ import annotations

import re
from collections.abc import Mapping

import snowflake.connector
from snowflake.connector import errorcode

from data_foundation.errors import WarehouseError

_REASON_BY_NUMBER: Mapping[int, str] = {
    390100: "SNOWFLAKE_USER or SNOWFLAKE_PASSWORD is wrong",
    390101: "SNOWFLAKE_USER or SNOWFLAKE_PASSWORD is wrong",
    390102: "the user is locked; an administrator can unlock it, or wait 15 minutes",
    390144: "SNOWFLAKE_PRIVATE_KEY_PATH is not the key of SNOWFLAKE_USER; ALTER USER ... SET RSA_PUBLIC_KEY adds it",
    390186: "SNOWFLAKE_ROLE is not granted to SNOWFLAKE_USER",
    390189: "SNOWFLAKE_ROLE is not granted to SNOWFLAKE_USER, or is not a role",
    390303: "SNOWFLAKE_TOKEN is not valid",
    390318: "SNOWFLAKE_TOKEN has expired; fetch a new one",
    390422: "a network policy blocks the address of this machine",
    606: "SNOWFLAKE_WAREHOUSE is not a virtual warehouse that SNOWFLAKE_ROLE may use",
    607: "SNOWFLAKE_WAREHOUSE is suspended and does not resume by itself; ALTER WAREHOUSE ... SET AUTO_RESUME = TRUE",
    608: "SNOWFLAKE_WAREHOUSE is suspended and cannot be resumed",
    90073: "SNOWFLAKE_WAREHOUSE is suspended by its resource monitor: its credits are used up",
    90105: "SNOWFLAKE_DATABASE is not a database that SNOWFLAKE_ROLE may use",
    3001: "SNOWFLAKE_ROLE lacks a privilege",
    3540: "SNOWFLAKE_ROLE lacks a privilege",
}
"""The setting at fault, by error number; numbers from 390000 on are of signing in."""

_REQUESTED = re.compile(r"(?:requested|specified) (database|warehouse|role|schema)\b.*does not exist or not authorized")
_UNREACHABLE = frozenset(
    {
        errorcode.ER_FAILED_TO_CONNECT_TO_DB,
        errorcode.ER_FAILED_TO_REQUEST,
        errorcode.ER_CONNECTION_TIMEOUT,
        errorcode.ER_RETRYABLE_CODE,
    }
)
"""The connector's own numbers for a login that no server answered, or only with 5xx."""


def explain_connection(error: snowflake.connector.Error, settings: Mapping[str, str]) -> Exception:
    """Returns the error of a failed login: the setting at fault, or a `ConnectionError` if a retry may help.

    Args:
        error: The error of `snowflake.connector.connect`.
        settings: The settings that it was called with.
    """
    if refusal := explain_refusal(error):
        return refusal
    if error.errno not in _UNREACHABLE:
        return error
    host = settings.get("SNOWFLAKE_HOST")
    names = "SNOWFLAKE_HOST or SNOWFLAKE_PORT" if host else "SNOWFLAKE_ACCOUNT"
    address = host or f"{settings.get('SNOWFLAKE_ACCOUNT')}.snowflakecomputing.com"
    return ConnectionError(
        f"Snowflake cannot be reached at {address}: {names} is wrong, or DNS, a firewall or a proxy is in the way. "
        f"The connector's message: {_message(error)}"
    )


def explain_refusal(error: Exception) -> WarehouseError | None:
    """Returns an error with the setting or privilege to change, None for an error of another kind.

    Args:
        error: The connector's error; its `errno` is Snowflake's own number.
    """
    if not isinstance(error, snowflake.connector.Error):
        return None
    message = _message(error)
    if reason := _REASON_BY_NUMBER.get(error.errno or 0):
        return WarehouseError(f"Snowflake refuses: {reason}. Snowflake's message: {message}")
    if found := _REQUESTED.search(message):
        named = found[1].upper()
        return WarehouseError(
            f"Snowflake refuses: SNOWFLAKE_{named} is wrong, or SNOWFLAKE_ROLE may not use it. "
            f"Snowflake's message: {message}"
        )
    if isinstance(error, (snowflake.connector.errors.ForbiddenError, snowflake.connector.errors.HttpError)):
        return WarehouseError(
            f"SNOWFLAKE_ACCOUNT is not an account that this machine can reach. Snowflake's message: {message}"
        )
    return None


def _message(error: snowflake.connector.Error) -> str:
    """Returns Snowflake's own message on one line."""
    return " ".join(str(error.raw_msg or error.msg or error).split())
