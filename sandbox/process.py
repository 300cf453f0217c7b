"""The sandbox as a process beside another program: started, waited for, stopped."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
START_TIMEOUT = 30.0
"""Seconds until a start is considered failed."""


def listen(port: int = 0) -> socket.socket:
    """Return a listening socket on this machine only; port 0 chooses a free port."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    return listener


def exit_with_parent() -> None:
    """End this process when standard input closes, which happens however the parent ends."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def serve_in_background(environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run a real server in a process of its own during the block.

    Args:
        environment: Variables for the server in addition to those of this process, for example `SANDBOX_FAULT`.

    Yields:
        The server's URL, once it is healthy.

    Raises:
        RuntimeError: The server does not become healthy.
    """
    # The socket is open before the process starts, so the port is known, and the first request waits instead of
    # failing.
    with listen() as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "serve", "--fd", str(listener.fileno())],
            cwd=REPOSITORY,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            # Ctrl-C is for the foreground program; the server ends after it.
            start_new_session=True,
        )
    try:
        _wait_until_healthy(url, process)
        yield url
    finally:
        if process.stdin:
            process.stdin.close()
        process.wait()


def _wait_until_healthy(url: str, process: "subprocess.Popen[bytes]") -> None:
    # urllib would use a proxy that the environment may set.
    connection = HTTPConnection(url.removeprefix("http://"), timeout=START_TIMEOUT)
    try:
        connection.request("GET", "/_health")
        connection.getresponse().read()
    except (OSError, HTTPException) as error:
        raise RuntimeError(f"the sandbox did not start (exit code {process.poll()}); see its output above") from error
