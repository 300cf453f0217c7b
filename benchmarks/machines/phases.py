"""Phases of a run that is divided among processes, each with a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.fence import TURN
from benchmarks.fence.phases import create_database
from benchmarks.growing.server import open_cursor
from benchmarks.machines import table_names
from benchmarks.measure import SET_UP


def measure_machines(folder: Path, size: int, machines: int) -> Generator[str, None, Any]:
    """Yields when the tables are there, and when every machine has loaded its sources.

    Args:
        folder: The project, of which each machine has a copy.
        size: Number of tables.
        machines: Number of processes; each has every source whose number it has, modulo their number.
    """
    os.environ["POSTGRES_DATABASE"] = create_database()
    sources = list(table_names(size))
    disks = [Path(shutil.copytree(folder, folder.with_name(f"machine_{number}"))) for number in range(machines)]
    shares = [sources[number::machines] for number in range(machines)]
    for turn, phase in enumerate((SET_UP, "run")):
        commands = [[sys.executable, "-m", "benchmarks.machines.load", *share] for share in shares if share]
        environment = {**os.environ, TURN: str(turn)}
        running = [
            subprocess.Popen(command, cwd=disk, env=environment) for command, disk in zip(commands, disks, strict=False)
        ]
        codes = [machine.wait() for machine in running]
        if any(codes):
            raise RuntimeError("a machine has failed")
        yield phase
    content = {}
    with open_cursor() as cursor:
        for table in (table for tables in table_names(size).values() for table in tables):
            cursor.execute(f"SELECT COUNT(*), MIN(turn), MAX(turn) FROM raw.{table}")  # noqa: S608 - a constant name
            content[table] = cursor.fetchone()
    return {"content": content}
