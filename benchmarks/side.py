"""`python -m benchmarks.side MODULE FOLDER SIZE REPORT`: measures one side of a benchmark in its own process."""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import IMPORTS

PROC = Path("/proc")


class Stopwatch:
    """Measures the time of each phase, for this process and all processes that it started."""

    def __init__(self) -> None:
        self.phases: dict[str, tuple[float, float, float]] = {}
        self._wall, self._cpu = time.perf_counter(), cpu_seconds()

    def lap(self, phase: str) -> None:
        """Records the time since the last phase."""
        wall, cpu = time.perf_counter(), cpu_seconds()
        self.phases[phase] = (wall - self._wall, cpu - self._cpu, peak_memory())
        self._wall, self._cpu = time.perf_counter(), cpu_seconds()


def cpu_seconds() -> float:
    """Returns the CPU seconds of this process and of all its descendants, running or ended."""
    waited = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = sum(sum(map(int, stat[11:15])) for stat in _descendants()) / os.sysconf("SC_CLK_TCK")
    return time.process_time() + waited.ru_utime + waited.ru_stime + running


def peak_memory() -> float:
    """Returns the peak memory of this process or of the largest process that it waited for, in MiB."""
    # Linux counts in KiB, macOS in bytes.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit
    if PROC.exists():
        # Not ru_maxrss: a process inherits it from its parent.
        status = dict(line.split(":", 1) for line in (PROC / "self/status").read_text(encoding="utf-8").splitlines())
        return max(int(status["VmHWM"].split()[0]) / unit, children)
    return max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, children)


def adopt_orphans() -> None:
    """Makes this process the parent of orphaned descendants, so that their CPU seconds are counted."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - exists only on Linux

        set_child_subreaper = 36
        ctypes.CDLL(None).prctl(set_child_subreaper, 1)


def _descendants() -> Iterator[list[str]]:
    """Yields the fields of `/proc/<pid>/stat`, from the third on, of every running descendant."""
    by_parent: dict[int, list[tuple[int, list[str]]]] = {}
    for file in PROC.glob("[0-9]*/stat"):
        try:
            text = file.read_text(encoding="utf-8")
        except OSError:  # the process has ended
            continue
        fields = text.rpartition(")")[2].split()
        by_parent.setdefault(int(fields[1]), []).append((int(file.parent.name), fields))
    parents = [os.getpid()]
    while parents:
        for pid, fields in by_parent.get(parents.pop(), ()):
            parents.append(pid)
            yield fields


def import_the_rest() -> None:
    """Imports the modules that libraries import only at their first use.

    A process imports them once, like all others: DuckDB looks for pandas at its first parameter, Dagster for
    SQLAlchemy, Alembic and others in its first run.
    """
    if duckdb := sys.modules.get("duckdb"):
        duckdb.execute("SELECT ?", [1])
    if dagster := sys.modules.get("dagster"):
        dagster.materialize([dagster.asset(name="nothing")(lambda: None)])


def run_side(module: str, folder: Path, size: int) -> dict[str, Any]:
    """Imports and runs a side; returns the figures of its phases and its result."""
    stopwatch = Stopwatch()
    side = importlib.import_module(module)
    import_the_rest()
    stopwatch.lap(IMPORTS)
    running: Generator[str, None, Any] = side.measure(folder, size)
    while True:
        try:
            stopwatch.lap(next(running))
        except StopIteration as end:
            return {"phases": stopwatch.phases, "outcome": end.value}


if __name__ == "__main__":
    adopt_orphans()
    side_module, prepared, given, report = sys.argv[1:]
    Path(report).write_text(json.dumps(run_side(side_module, Path(prepared), int(given))), encoding="utf-8")
