"""Permissions of a session: an available warehouse, and the changes that its role may make."""

import re

from sqlglot import exp

from .account import Account
from .cursor import parse
from .errors import SqlError
from .rewrites import target_of
from .session import Session
from .stages import QUALIFIED, identifiers
from .statements import Statement


def check_warehouse(account: Account, session: Session, statement: Statement) -> None:
    """Refuses a statement that needs a warehouse if none is available."""
    if not statement.computes:
        return
    warehouse = account.warehouses.get(session.warehouse or "")
    if warehouse is None:
        raise SqlError(
            606,
            "57P03",
            "No active warehouse selected in the current session.  Select an active warehouse with the "
            "'use warehouse' command.",
        )
    if warehouse.suspended and not warehouse.auto_resume:
        raise SqlError(607, "57P03", f"Cannot execute. Warehouse '{warehouse.name}' is suspended and may not resume.")
    warehouse.suspended = False


def check_role(account: Account, session: Session, statement: Statement) -> None:
    """Refuses a statement that changes something if the role may only read."""
    if session.role not in account.read_only_roles or not (
        statement.writes or statement.is_ddl or statement.verb in {"PUT", "REMOVE", "RM"}
    ):
        return
    kind, name = _operated_on(session, statement)
    raise SqlError(3001, "42501", f"SQL access control error:\nInsufficient privileges to operate on {kind} '{name}'.")


def _operated_on(session: Session, statement: Statement) -> tuple[str, str]:
    """Returns the object of a refused statement: the schema of a CREATE, or the table of a write."""
    if statement.verb == "COPY" and (
        copied := re.match(rf"COPY\s+INTO\s+({QUALIFIED})", statement.text, re.IGNORECASE)
    ):
        return "table", identifiers(copied[1])[-1]
    if statement.verb in {"PUT", "REMOVE", "RM", "GRANT", "REVOKE", "COMMENT"}:
        return "schema", session.schema or ""
    expression = parse(statement.text)
    table = target_of(expression)
    if table is None:
        return "account", account_name(session)
    if expression.args.get("kind") == "SCHEMA":
        return "database", table.catalog.upper() or session.database or ""
    if isinstance(expression, exp.Create):
        return "schema", (table.db or session.schema or "").upper()
    return "table", table.name.upper()


def account_name(session: Session) -> str:
    """Returns the name of the session's account."""
    return session.user.name
