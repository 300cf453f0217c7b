"""Decides whether a load is to stop, because its run is or it takes too long, and whether it may still commit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from data_foundation.config.limits import Timeout
from data_foundation.errors import FoundationError, LoadStopped, TimedOut

GRACE_SECONDS = 5.0
"""Time that a load has to reach its next page or wait; after that, its thread is abandoned."""

COMMIT_SECONDS = 10.0
"""Further time that a commit has to end."""

POLL_SECONDS = 0.1
"""Interval at which a wait looks whether its load is to stop."""

_UNCERTAIN = "during its commit: the next run finds out whether its rows are in the table"


class RunStop:
    """The stop of a run: requested by the receiver of an interrupt, obeyed by all loads of the run.

    Attributes:
        requested_at: Time of the request, by the monotonic clock; None if there is none.
        is_urgent: True after a second request: no load is waited for.
    """

    def __init__(self) -> None:
        self.requested_at: float | None = None
        self.is_urgent = False

    def request(self) -> None:
        """Requests the stop; a second call makes it urgent. It takes no lock, so a signal handler may call it."""
        if self.requested_at is None:
            self.requested_at = time.monotonic()
        else:
            self.is_urgent = True

    def has_lasted(self, seconds: float) -> bool:
        """Returns True if the stop was requested at least `seconds` ago, or is urgent."""
        return self.requested_at is not None and (self.is_urgent or time.monotonic() - self.requested_at >= seconds)


class LoadWatch:
    """The state of one load between its thread and those that stop it.

    A load stops at its next page, phase or wait, up to the moment at which it begins its commit. Python cannot end a
    thread: the run gives up on a load that does not react. Whatever its thread does later, it can neither commit nor
    keep a pending load: both are decided under the same lock as giving up.

    Attributes:
        has_committed: True if the last commit has ended: that of this load, or of a pending load before it.
    """

    def __init__(self, destination: str, timeout: Timeout | None = None, stop: RunStop | None = None) -> None:
        self._destination = destination
        self._timeout = timeout or Timeout()
        self._began_at = self.now()
        self._waits_since: float | None = None
        self._stop = stop or RunStop()
        self._lock = threading.Lock()
        self._given_up: FoundationError | None = None
        self._is_committing = self._is_uncertain = False
        self._drop_kept: Callable[[], None] | None = None
        self.has_committed = False

    @property
    def is_given_up(self) -> bool:
        """True if the run has reported the end of this load, whatever its thread does."""
        return self._given_up is not None

    def check(self) -> None:
        """Continues unless the load is to stop; a load that has begun its commit ends it.

        Raises:
            LoadStopped: The run is being stopped.
            TimedOut: The load has exceeded its `timeout`.
        """
        with self._lock:
            self._check()

    def _check(self) -> None:
        if self._is_committing:
            return
        if self._given_up:
            raise self._given_up
        if self._stop.requested_at is not None:
            raise self._stopped()
        if overdue := self.find_overdue():
            raise overdue

    @contextmanager
    def extracting(self) -> Iterator[None]:
        """Limits the time to each page while the block runs."""
        self._waits_since = self.now()
        try:
            yield
        finally:
            self._waits_since = None

    def page(self) -> None:
        """Receives a page, unless the load is to stop; see `check`."""
        self.check()
        # A thread of dlt may bring one while the extraction ends.
        self._waits_since = None if self._waits_since is None else self.now()

    def find_overdue(self, grace: float = 0.0) -> TimedOut | None:
        """Returns the error of a load that exceeds its `timeout` by more than `grace` seconds, None for any other."""
        now, waits_since = self.now(), self._waits_since
        if waits_since is not None and now - waits_since > self._timeout.page + grace:
            what, key, seconds = "its source has yielded nothing for", "page", self._timeout.page
        elif now - self._began_at > self._timeout.run + grace:
            what, key, seconds = "the load has taken more than", "run", self._timeout.run
        else:
            return None
        return TimedOut(
            f"{self._destination}: {what} {seconds:g} s, and was given up{self._describe_table()}. "
            f"Set `timeout: {{{key}: ...}}` of the resource if it needs more time"
        )

    def _describe_table(self) -> str:
        """Returns what the end of this load means for its table, for a message."""
        if self._is_uncertain:
            return f" {_UNCERTAIN}"
        return f"; nothing{' more' if self.has_committed else ''} was loaded"

    def now(self) -> float:
        """Returns the time in seconds since an arbitrary start."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Waits for `seconds`.

        Raises:
            LoadStopped: The run is being stopped.
        """
        until = self.now() + seconds
        while (left := until - self.now()) > 0:
            self.check()
            time.sleep(min(left, POLL_SECONDS))

    def keep(self, keep: Callable[[], None], drop: Callable[[], None]) -> None:
        """Keeps a pending load unless this load is to stop.

        Args:
            keep: Keeps it.
            drop: Drops it again, if the load is stopped before it begins its commit.

        Raises:
            LoadStopped: The run is being stopped.
        """
        with self._lock:
            self._check()
            keep()
            self._drop_kept = drop

    @contextmanager
    def committing(self) -> Iterator[Callable[[], None]]:
        """Yields the function to call directly before the commit: it raises LoadStopped if the load is to stop."""
        try:
            yield self._begin_commit
        except BaseException:
            with self._lock:
                self._is_uncertain, self._is_committing = self._is_committing, False
            raise
        self.has_committed = True

    def _begin_commit(self) -> None:
        with self._lock:
            self._check()
            self._is_committing, self.has_committed = True, False
            # From here on only the warehouse knows whether the load has landed: the next run finds out.
            self._drop_kept = None

    def resume(self) -> None:
        """Allows the load to be stopped again, after a pending load of an earlier run or attempt has landed."""
        with self._lock:
            self._is_committing = self._is_uncertain = False
            self._drop_kept, self.has_committed = None, True

    def give_up(self, error: FoundationError | None = None) -> FoundationError | None:
        """Ends the load for its run; its thread can then change nothing.

        Args:
            error: Why; default: the run is being stopped.

        Returns:
            The error to report, None if the load has begun its commit.
        """
        with self._lock:
            if self._is_committing:
                return None
            self._given_up = error or self._stopped()
            return self._given_up

    def give_up_commit(self) -> FoundationError:
        """Ends a load for its run that has begun its commit, which can no longer be prevented."""
        with self._lock:
            landed = "after its commit: its rows are in the table, and were not checked"
            self._given_up = LoadStopped(f"stopped: {self._destination} {landed if self.has_committed else _UNCERTAIN}")
            return self._given_up

    def _stopped(self) -> LoadStopped:
        if self._drop_kept:
            # The load's own thread may be removing the same files.
            with suppress(OSError):
                self._drop_kept()
            self._drop_kept = None
        if self._is_uncertain:
            return LoadStopped(f"stopped: {self._destination} {_UNCERTAIN}")
        what = "nothing more" if self.has_committed else "nothing"
        return LoadStopped(f"stopped: {what} of {self._destination} was loaded, the next run reads it again")
