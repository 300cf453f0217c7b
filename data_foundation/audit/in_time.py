"""Limits the time that a call may take."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Value = TypeVar("Value")


def in_time(call: Callable[[], Value], seconds: float) -> Value:
    """Returns the result of a call.

    Args:
        call: A function that waits for the warehouse.
        seconds: Maximum time to wait for it.

    Raises:
        TimeoutError: It has not ended in time; it ends later, in a thread of its own, and its result is ignored.
    """
    result: Future[Value] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            result.set_exception(error)

    # A daemon: it may still wait for a load when the process ends, and must not hold up that end.
    threading.Thread(target=run, daemon=True).start()
    try:
        return result.result(seconds)
    except TimeoutError:
        message = f"the warehouse has not answered for {seconds:g} s"
        raise TimeoutError(message) from None
