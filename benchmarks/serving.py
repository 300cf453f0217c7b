"""A server of a benchmark's own, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from benchmarks.measure import ROOT
from sandbox.process import listen

START_SECONDS = 120.0
"""How long it may take until it answers."""


@contextmanager
def serve(module: str, *arguments: str) -> Iterator[str]:
    """Yields the address of `python -m module DESCRIPTOR ARGUMENTS`, which listens on that socket, once it answers."""
    with listen() as listener:
        # The socket is open before the process is: no port to guess, and the first request waits instead of failing.
        port, descriptor = listener.getsockname()[1], listener.fileno()
        command = [sys.executable, "-m", module, str(descriptor), *arguments]
        server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, pass_fds=[descriptor])
    # It ends when its standard input does, which leaving the block closes.
    with server:
        url = f"http://127.0.0.1:{port}"
        requests.get(url, timeout=START_SECONDS).raise_for_status()
        yield url
