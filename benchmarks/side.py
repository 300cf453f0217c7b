"""`python -m benchmarks.side MODULE FOLDER SIZE`: one side of a benchmark in a process of its own, figures as JSON."""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.measure import IMPORTS


class Stopwatch:
    """Takes the time from one phase's end to the next one's."""

    def __init__(self) -> None:
        self.phases: dict[str, tuple[float, float, float]] = {}
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def lap(self, phase: str) -> None:
        """Writes down what was used since the last lap."""
        wall, cpu = time.perf_counter(), time.process_time()
        # Linux counts in KiB, macOS in bytes.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
        self.phases[phase] = (wall - self._wall, cpu - self._cpu, peak)
        self._wall, self._cpu = time.perf_counter(), time.process_time()


def run_side(module: str, folder: Path, size: int) -> dict[str, Any]:
    """Imports a side, runs it, and returns the figures of its phases and what came of it."""
    stopwatch = Stopwatch()
    side = importlib.import_module(module)
    stopwatch.lap(IMPORTS)
    running: Generator[str, None, Any] = side.measure(folder, size)
    while True:
        try:
            stopwatch.lap(next(running))
        except StopIteration as end:
            return {"phases": stopwatch.phases, "outcome": end.value}


if __name__ == "__main__":
    print(json.dumps(run_side(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))))
