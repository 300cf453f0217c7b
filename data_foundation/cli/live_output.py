"""Keeps what is printed during a run apart from the lines of its progress."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TextIO


@contextmanager
def logs_above(former: tuple[TextIO, TextIO]) -> Iterator[None]:
    """Lets log handlers that write to the terminal write to `sys.stderr` as it is now, until the block ends.

    While progress is shown, rich prints above it what is written to `sys.stdout` and `sys.stderr`; a handler that was
    created before, such as that of dlt, would write into it.

    Args:
        former: stdout and stderr before progress was shown.
    """
    terminal = {*former, sys.__stdout__, sys.__stderr__}
    with ExitStack() as stack:
        for handler in _stream_handlers():
            if (stream := handler.stream) in terminal:
                handler.setStream(sys.stderr)
                stack.callback(handler.setStream, stream)
        yield


def _stream_handlers() -> Iterator[logging.StreamHandler[TextIO]]:
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    for logger in loggers:
        if isinstance(logger, logging.Logger):
            yield from (one for one in logger.handlers if isinstance(one, logging.StreamHandler))
