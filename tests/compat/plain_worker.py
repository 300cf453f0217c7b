"""Runs sources with dlt alone, in a process that never imports this project's framework."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any
from unittest import mock

from tests.compat.plain_dlt import import_package, run_plain

ROOT = Path(__file__).parents[2]
DEADLINE = 60
"""Seconds for one run."""


@dataclass(frozen=True)
class PlainRun:
    """One run with dlt alone.

    Attributes:
        package: Folder of the source, imported anew as a package.
        function: Name of the function that returns the source or the resources.
        kwargs: Its arguments.
        database: The DuckDB file.
        work_folder: The folder of pipelines.
        hints: Hints that are applied to each resource.
        names: Resources to load; all that are selected if empty.
        settings: Environment variables of the run.
    """

    package: str
    function: str
    kwargs: Mapping[str, Any]
    database: str
    work_folder: str
    hints: Mapping[str, Any] = field(default_factory=dict)
    names: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)

    def run(self) -> None:
        """Builds the source and runs it."""
        with mock.patch.dict(os.environ, self.settings):
            given = getattr(import_package(Path(self.package)), self.function)(**self.kwargs)
            resources = given.resources.values() if hasattr(given, "resources") else given
            for resource in resources if self.hints else ():
                resource.apply_hints(**self.hints)
            if self.names and hasattr(given, "with_resources"):
                given = given.with_resources(*self.names)
            run_plain(given, Path(self.database), Path(self.work_folder))


class PlainDlt:
    """The process that runs sources with dlt alone."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, run: PlainRun) -> str:
        """Runs a source; returns the error, "" if there is none."""
        pipes = self._process
        assert pipes.stdin
        assert pipes.stdout
        pipes.stdin.write(json.dumps(asdict(run)) + "\n")
        pipes.stdin.flush()
        assert select.select([pipes.stdout], [], [], DEADLINE)[0], f"dlt alone needs more than {DEADLINE} s"
        answer = pipes.stdout.readline()
        assert answer, "the process with dlt alone has ended"
        return str(json.loads(answer))


@contextmanager
def start_plain_dlt() -> Iterator[PlainDlt]:
    """Starts the process, which ends with the block."""
    command = [sys.executable, "-m", "tests.compat.plain_worker"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield PlainDlt(process)
        finally:
            process.kill()


def _serve(answers: IO[str]) -> None:
    for line in sys.stdin:
        error = ""
        try:
            PlainRun(**json.loads(line)).run()
        except Exception as raised:  # noqa: BLE001 - whatever dlt raises is the answer
            error = f"{type(raised).__name__}: {raised}"
        assert "data_foundation" not in sys.modules
        print(json.dumps(error), file=answers, flush=True)


if __name__ == "__main__":
    _answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        _serve(_answers)
