"""Duration of a run with each executor, and with each event log in SQLite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks import daily
from benchmarks.executors.tiny import write_tiny
from benchmarks.goals import times
from benchmarks.measure import Benchmark


@contextmanager
def prepare(folder: Path, size: int) -> Iterator[Mapping[str, str]]:
    """Writes the sources of both runs, and serves the rows of the daily one."""
    with daily.prepare(folder / "daily", size) as settings:
        write_tiny(folder / "tiny", size)
        yield settings


EXECUTORS = Benchmark(
    number=11,
    name="executors",
    question="How long does a daily run take, and a run of many tiny sources, with each executor and event log?",
    sides=("ours", "kept_event_log", "in_process", "multiprocess"),
    size=20,
    small=1,
    unit="sources",
    prepare=prepare,
    goals=(
        times("in_process", least=1, phase="daily"),
        times("multiprocess", least=1, phase="daily"),
        times("in_process", least=1, phase="tiny"),
        times("multiprocess", least=1, phase="tiny"),
        times("ours", "kept_event_log", least=1, phase="daily"),
        times("ours", "kept_event_log", least=1, phase="tiny"),
    ),
)
