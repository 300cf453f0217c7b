"""Statements about the session: its transaction and its parameters."""

import re
from collections.abc import Callable

from fakesnow.statement_type import TCL

from .answers import Answer, rows_answer, status
from .errors import syntax_error
from .session import Session
from .stages import STRING, unquoted
from .statements import Statement

# Parameters accepted by ALTER SESSION besides QUERY_TAG and AUTOCOMMIT; they have no effect here.
_PARAMETERS = frozenset(
    {"QUOTED_IDENTIFIERS_IGNORE_CASE", "TIMEZONE", "STATEMENT_TIMEOUT_IN_SECONDS", "LOCK_TIMEOUT", "WEEK_START"}
    | {"TIMESTAMP_TYPE_MAPPING", "TIMESTAMP_OUTPUT_FORMAT", "DATE_OUTPUT_FORMAT", "USE_CACHED_RESULT"}
    | {"TIMESTAMP_NTZ_OUTPUT_FORMAT", "CLIENT_SESSION_KEEP_ALIVE", "BINARY_OUTPUT_FORMAT", "ABORT_DETACHED_QUERY"}
    | {"JSON_INDENT", "MULTI_STATEMENT_COUNT", "PYTHON_CONNECTOR_QUERY_RESULT_FORMAT", "TRANSACTION_ABORT_ON_ERROR"}
)
_ASSIGNMENT = re.compile(rf"\s*,?\s*(\w+)\s*=\s*({STRING}|[\w.-]+)", re.DOTALL)


def answer(session: Session, statement: Statement) -> Answer | None:
    """Returns the answer of the session, or None if the statement is not about it."""
    for pattern, handler in _FORMS:
        if found := re.fullmatch(pattern, statement.text, re.IGNORECASE | re.DOTALL):
            return handler(session, found)
    return None


def _begin(session: Session, _found: re.Match[str]) -> Answer:
    session.begin()
    return status(kind=TCL)


def _commit(session: Session, _found: re.Match[str]) -> Answer:
    session.commit()
    return status(kind=TCL)


def _rollback(session: Session, _found: re.Match[str]) -> Answer:
    session.rollback()
    return status(kind=TCL)


def _set(session: Session, found: re.Match[str]) -> Answer:
    if rest := _ASSIGNMENT.sub("", found[1]).strip():
        raise syntax_error(rest.split()[0])
    for name, value in _ASSIGNMENT.findall(found[1]):
        _set_parameter(session, name.upper(), unquoted(value))
    return status()


def _set_parameter(session: Session, name: str, value: str) -> None:
    if name == "QUERY_TAG":
        session.query_tag = value
    elif name == "AUTOCOMMIT":
        session.commit()
        session.autocommit = value.upper() == "TRUE"
    elif name not in _PARAMETERS:
        raise syntax_error(name)


def _unset(session: Session, found: re.Match[str]) -> Answer:
    for name in re.split(r"\s*,\s*", found[1].strip().upper()):
        if name == "QUERY_TAG":
            session.query_tag = ""
        elif name == "AUTOCOMMIT":
            _set_parameter(session, name, "TRUE")
        elif name not in _PARAMETERS:
            raise syntax_error(name)
    return status()


def _show_query_tag(session: Session, _found: re.Match[str]) -> Answer:
    columns = [(name, "VARCHAR") for name in ("key", "value", "default", "level", "description", "type")]
    level = "SESSION" if session.query_tag else ""
    return rows_answer(columns, [("QUERY_TAG", session.query_tag, "", level, "A text for QUERY_HISTORY", "STRING")])


_FORMS: tuple[tuple[str, Callable[[Session, re.Match[str]], Answer]], ...] = (
    (r"(?:BEGIN|START)(?:\s+(?:TRANSACTION|WORK))?(?:\s+NAME\s+\w+)?", _begin),
    (r"COMMIT(?:\s+WORK)?", _commit),
    (r"ROLLBACK(?:\s+WORK)?", _rollback),
    (r"ALTER\s+SESSION\s+SET\s+(.+)", _set),
    (r"ALTER\s+SESSION\s+UNSET\s+(.+)", _unset),
    (r"SHOW\s+PARAMETERS\s+LIKE\s+'query_tag'(?:\s+IN\s+SESSION)?", _show_query_tag),
)
