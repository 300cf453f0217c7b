"""`foundation-dbt`: dbt as a child process that does not outlive the process that has started it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

DBT = Path(sys.executable).parent / "dbt"
"""The dbt executable of this Python environment, whether or not the environment is activated."""

PR_SET_PDEATHSIG = 1
"""Linux: the signal that the kernel sends to a process when its parent has ended; it is kept by `exec`."""


def main() -> NoReturn:
    """Becomes dbt with the same arguments. An orphan would hold the DuckDB file, and block the next run."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.execv(DBT, [str(DBT), *sys.argv[1:]])  # noqa: S606 - the arguments are those of Dagster or of this project
