"""`python -m benchmarks.growing.load SIDE`: one load in the working directory; prints its peak memory and reads."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def read_usage() -> dict[str, float]:
    """Returns the peak memory of this process and what it has read from files so far, both in MiB."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines())
    counters = dict(line.split(": ") for line in Path("/proc/self/io").read_text(encoding="utf-8").splitlines())
    return {"MiB at the peak": int(status["VmHWM"].split()[0]) / 2**10, "MiB read": int(counters["rchar"]) / 2**20}


def main(side: str) -> None:
    """Loads the source of this side, or merges the same rows without the project."""
    if side == "floor":
        from benchmarks.growing.floor import merge  # noqa: PLC0415 - its imports are part of the figures

        merge(Path("floor.duckdb"))
    elif side == "postgres_floor":
        from benchmarks.growing.postgres_floor import merge as merge_in_postgres  # noqa: PLC0415 - the same

        merge_in_postgres()
    else:
        from data_foundation.local.run import JobStatus, run_sources  # noqa: PLC0415 - the same

        [result] = run_sources(root=Path.cwd())
        if result.status is not JobStatus.LOADED:
            raise RuntimeError(result.error)


if __name__ == "__main__":
    main(sys.argv[1])
    print(json.dumps(read_usage()))
