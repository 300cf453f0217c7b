"""Duration of a run with each executor, and with each place for Dagster's history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from benchmarks import daily
from benchmarks.executors.postgres_storage import STORAGE
from benchmarks.executors.tiny import write_tiny
from benchmarks.goals import times
from benchmarks.measure import Benchmark


@contextmanager
def prepare(folder: Path, size: int) -> Iterator[Mapping[str, str]]:
    """Writes the sources of both runs, serves the rows of the daily one, and runs a server for the history."""
    # Guests import this module, but do not have the packages of the server.
    from tests.support.postgres_server import ADMINISTRATOR, PASSWORD, run_server  # noqa: PLC0415

    with daily.prepare(folder / "daily", size) as settings, run_server() as server:
        write_tiny(folder / "tiny", size)
        url = f"postgresql://{ADMINISTRATOR}:{quote(PASSWORD)}@127.0.0.1:{server.port}/postgres"
        yield {**settings, STORAGE: url}


EXECUTORS = Benchmark(
    number=11,
    name="executors",
    question="How long does a daily run take, and a run of many tiny sources, with each executor and history?",
    sides=("ours", "kept_event_log", "postgres_storage", "in_process", "multiprocess"),
    size=20,
    small=1,
    unit="sources",
    prepare=prepare,
    variants=("kept_event_log", "postgres_storage", "in_process", "multiprocess"),
    goals=(
        times("in_process", least=1, phase="daily"),
        times("multiprocess", least=1, phase="daily"),
        times("in_process", least=1, phase="tiny"),
        times("multiprocess", least=1, phase="tiny"),
        times("ours", "kept_event_log", least=1, phase="daily"),
        times("ours", "kept_event_log", least=1, phase="tiny"),
    ),
)
