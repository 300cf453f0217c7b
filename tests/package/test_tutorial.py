"""Plays `docs/tutorial/own-api.md` as a newcomer does: with the wheel, in an empty folder."""

from __future__ import annotations

import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.pages import ROOT, Block, find_blocks
from tests.docs.tutorial import Step
from tests.package.conftest import Installation
from tests.support.servers import serve_snowflake

PAGE = ROOT / "docs" / "tutorial" / "own-api.md"
PORT = "8790"
"""The port of the page's API; another program may have it here."""

LONGEST = 20 * 60
"""Seconds in which a newcomer reaches the mart."""

LONGEST_ON_SNOWFLAKE = 30 * 60
"""Seconds in which the newcomer has it on Snowflake too."""


SNOWFLAKE = "## The same on Snowflake"
"""The heading of the last part, which needs an account."""


@dataclass
class Newcomer:
    """A reader of the page, with the wheel and an empty folder.

    Attributes:
        installed: The environment of the wheel, which is the reader's.
        root: The folder.
        servers: Stops the reader's servers.
        port: The port of the page's API.
        settings: Settings of the environment, which win over those of the page.
    """

    installed: Installation
    root: Path
    servers: ExitStack
    port: int
    settings: dict[str, str] = field(default_factory=dict)

    def play(self, blocks: Sequence[Block]) -> list[Step]:
        """Writes the files that blocks show and runs their commands, in order; returns the result of each block."""
        steps = []
        for block, following in zip(blocks, [*blocks[1:], None], strict=True):
            if block.title:
                file = self.root / block.title
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text.replace(PORT, str(self.port)), encoding="utf-8")
            elif block.language == "sh":
                done = [self.run(line) for line in block.text.splitlines()]
                expected = following if following and following.language == "text" else None
                steps.append(Step(block, "".join(text for _, text in done), tuple(code for code, _ in done), expected))
        return steps

    def run(self, line: str) -> tuple[int, str]:
        """Runs a command of the page; returns its exit code and output."""
        match shlex.split(line):
            case ["python", "-m", "venv", _] | [_, "install", _]:
                return 0, ""  # the fixture or the test has done it, and has measured it
            case ["python", script]:
                program = [str(self.installed.environment / "bin" / "python"), script]
                server = self.servers.enter_context(subprocess.Popen(program, cwd=self.root))
                self.servers.callback(server.terminate)
                wait_for_port(self.port)
                return 0, ""
            case [program, *arguments]:
                name = Path(program).name
                done = self.installed.run(name, *arguments, cwd=self.root, COLUMNS="120", **self.settings)
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


def find_parts() -> tuple[list[Block], list[Block]]:
    """Returns the blocks of the page before and after the heading of Snowflake."""
    line = PAGE.read_text(encoding="utf-8").splitlines().index(SNOWFLAKE)
    blocks = list(find_blocks(PAGE))
    return [block for block in blocks if block.line < line], [block for block in blocks if block.line > line]


def test_a_newcomer_reaches_a_mart_of_an_own_api(
    installed: Installation,
    with_snowflake: Installation,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """Each command of the page ends with 0 and prints what it shows, in a part of 20 minutes; on Snowflake of 30."""
    root = tmp_path / "analytics"
    root.mkdir()
    first, second = find_parts()
    with ExitStack() as servers:
        reader = Newcomer(installed, root, servers, find_port())
        started = time.monotonic()
        steps = reader.play(first)
        seconds = installed.seconds + time.monotonic() - started
        server = servers.enter_context(serve_snowflake())
        started = time.monotonic()
        reader.installed, reader.settings = with_snowflake, server.environment()
        steps += reader.play(second)
        on_snowflake = with_snowflake.seconds + time.monotonic() - started
    record_property("seconds of docs/tutorial/own-api.md", round(seconds))
    record_property("seconds of its part on Snowflake", round(on_snowflake))
    assert [(step.block.text, step.output) for step in steps if any(step.exit_codes)] == []
    assert [(step.missing_lines(), step.output) for step in steps if step.missing_lines()] == []
    assert seconds < LONGEST / 4
    assert seconds + on_snowflake < LONGEST_ON_SNOWFLAKE / 4
    shutil.rmtree(root)
