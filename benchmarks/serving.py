"""The server of a benchmark, in its own process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from benchmarks.measure import ROOT
from sandbox.process import listen

START_SECONDS = 120.0
"""Seconds until the server must respond."""


@contextmanager
def serve(module: str, *arguments: str) -> Iterator[str]:
    """Yields the address of `python -m module DESCRIPTOR ARGUMENTS`, which serves on that socket, when it responds."""
    with listen() as listener:
        # The socket is open before the process starts: no port is guessed, and the first request waits.
        port, descriptor = listener.getsockname()[1], listener.fileno()
        command = [sys.executable, "-m", module, str(descriptor), *arguments]
        server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, pass_fds=[descriptor])
    # The server ends when its standard input is closed at the end of the block.
    with server:
        url = f"http://127.0.0.1:{port}"
        requests.get(url, timeout=START_SECONDS).raise_for_status()
        yield url
