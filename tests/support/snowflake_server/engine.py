"""The account and its data: sessions are opened and closed, and statements are executed in turn."""

import logging
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import duckdb
import fakesnow.arrow
import pyarrow as pa
import pyarrow.compute as pc
import snowflake.connector.errors
from fakesnow.instance import FakeSnow
from sqlglot.errors import SqlglotError

from . import account_statements, cursor, session_statements, stages, tables
from .account import Account, User
from .answers import Answer
from .copying import copy_into
from .errors import CutConnectionError, SqlError, from_duckdb
from .faults import Fault, Faults
from .locks import TableLocks
from .permissions import check_role, check_warehouse
from .query_log import CREATE_ACCOUNT_USAGE, QueryLog
from .session import Session
from .statements import Statement, read

# A client that has been disconnected for this long does not resume its transaction.
_GRACE_SECONDS = 3.0
_KEPT_RESULTS = 50
_LOGGER = logging.getLogger(__name__)
_timestamps_to_struct = fakesnow.arrow.timestamp_to_sf_struct


def _timestamps_with_nulls(timestamps: Any) -> pa.Array:
    """Keeps nulls: fakesnow 0.12.1 sends a null timestamp as 1970-01-01."""
    struct = _timestamps_to_struct(timestamps)
    if not timestamps.null_count:
        return struct
    combined = timestamps.combine_chunks() if isinstance(timestamps, pa.ChunkedArray) else timestamps
    fields = [struct.type.field(index) for index in range(struct.type.num_fields)]
    children = [pc.fill_null(struct.field(index), 0) for index in range(len(fields))]
    return pa.StructArray.from_arrays(children, fields=fields, mask=pc.is_null(combined))


fakesnow.arrow.timestamp_to_sf_struct = _timestamps_with_nulls


@dataclass
class Engine:
    """The account, its sessions, its staged files and its log."""

    account: Account
    faults: Faults = field(default_factory=Faults)
    log: QueryLog = field(default_factory=QueryLog)
    files: stages.StagedFiles = field(default_factory=stages.StagedFiles)
    sessions: dict[str, Session] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Creates the databases that every account has."""
        self._lock = threading.Lock()
        self.locks = TableLocks()
        self._sessions_so_far = 0
        self.fake = FakeSnow(create_database_on_connect=False, create_schema_on_connect=False)
        connection = self.fake.connect()
        connection.cursor().execute("CREATE DATABASE SNOWFLAKE")
        connection._duck_conn.execute(CREATE_ACCOUNT_USAGE)
        connection.close()

    def open(self, user: User, role: str, warehouse: str | None, database: str | None, schema: str | None) -> Session:
        """Opens a session; a database, schema or warehouse that does not exist is not selected."""
        if schema:
            *before, schema = stages.identifiers(schema)
            database = before[-1] if before else database
        with self._lock:
            name = stages.identifiers(database)[-1] if database else None
            connection = self.fake.connect(name, schema)
            self._sessions_so_far += 1
            number = self._sessions_so_far
        wanted = stages.identifiers(warehouse or user.default_warehouse or "")
        selected = wanted[-1] if wanted and wanted[-1] in self.account.warehouses else None
        session = Session(number, user, role, selected, connection, self.locks)
        self.sessions[session.token] = session
        return session

    def close(self, session: Session) -> None:
        """Ends a session."""
        self.sessions.pop(session.token, None)
        session.close()

    def roll_back_deserted(self) -> None:
        """Rolls back the transactions of disconnected clients: a killed client does not close its session."""
        for session in list(self.sessions.values()):
            gone = not session.peers and time.monotonic() - session.last_seen > _GRACE_SECONDS
            if gone and session.in_transaction and session.lock.acquire(blocking=False):
                try:
                    session.rollback()
                finally:
                    session.lock.release()

    def execute(self, session: Session, sql: str, bindings: Any, url: str) -> tuple[str, Answer]:
        """Executes one statement; returns its query id and its answer.

        Raises:
            SqlError: Snowflake would refuse the statement, or a fault applies.
            CutConnectionError: A fault cuts the connection.
        """
        statement = read(sql)
        entry = self.log.begin(session, sql, statement.kind)
        try:
            fault = self.faults.meet(sql)
            if fault:
                self._before(session, fault)
            answer = self._translated(session, statement, bindings, url)
        except SqlError as error:
            entry.fail(error)
            raise
        except CutConnectionError:
            entry.fail(SqlError(0, "", "cut before it was executed"))
            raise
        entry.finish(answer.rows)
        if fault and fault.fault == "reset_after":
            raise CutConnectionError((entry.query_id, answer))
        return entry.query_id, answer

    def _before(self, session: Session, fault: Fault) -> None:
        if fault.fault == "kill_session":
            self.close(session)
            raise SqlError(390111, "08001", "Session no longer exists.  New login required to access the service.")
        fault.raise_before()

    def _translated(self, session: Session, statement: Statement, bindings: Any, url: str) -> Answer:
        """Returns the answer; every failure becomes a SQL error, because clients retry an HTTP 500 forever."""
        try:
            return self._dispatched(session, statement, bindings, url)
        except SqlError:
            raise
        except duckdb.Error as error:
            raise from_duckdb(error) from error
        except snowflake.connector.errors.Error as error:
            if isinstance(error.__cause__, duckdb.Error):
                raise from_duckdb(error.__cause__) from error
            raise SqlError(error.errno or 603, error.sqlstate or "XX000", str(error.raw_msg or error.msg)) from error
        except SqlglotError as error:
            raise SqlError(1003, "42000", f"SQL compilation error:\n{error}") from error
        except Exception as error:
            _LOGGER.exception("Unsupported: %s", statement.text)
            words = f"unsupported by the server of the tests: {type(error).__name__}: {error}"
            raise SqlError(603, "XX000", words) from error

    def _dispatched(self, session: Session, statement: Statement, bindings: Any, url: str) -> Answer:
        check_role(self.account, session, statement)
        check_warehouse(self.account, session, statement)
        if statement.is_ddl:
            session.commit()
        if answer := account_statements.answer(self.account, session, statement):
            return answer
        if answer := session_statements.answer(session, statement):
            return answer
        if answer := self._staged(session, statement, url):
            return answer
        if re.search(r"\bACCOUNT_USAGE\b", statement.text, re.IGNORECASE):
            self.log.fill_history(session.duck)
        try:
            return tables.execute(session, self.files, statement, bindings)
        finally:
            self._trim_results()

    def _staged(self, session: Session, statement: Statement, url: str) -> Answer | None:
        match statement.words:
            case ("COPY", *_):
                return copy_into(session, self.files, statement.text, lambda e: cursor.to_duck(session, e))
            case ("PUT", *_):
                return stages.put(session, self.files, statement.text, url)
            case ("REMOVE" | "RM", *_):
                return stages.remove(session, self.files, statement.text)
            case ("LIST" | "LS", *_):
                return stages.listing(session, self.files, statement.text)
            case ("DROP", "STAGE", *_):
                return stages.drop_stage(session, self.files, statement.text)
        return None

    def _trim_results(self) -> None:
        """Removes old results: fakesnow keeps all of them for RESULT_SCAN, which needs only the last ones."""
        with self._lock:
            cache = self.fake.results_cache
            for query_id in list(cache)[:-_KEPT_RESULTS]:
                del cache[query_id]
