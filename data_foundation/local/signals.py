"""Stops the loads of a command when Ctrl-C is pressed or its process is terminated."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from data_foundation.loading.stop import COMMIT_SECONDS, GRACE_SECONDS, RunStop

SIGNALS = (signal.SIGINT, signal.SIGTERM)
MESSAGE = (
    f"\nstopping, in at most {GRACE_SECONDS + COMMIT_SECONDS:.0f} s: each load ends at its next page, and a commit "
    "that has begun is finished; a second Ctrl-C ends at once\n"
)


class SignalStop(RunStop):
    """The stop of a run that a signal requests.

    Attributes:
        exit_code: 128 and the number of the signal, as shells have it: 130 after Ctrl-C; 0 without a signal.
    """

    exit_code = 0

    def receive(self, number: int, _frame: FrameType | None) -> None:
        """Handles a signal. Not `print`, which the signal may have interrupted."""
        if not self.exit_code:
            self.exit_code = 128 + number
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, MESSAGE.encode())
        self.request()


@contextmanager
def stop_on_signals() -> Iterator[SignalStop]:
    """Yields a stop that Ctrl-C and SIGTERM request, in place of what they do, until the block ends.

    Only for the main thread, to which Python passes signals. A signal that the process ignores stays ignored.
    """
    stop = SignalStop()
    former = {number: signal.getsignal(number) for number in SIGNALS}
    former = {number: handler for number, handler in former.items() if handler is not signal.SIG_IGN}
    for number in former:
        signal.signal(number, stop.receive)
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
