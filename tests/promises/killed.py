"""Runs of the loader in other processes, which are killed at a chosen point."""

import multiprocessing
import os
import random
import re
import shutil
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import FrameType
from typing import Any

import time_machine

from data_foundation.errors import FoundationError
from tests.support.trees import Tree

# Processes are forked from one that has imported everything, so a run does not pay for Python's start.
_SPAWN = multiprocessing.get_context("forkserver")
_SPAWN.set_forkserver_preload([
    "pytest", "tests.promises.killed", "data_foundation.loading.attempts", "dlt._workspace.cli._plugins", "pandas",
    "pyarrow.parquet", "pyarrow.pandas_compat", "sqlalchemy", "data_foundation.warehouses.postgres.destination",
    "data_foundation.warehouses.lake.destination", "s3fs", "data_foundation.warehouses.alchemy.destination", "pymysql",
])  # fmt: skip

_FILES = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"})
_STATEMENTS = frozenset({"execute", "copy_expert"})
_TRANSACTION = frozenset({"begin", "commit", "rollback"})
_WRITES = frozenset({"write", "writelines", "close", "flush"})
_RECORDED = _STATEMENTS | _TRANSACTION | _WRITES
_ENGINES = ("pybind11", "psycopg2", "snowflake.connector", "pymysql", "sqlite3")
"""Module names of connections and cursors: DuckDB's, PostgreSQL's and SQLite's are in C."""

_RANDOM = re.compile(r"[0-9]{10}\.[0-9]+|[0-9a-f]{10,}|_[0-9a-f]{8}\b")


Point = tuple[str, int]


@dataclass
class Tripwire:
    """Records the operations of a process on files and databases, and kills the process at a chosen one.

    Attributes:
        folder: Only files below this folder count.
        at: Point of the signal and the number of its occurrence, or None.
        sends: The signal that the process sends itself: SIGKILL ends it, SIGSTOP pauses it.
        points: Operations before they are executed, in order.
    """

    folder: str
    at: Point | None = None
    sends: signal.Signals = signal.SIGKILL
    points: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Starts the recording in every thread."""
        sys.addaudithook(self._audit)
        profile = self._as_profile()
        threading.setprofile(profile)
        sys.setprofile(profile)

    def _pass(self, point: str) -> None:
        name = _RANDOM.sub("*", point.replace(self.folder, ""))
        if self.points[-1:] == [name]:
            return  # further write to the same file
        self.points.append(name)
        if self.at == (name, self.points.count(name)):
            Path(self.folder, "killed.txt").write_text(name)
            os.kill(os.getpid(), self.sends)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            counts = isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        else:
            counts = event in _FILES
        # shutil.rmtree names a file without its folder, which it holds open.
        if counts and (str(arguments[0]).startswith(self.folder) or event in ("os.remove", "os.rmdir")):
            self._pass(f"{event} {arguments[0]}")

    def _as_profile(self) -> Callable[[FrameType, str, Any], None]:
        """Returns a profile function. It is called two million times per load, so it looks at a name and no more."""
        recorded, record = _RECORDED, self._record

        def profile(frame: FrameType, event: str, function: Any) -> None:
            name = frame.f_code.co_name if event == "call" or event == "return" else function.__name__  # noqa: PLR1714
            if name in recorded:
                record(frame, event, function, name)

        return profile

    def _record(self, frame: FrameType, event: str, function: Any, name: str) -> None:
        is_c = event.startswith("c_")
        owner = getattr(function, "__self__", None) if is_c else frame.f_locals.get("self")
        if name in _STATEMENTS or name in _TRANSACTION:
            kind = type(owner)
            if any(engine in f"{kind.__module__}.{kind.__name__}" for engine in _ENGINES):
                given = (frame.f_locals.get(local) for local in ("query", "statement", "command"))
                statement = " ".join(str(next(filter(None, given), "")).split()) if name in _STATEMENTS else ""
                self._pass(f"{'before' if event in ('c_call', 'call') else 'after'} {statement[:80] or name}")
        elif name in _WRITES and event == "c_call" and self._is_written(owner):
            self._pass(f"{name} {getattr(owner, 'name', '')}")

    def _is_written(self, file: Any) -> bool:
        return str(getattr(file, "name", "")).startswith(self.folder) and "r" not in str(getattr(file, "mode", "r"))


def _work(  # noqa: PLR0913 - as of `start`
    tree: Tree, name: str, tripwire: Tripwire, *, traced: bool, ahead: int, options: dict[str, Any]
) -> None:
    """Loads or adopts `name` and writes the points that it passed, or the error, to files."""
    if ahead:
        time_machine.travel(datetime.now(UTC) + timedelta(seconds=ahead)).start()
    root = tree.root
    if traced:
        tripwire.watch()
    try:
        act: Callable[..., Any] = tree.adopt if "pipeline" in options else tree.load
        act(name, **options)
    except FoundationError as error:
        Path(root, "error.txt").write_text(str(error))
        os._exit(1)
    sys.setprofile(None)
    Path(root, "points.txt").write_text("\n".join(tripwire.points))
    os._exit(0)


def start(  # noqa: PLR0913 - what is loaded, where it is interrupted, and the options of the load
    tree: Tree,
    name: str,
    at: Point | None = None,
    *,
    sends: signal.Signals = signal.SIGKILL,
    traced: bool = False,
    ahead: int = 0,
    **options: Any,
) -> ForkServerProcess:
    """Starts loading `source.table` in another process. Its exit code is 0, 1 for an error, or -9 if killed.

    Args:
        tree: The project.
        name: source.table.
        at: Point at which the process sends itself a signal.
        sends: The signal.
        traced: True to record points.
        ahead: Seconds by which the clock of the process is ahead.
        options: Fields of `LoadOptions`; or with `pipeline` those of `Request`, and the table is adopted.
    """
    process = _SPAWN.Process(
        target=_work,
        args=(tree, name, Tripwire(str(tree.root), at, sends)),
        kwargs={"traced": traced or bool(at), "ahead": ahead, "options": options},
    )
    process.start()
    return process


def run(tree: Tree, name: str, at: Point | None = None, **options: Any) -> int:
    """Loads `source.table` in another process and returns its exit code; see `start`."""
    process = start(tree, name, at, **options)
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def trace(tree: Tree, name: str, **options: Any) -> list[Point]:
    """Loads `source.table` and returns the points of the run, each with its first and its last occurrence."""
    assert run(tree, name, traced=True, **options) == 0, last_failure(tree)
    counts = Counter((tree.root / "points.txt").read_text().splitlines())
    return [(point, time) for point, last in counts.items() for time in sorted({1, last})]


def last_failure(tree: Tree) -> str:
    """Returns the point of the last kill, and the error of a failed run."""
    files = (tree.root / name for name in ("killed.txt", "error.txt"))
    return ": ".join(file.read_text() for file in files if file.exists())


def interrupt(
    points: Sequence[Point],
    wanted: int,
    prepare: Callable[[int], Tree],
    judge: Callable[[Tree], bool],
    share: float = 0.8,
) -> int:
    """Kills runs at random points, each in its own project; returns the number of killed runs.

    Args:
        points: Points of `trace`.
        wanted: Number of points to reach. Some are never passed, because the order in which a folder's files are
            removed differs between runs.
        prepare: Returns a project that is ready for the run.
        judge: Repeats the run and asserts the result; returns False if the killed run was already complete.
        share: Part of `wanted` that must be reached.
    """
    reached = 0
    for number, point in enumerate(random.Random(len(points)).sample(points, len(points))):  # noqa: S311 - a choice of tests
        tree = prepare(number)
        if run(tree, "shop.orders", at=point) == -signal.SIGKILL and judge(tree):
            reached += 1
        shutil.rmtree(tree.root)
        if reached == wanted:
            break
    assert reached > share * wanted
    return reached
