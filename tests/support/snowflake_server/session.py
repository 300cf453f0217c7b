"""A session: what a login opened, its transaction, and what is true of it until it ends."""

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

# So many answers are kept for a client that asks again, after its connection broke.
_KEPT_ANSWERS = 64


@dataclass(eq=False)
class Session:
    """One client's session, on a DuckDB connection of its own."""

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
    # A temporary table's database, schema and name, and the name it has among DuckDB's temporary tables.
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
        """The current database, None where the one asked for does not exist."""
        return self.connection.database if self.connection.database_set else None

    @property
    def schema(self) -> str | None:
        """The current schema, None where the one asked for does not exist."""
        return self.connection.schema if self.connection.schema_set else None

    def begin(self) -> None:
        """Open a transaction; where one is open, it stays."""
        if not self.in_transaction:
            self.duck.begin()
            self.in_transaction = True

    def commit(self) -> None:
        """Make permanent what the transaction did."""
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
        """Undo what the transaction did."""
        if self.in_transaction:
            try:
                self.duck.rollback()
            finally:
                self._end()

    def _end(self) -> None:
        self.in_transaction, self._steps, self._at_commit = False, [], []
        self.locks.release(self)

    def at_commit(self, action: Callable[[], object]) -> None:
        """Do something once what the statement did is permanent."""
        self._at_commit.append(action)

    def write(self, step: Callable[[], Any], locked: Table | None = None) -> Any:
        """Do one DML statement, whole or not at all, in the open transaction or one of its own.

        Args:
            step: does it.
            locked: the table whose rows it changes or deletes, None where it only adds some.

        Returns:
            What the step gives.
        """
        if locked:
            # Before the transaction begins: DuckDB then shows what the other one left.
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
        """Do a statement in a transaction of its own, after the open one is committed: Snowflake does so with DDL."""
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
                # Snowflake waits for the other transaction's lock, where DuckDB gives up at once.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            except BaseException:
                self.rollback()
                raise
            else:
                return answer

    def read(self, step: Callable[[], Any]) -> Any:
        """Do a statement that changes nothing; where it fails, an open transaction lives on."""
        return self._undone_on_error(step) if self.in_transaction else step()

    def _undone_on_error(self, step: Callable[[], Any]) -> Any:
        """DuckDB aborts a transaction in which a statement fails, Snowflake undoes the statement: do the rest again."""
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
        """Remember an answer, for a client that sends the same request once more."""
        self.answers[request_id] = answer
        while len(self.answers) > _KEPT_ANSWERS:
            self.answers.popitem(last=False)

    def close(self) -> None:
        """End the session: what it had not committed is undone."""
        with self.lock:
            self.rollback()
            self.connection.close()
