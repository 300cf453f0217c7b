"""A real `dagster dev` with a code location of this checkout, and its GraphQL API."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
START_SECONDS = 240.0
STOP_SECONDS = 30.0


def environment(home: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment of a process of a Dagster instance, with `dbt` on its path.

    Args:
        home: The instance's folder, `DAGSTER_HOME`.
        settings: The location's settings, for instance those of the sandbox.
    """
    return {**os.environ, **settings, "DAGSTER_HOME": str(home), "PATH": f"{BIN}:{os.environ['PATH']}"}


def create_home(folder: Path) -> Path:
    """Creates a `DAGSTER_HOME` below a folder, with the `dagster.yaml` that ships, and returns it."""
    home = folder / "home"
    home.mkdir(parents=True)
    shutil.copy(ROOT / "deploy" / "dagster.yaml", home)
    return home


def find_port() -> int:
    """Returns a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def serve(home: Path, settings: Mapping[str, str], root: Path = ROOT) -> Iterator[str]:
    """Runs webserver and daemon during the block.

    Args:
        home: The instance's folder.
        settings: The location's settings.
        root: The checkout that has `workspace.yaml`.

    Yields:
        The URL of the webserver, once the location is loaded.
    """
    port = find_port()
    command = [str(BIN / "dagster"), "dev", "--port", str(port)]
    server = subprocess.Popen(command, cwd=root, env=environment(home, settings), start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        # The webserver answers before the location is loaded; until then there are no assets.
        wait_until(lambda: (ask(url, "{ assetNodes { id } }") or {}).get("assetNodes"), START_SECONDS)
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # A shell makes background processes ignore SIGINT, the signal with which Dagster ends its own processes.
            os.killpg(server.pid, signal.SIGKILL)


def ask(url: str, query: str, **variables: object) -> dict[str, object] | None:
    """Returns the data of a GraphQL query, or None if the server does not answer."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(  # noqa: S310 - this machine
        f"{url}/graphql", body, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            answer: dict[str, object] = json.load(response)["data"]
            return answer
    except OSError:
        return None


def wait_until(condition: Callable[[], object], seconds: float) -> None:
    """Waits until the condition is true.

    Raises:
        TimeoutError: The condition did not become true in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing within {seconds} s")
        time.sleep(2)
