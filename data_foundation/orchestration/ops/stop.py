"""The stop of a running op: requested by the executor, obeyed by an op that loads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from data_foundation.loading.stop import RunStop


class OpStop(RunStop):
    """The stop of one op.

    Attributes:
        is_obeyed: True while the op ends by itself after a request, so that its thread need not be interrupted.
    """

    is_obeyed = False


op_stop: ContextVar[OpStop | None] = ContextVar("op_stop", default=None)
"""The stop of the op that runs in this thread; None under another executor, which interrupts the thread."""


@contextmanager
def obeying() -> Iterator[RunStop]:
    """Yields the stop of this thread's op, which the block obeys."""
    stop = op_stop.get() or OpStop()
    stop.is_obeyed = True
    try:
        yield stop
    finally:
        stop.is_obeyed = False
