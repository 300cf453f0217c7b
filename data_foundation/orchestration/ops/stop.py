"""The stop of a running op: requested by the executor, obeyed by an op that loads or waits for dbt."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import dagster as dg

from data_foundation.loading.stop import GRACE_SECONDS, POLL_SECONDS, RunStop


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


@contextmanager
def ending(process: subprocess.Popen[bytes], name: str) -> Iterator[None]:
    """Interrupts a process when the run is stopped, and kills it if it has not ended by the end of the block.

    Args:
        process: The process, whose output the block reads.
        name: Its name in the error.

    Raises:
        dagster.Failure: The run was stopped.
        dagster.DagsterExecutionInterruptedError: The same, under an executor of Dagster.
    """
    with obeying() as stop:
        threading.Thread(target=_end_when_stopped, args=(process, stop), daemon=True).start()
        try:
            yield
        except Exception as error:
            if stop.requested_at is not None:
                message = (
                    f"stopped: {name} was interrupted; what it had built is in the warehouse, the next run builds all"
                )
                raise dg.Failure(message, allow_retries=False) from None
            if isinstance(error, subprocess.TimeoutExpired):
                # The block forwarded the interrupt of the run, and the process did not react.
                raise dg.DagsterExecutionInterruptedError from None
            raise
        finally:
            process.kill()


def _end_when_stopped(process: subprocess.Popen[bytes], stop: RunStop) -> None:
    """Interrupts the process when the stop is requested, and kills it after GRACE_SECONDS."""
    while stop.requested_at is None:
        if process.poll() is not None:
            return
        time.sleep(POLL_SECONDS)
    # dbt then cancels its statements in the warehouse; SIGTERM would only end the process.
    process.send_signal(signal.SIGINT)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
