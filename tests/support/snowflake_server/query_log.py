"""The log of statements, which tests read and ACCOUNT_USAGE.QUERY_HISTORY shows."""

import datetime as dt
import threading
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any

import duckdb

from .errors import SqlError
from .session import Session

HISTORY = "SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY"
CREATE_ACCOUNT_USAGE = """
    CREATE SCHEMA SNOWFLAKE.ACCOUNT_USAGE;
    CREATE TABLE SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY (
        QUERY_ID VARCHAR, QUERY_TEXT VARCHAR, QUERY_TYPE VARCHAR, QUERY_TAG VARCHAR, SESSION_ID BIGINT,
        USER_NAME VARCHAR, ROLE_NAME VARCHAR, WAREHOUSE_NAME VARCHAR, DATABASE_NAME VARCHAR, SCHEMA_NAME VARCHAR,
        EXECUTION_STATUS VARCHAR, ERROR_CODE VARCHAR, ERROR_MESSAGE VARCHAR, START_TIME TIMESTAMPTZ,
        END_TIME TIMESTAMPTZ, TOTAL_ELAPSED_TIME BIGINT, EXECUTION_TIME BIGINT, BYTES_SCANNED BIGINT,
        BYTES_WRITTEN BIGINT, ROWS_PRODUCED BIGINT,
        CREDITS_USED_CLOUD_SERVICES DOUBLE
    );
    CREATE TABLE SNOWFLAKE.ACCOUNT_USAGE.WAREHOUSE_METERING_HISTORY (
        START_TIME TIMESTAMPTZ, END_TIME TIMESTAMPTZ, WAREHOUSE_ID BIGINT, WAREHOUSE_NAME VARCHAR, CREDITS_USED DOUBLE,
        CREDITS_USED_COMPUTE DOUBLE, CREDITS_USED_CLOUD_SERVICES DOUBLE
    );
"""


@dataclass
class Entry:
    """One statement, with the state of its session at that time."""

    sql: str
    kind: str
    session_id: int
    user: str
    role: str
    warehouse: str | None
    query_tag: str
    database: str | None
    schema: str | None
    query_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    start_time: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    end_time: dt.datetime | None = None
    status: str = "RUNNING"
    error_code: str | None = None
    error_message: str | None = None
    rows: int = 0

    def finish(self, rows: int) -> None:
        """Marks the statement as executed."""
        self.end_time, self.status, self.rows = dt.datetime.now(dt.UTC), "SUCCESS", rows

    def fail(self, error: SqlError) -> None:
        """Marks the statement as failed."""
        self.end_time, self.status = dt.datetime.now(dt.UTC), "FAIL"
        self.error_code, self.error_message = f"{error.errno:06d}", error.message

    def as_json(self) -> dict[str, Any]:
        """Returns the entry, with times as text."""
        fields = asdict(self)
        fields["start_time"] = self.start_time.isoformat()
        fields["end_time"] = self.end_time and self.end_time.isoformat()
        return fields


class QueryLog:
    """All statements since the server started, oldest first."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._lock = threading.Lock()

    def begin(self, session: Session, sql: str, kind: str) -> Entry:
        """Records a new statement."""
        entry = Entry(
            sql=sql,
            kind=kind,
            session_id=session.number,
            user=session.user.name,
            role=session.role,
            warehouse=session.warehouse,
            query_tag=session.query_tag,
            database=session.database,
            schema=session.schema,
        )
        with self._lock:
            self._entries.append(entry)
        return entry

    def entries(self) -> list[Entry]:
        """Returns all statements so far."""
        with self._lock:
            return list(self._entries)

    def clear(self) -> None:
        """Removes all entries."""
        with self._lock:
            self._entries.clear()

    def fill_history(self, duck: duckdb.DuckDBPyConnection) -> None:
        """Updates QUERY_HISTORY, in its own transaction."""
        with self._lock, duck.cursor() as cursor:
            (known,) = cursor.execute(f"SELECT count(*) FROM {HISTORY}").fetchall()[0]
            finished = [entry for entry in self._entries if entry.end_time]
            rows = [_history_row(entry) for entry in finished[known:]]
            if rows:
                cursor.executemany(f"INSERT INTO {HISTORY} VALUES ({', '.join('?' * len(rows[0]))})", rows)


def _history_row(entry: Entry) -> tuple[Any, ...]:
    end = entry.end_time or entry.start_time
    elapsed = int((end - entry.start_time).total_seconds() * 1000)
    return (
        entry.query_id,
        entry.sql,
        entry.kind,
        entry.query_tag,
        entry.session_id,
        entry.user,
        entry.role,
        entry.warehouse,
        entry.database,
        entry.schema,
        entry.status,
        entry.error_code,
        entry.error_message,
        entry.start_time,
        end,
        elapsed,
        elapsed,
        0,
        0,
        entry.rows,
        elapsed / 3_600_000,
    )
