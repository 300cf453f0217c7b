"""`python -m benchmarks.machines.load SOURCES`: a machine that loads sources of its folder."""

from __future__ import annotations

import sys
from pathlib import Path

from data_foundation.local.run import JobStatus, run_sources

if __name__ == "__main__":
    results = run_sources(sys.argv[1:], root=Path.cwd())
    sys.exit(any(result.status is not JobStatus.LOADED for result in results))
