"""Sessions: their transaction and state, from login to logout."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import duckdb
from fakesnow.conn import FakeSnowflakeConnection

from .account import User
from .locks import Table, TableLocks

# Number of answers that are kept for clients that repeat a request after a broken connection.
_KEPT_ANSWERS = 64


@dataclass(eq=False)
class Session:
    """One client's session, with its own DuckDB connection."""

    number: int
    user: User
    role: str
    warehouse: str | None
    connection: FakeSnowflakeConnection
    locks: TableLocks
    query_tag: str = ""
    autocommit: bool = True
    in_transaction: bool = False
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    lock: threading.RLock = field(default_factory=threading.RLock)
    peers: set[Any] = field(default_factory=set)
    last_seen: float = field(default_factory=time.monotonic)
    # Name among DuckDB's temporary tables, by the database, schema and name of a temporary table.
    temporary: dict[tuple[str, str, str], str] = field(default_factory=dict)
    answers: OrderedDict[str, dict[str, Any]] = field(default_factory=OrderedDict)
    _steps: list[Callable[[], object]] = field(default_factory=list)
    _at_commit: list[Callable[[], object]] = field(default_factory=list)

    @property
    def duck(self) -> duckdb.DuckDBPyConnection:
        """The DuckDB connection."""
        return self.connection._duck_conn

    @property
    def database(self) -> str | None:
        """The current database, or None if the requested one does not exist."""
        return self.connection.database if self.connection.database_set else None

    @property
    def schema(self) -> str | None:
        """The current schema, or None if the requested one does not exist."""
        return self.connection.schema if self.connection.schema_set else None

    def begin(self) -> None:
        """Opens a transaction unless one is open."""
        if not self.in_transaction:
            self.duck.begin()
            self.in_transaction = True

    def commit(self) -> None:
        """Commits the transaction."""
        if not self.in_transaction:
            return
        after = self._at_commit
        try:
            self.duck.commit()
        finally:
            self._end()
        for action in after:
            action()

    def rollback(self) -> None:
        """Rolls the transaction back."""
        if self.in_transaction:
            try:
                self.duck.rollback()
            finally:
                self._end()

    def _end(self) -> None:
        self.in_transaction, self._steps, self._at_commit = False, [], []
        self.locks.release(self)

    def at_commit(self, action: Callable[[], object]) -> None:
        """Schedules an action for after the statement is committed."""
        self._at_commit.append(action)

    def write(self, step: Callable[[], Any], locked: Table | None = None) -> Any:
        """Executes one DML statement atomically, in the open transaction or its own.

        Args:
            step: Executes the statement.
            locked: Table whose rows it changes or deletes; None if it only inserts.

        Returns:
            The result of the step.
        """
        if locked:
            # Before the transaction begins, so that DuckDB sees the result of the other one.
            self.locks.acquire(self, locked)
        if self.in_transaction or not self.autocommit:
            self.begin()
            answer = self._undone_on_error(step)
            self._steps.append(step)
            return answer
        try:
            return self._retried(step)
        finally:
            self.locks.release(self)

    def alone(self, step: Callable[[], Any]) -> Any:
        """Executes a statement in its own transaction after committing the open one, as Snowflake does with DDL."""
        self.commit()
        try:
            return self._retried(step)
        finally:
            self.locks.release(self)

    def _retried(self, step: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 20
        while True:
            self.begin()
            try:
                answer = step()
                self.commit()
            except duckdb.TransactionException:
                self.rollback()
                # Snowflake waits for the lock of the other transaction; DuckDB fails at once.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            except BaseException:
                self.rollback()
                raise
            else:
                return answer

    def read(self, step: Callable[[], Any]) -> Any:
        """Executes a statement that changes nothing; if it fails, an open transaction continues."""
        return self._undone_on_error(step) if self.in_transaction else step()

    def _undone_on_error(self, step: Callable[[], Any]) -> Any:
        """Repeats the transaction without a failed statement: DuckDB aborts it, Snowflake undoes only the statement."""
        before = list(self._at_commit)
        try:
            return step()
        except Exception:
            steps = self._steps
            self.duck.rollback()
            self.duck.begin()
            for done in steps:
                done()
            self._steps, self._at_commit = steps, before
            raise

    def keep(self, request_id: str, answer: dict[str, Any]) -> None:
        """Keeps an answer for a client that repeats its request."""
        self.answers[request_id] = answer
        while len(self.answers) > _KEPT_ANSWERS:
            self.answers.popitem(last=False)

    def close(self) -> None:
        """Ends the session and rolls back its open transaction."""
        with self.lock:
            self.rollback()
            self.connection.close()
