"""Plays `docs/tutorial/own-api.md` as a newcomer does: with the wheel, in an empty folder."""

from __future__ import annotations

import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, find_blocks
from tests.docs.tutorial import Step
from tests.package.conftest import VERSIONS, Installation

PAGE = ROOT / "docs" / "tutorial" / "own-api.md"
PORT = "8790"
"""The port of the page's API; another program may have it here."""

LONGEST = 20 * 60
"""Seconds in which a newcomer reaches the mart."""


def play(installed: Installation, root: Path, servers: ExitStack) -> Iterator[Step]:
    """Writes the files of the page and runs its commands, in order; the environment of the wheel is the reader's."""
    port = find_port()
    blocks = list(find_blocks(PAGE))
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block.title:
            file = root / block.title
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text.replace(PORT, str(port)), encoding="utf-8")
        elif block.language == "sh":
            done = [run(line, installed, root, servers, port) for line in block.text.splitlines()]
            expected = following if following and following.language == "text" else None
            yield Step(block, "".join(text for _, text in done), tuple(code for code, _ in done), expected)


def run(line: str, installed: Installation, root: Path, servers: ExitStack, port: int) -> tuple[int, str]:
    """Runs a command of the page; returns its exit code and output."""
    match shlex.split(line):
        case ["python", "-m", "venv", _] | [_, "install", _]:
            return 0, ""  # the fixture has done it, and has measured it
        case ["python", script]:
            program = [str(installed.environment / "bin" / "python"), script]
            server = servers.enter_context(subprocess.Popen(program, cwd=root))
            servers.callback(server.terminate)
            wait_for_port(port)
            return 0, ""
        case [program, *arguments]:
            done = installed.run(Path(program).name, *arguments, cwd=root, COLUMNS="120")
            return done.returncode, done.stdout + done.stderr
        case words:
            raise ValueError(f"cannot play {words}")


def find_port() -> int:
    """Returns a port that is free now."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def wait_for_port(port: int) -> None:
    """Waits until the API of the page accepts connections."""
    for _ in range(100):
        with socket.socket() as client:
            if not client.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on {port}")


@pytest.mark.parametrize("installed", VERSIONS[:1], indirect=True)
def test_a_newcomer_reaches_a_mart_of_an_own_api(
    installed: Installation, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Each command of the page ends with 0 and prints what the page shows, and all take a part of twenty minutes."""
    root = tmp_path / "analytics"
    root.mkdir()
    started = time.monotonic()
    with ExitStack() as servers:
        steps = list(play(installed, root, servers))
    seconds = installed.seconds + time.monotonic() - started
    record_property("seconds of the commands of docs/tutorial/own-api.md", round(seconds))
    assert [(step.block.text, step.output) for step in steps if any(step.exit_codes)] == []
    assert [(step.missing_lines(), step.output) for step in steps if step.missing_lines()] == []
    assert seconds < LONGEST / 4
    shutil.rmtree(root)
