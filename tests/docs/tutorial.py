"""Plays a tutorial: writes the files that a page shows, and runs its commands, in a separate checkout."""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner

import sandbox
from data_foundation.cli.main import app
from tests.docs.commands import split_line
from tests.docs.pages import ROOT, Block, find_blocks

FOLDERS = ("dlthub", "dbt_project", ".dlt")
FILES = ("definitions.py", "workspace.yaml")
VARYING = (
    r"\d+\.\d(?= +│)",  # seconds
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",  # when a load started
    r"(?<=127\.0\.0\.1:)\d+",  # the port of the sandbox
    r"(?<=│ )[0-9a-f]{8}(?= │)",  # the start of a run's id
    r"(?<=load )\d{10}\.\d+",  # the id of a load
)
SHIPPED_MODELS = ("intermediate", "marts", "staging")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "target", "logs", ".user.yml", "secrets.toml")


@dataclass(frozen=True)
class Step:
    """A block of commands that was run.

    Attributes:
        block: The commands.
        output: Their output.
        exit_codes: One for each command.
        expected: The block of output below, or None.
    """

    block: Block
    output: str
    exit_codes: tuple[int, ...]
    expected: Block | None

    def missing_lines(self) -> list[str]:
        """Returns the lines of the expected output that were not printed, or not in this order."""
        printed = iter([_normalised(line) for line in self.output.splitlines()])
        expected = [_normalised(line) for line in self.expected.text.splitlines()] if self.expected else []
        return [line for line in expected if line and line not in printed]


def _normalised(line: str) -> str:
    """Returns a line without the parts that differ between runs: durations, times, ports, ids and column widths."""
    for pattern in VARYING:
        line = re.sub(pattern, "<varies>", line)
    return " ".join(line.split())


@dataclass
class Player:
    """A checkout in which pages are played, one after the other.

    Attributes:
        root: The checkout, also the current folder.
        patch: Sets the environment of the commands.
        sandboxes: Stops the running sandbox, if there is one.
        sandbox_url: Of the running sandbox.
    """

    root: Path
    patch: pytest.MonkeyPatch
    sandboxes: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    sandbox_url: str = ""

    def play(self, page: Path) -> Iterator[Step]:
        """Writes the files of a page and runs its commands, in order; yields the result of each block of commands."""
        blocks = list(find_blocks(page))
        for block, following in zip(blocks, [*blocks[1:], None], strict=True):
            if block.title:
                file = self.root / block.title
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text, encoding="utf-8")
            elif block.language == "sh":
                ran = [self.run(line) for line in block.text.splitlines()]
                expected = following if following and following.language == "text" else None
                yield Step(block, "".join(text for _, text in ran), tuple(code for code, _ in ran), expected)

    def run(self, line: str) -> tuple[int, str]:
        """Runs a command; returns its exit code and output.

        Raises:
            ValueError: The tutorial has a command that cannot be played.
        """
        variables, words = split_line(line)
        match words:
            case ["foundation", *arguments]:
                done = CliRunner().invoke(app, arguments)
                return done.exit_code, done.output
            case ["make", "new-source", name]:
                return self.run(f"foundation new {name.removeprefix('NAME=')}")
            case ["make", "dev"]:
                return 0, ""  # Pictures are taken of it; tests/ui tests it.
            case ["python", "-m", "sandbox", "serve"]:
                self.start_sandbox(variables)
                return 0, ""
            case ["python" | "pytest", *_]:
                return self.start(words)
            case _:
                raise ValueError(f"cannot play {shlex.join(words)}")

    def start(self, words: Sequence[str]) -> tuple[int, str]:
        """Runs a program of this environment in a process of its own; returns its exit code and output."""
        command = [str(Path(sys.executable).parent / words[0]), *words[1:]]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def start_sandbox(self, variables: Mapping[str, str]) -> None:
        """Starts the sandbox on a free port, and stops the one that is running."""
        self.sandboxes.close()
        self.sandbox_url = self.sandboxes.enter_context(sandbox.serve_in_background(variables))
        self.patch.setenv("SOURCES__SHOP__BASE_URL", f"{self.sandbox_url}/shop")


def copy_checkout(root: Path) -> None:
    """Copies what a code location of this checkout consists of, without generated files."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, root / name, ignore=LEFT_OUT)
    for name in FILES:
        shutil.copy(ROOT / name, root)


@contextlib.contextmanager
def open_player(root: Path) -> Iterator[Player]:
    """Yields a player in a copy of this checkout.

    Generated files are left out, and so are the models that ship: no page builds them, and dbt would parse them all.
    """
    copy_checkout(root)
    for folder in SHIPPED_MODELS:
        shutil.rmtree(root / "dbt_project" / "models" / folder)
    for test in (root / "dbt_project" / "tests").glob("*.sql"):
        test.unlink()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("WAREHOUSE", "DEPLOYMENT", "DUCKDB_PATH", "DAGSTER_HOME"):
            patch.delenv(name, raising=False)
        patch.setenv("DLT_PROJECT_DIR", str(root))
        patch.chdir(root)
        player = Player(root, patch)
        with player.sandboxes:
            yield player
