"""The state of one load, shared by all of its dlt clients; `OneTransaction` is for engines with transactional DDL."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dlt.destinations.exceptions import DatabaseTerminalException
from dlt.pipeline.exceptions import PipelineStepFailed

if TYPE_CHECKING:
    from data_foundation.warehouses.connection import Statement


class Commits:
    """What every load has, whatever its engine.

    Attributes:
        before_commit: Called directly before the load commits. If it raises an error, nothing is committed.
    """

    before_commit: Callable[[], None] = staticmethod(lambda: None)


class OneLoad(Commits):
    """A load that stops at its first error.

    Attributes:
        error: The first error of the load, None while there is none. No statement is executed after it.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None

    def fail(self, error: Exception) -> None:
        """Records why the load failed: the first error only, as later ones follow from it."""
        self.error = self.error or error

    def refuse_after_error(self) -> None:
        """Stops the load from executing more after an error.

        Raises:
            DatabaseTerminalException: The load has failed already.
        """
        if self.error:
            raise DatabaseTerminalException(self.error)

    @contextmanager
    def raising_first_error(self) -> Iterator[None]:
        """Makes the load's first error the cause of a pipeline step that fails inside the block.

        Raises:
            PipelineStepFailed: With that error as its cause, not one that was refused after it.
        """
        try:
            yield
        except PipelineStepFailed as failed:
            failed.exception = self.error or failed.exception
            raise


class OneTransaction(OneLoad, ABC):
    """A load that is one transaction of one session, tables and columns included.

    Attributes:
        changes: Statements that change rows, executed once the tables have all their columns: DuckDB adds none to a
            table whose rows the transaction has changed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[Statement] = []

    def take_changes(self) -> list[Statement]:
        """Returns the statements that are left to execute, each once."""
        taken, self.changes = self.changes, []
        return taken

    def lock(self, names: Iterable[str]) -> None:
        """Takes locks in the warehouse until the transaction ends, and waits for those that another load holds.

        Args:
            names: The locks, in the order in which they are taken.
        """

    def commit(self) -> None:
        """Commits and begins the next transaction."""
        self.before_commit()
        self.commit_session()

    @abstractmethod
    def commit_session(self) -> None:
        """Commits the session."""

    @abstractmethod
    def end(self) -> None:
        """Rolls back what is not committed."""

    @contextmanager
    def around(self) -> Iterator[None]:
        """Makes every load inside the block all or nothing.

        dlt must load with one worker: the session cannot be used by several threads at once.

        Raises:
            PipelineStepFailed: With the statement that failed first as its cause.
        """
        try:
            with self.raising_first_error():
                yield
                self.commit()
        finally:
            self.end()
