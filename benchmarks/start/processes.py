"""CPU seconds of the processes that a person or a pod starts, in this repository."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Mapping

from benchmarks.measure import ROOT

PROGRAMS: Mapping[str, str] = {
    "import dagster": "import dagster",
    "import definitions": "import definitions",
    "import dlt": "import dlt",
    "foundation check": "from data_foundation.cli.main import app; app(['check'])",
    "foundation list": "from data_foundation.cli.main import app; app(['list'])",
}


def measure_processes() -> dict[str, float]:
    """Returns the CPU seconds of each program in a process of its own, one after the other."""
    return {name: _cpu_seconds(program) for name, program in PROGRAMS.items()}


def _cpu_seconds(program: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
