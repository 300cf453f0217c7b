"""One dlt load as one transaction, in an engine where everything can be part of one, tables and columns included."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from dlt.destinations.exceptions import DatabaseTerminalException
from dlt.pipeline.exceptions import PipelineStepFailed


class OneTransaction(ABC):
    """The transaction that every client of one load shares.

    Attributes:
        error: What the first failed statement said; nothing more is executed after it.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None

    @abstractmethod
    def commit(self) -> None:
        """Makes all that was done so far visible, at once; what follows is the next transaction."""

    @abstractmethod
    def end(self) -> None:
        """Undoes what was not committed."""

    def refuse_after_error(self) -> None:
        """Keeps a load that has failed from going on.

        Raises:
            DatabaseTerminalException: A statement has failed before.
        """
        if self.error:
            raise DatabaseTerminalException(self.error)

    def failed(self, error: Exception) -> None:
        """Remembers why the load has failed: the first reason, not what follows from it."""
        self.error = self.error or error

    @contextmanager
    def around(self) -> Iterator[None]:
        """Makes every load inside the block all or nothing.

        dlt must load with one worker: the session is not for several threads at once.

        Raises:
            PipelineStepFailed: With the statement that failed as its cause, not those that were refused after it.
        """
        try:
            yield
            self.commit()
        except PipelineStepFailed as failed:
            failed.exception = self.error or failed.exception
            raise
        finally:
            self.end()
