"""Tests of `foundation run` as a process that receives Ctrl-C or SIGTERM, wherever its loads are."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from data_foundation.loading.lock import hold
from tests.support.locations import Location

FOUNDATION = Path(sys.executable).parent / "foundation"
PATIENCE = 60.0
DATA = """
import threading
import time
from pathlib import Path

import dlt

HERE = Path(__file__).parent


def block():
    (HERE / "reached").touch()
    while not (HERE / "calm").exists():
        time.sleep(0.02)


def get_pages():
    while not (HERE / "calm").exists():
        yield [{"id": 0}]
        (HERE / "reached").touch()
        time.sleep(0.05)
    yield [{"id": 1}]


def get_blocked():
    block()
    yield [{"id": 1}]


@dlt.resource(parallelized=True)
def get_parallel():
    block()
    yield [{"id": 1}]


@dlt.resource
def get_deferred():
    @dlt.defer
    def read():
        block()
        return [{"id": 1}]

    yield read()


def get_threaded():
    if not (HERE / "calm").exists():
        threading.Thread(target=block).start()
    block()
    yield [{"id": 1}]


def get_quick():
    yield [{"id": 1}]
"""
STOPPED = "stopped: nothing of raw.{} was loaded, the next run reads it again"


@dataclass(frozen=True)
class Case:
    """A run that is stopped.

    Attributes:
        entry: The entry of the first table.
        number: The signal.
        seconds: The longest time until the process ends.
        times: How often the signal is sent.
    """

    entry: str = "pages"
    number: signal.Signals = signal.SIGINT
    seconds: float = 20.0
    times: int = 1


CASES = {
    "ctrl-c between pages": Case(),
    "sigterm between pages": Case(number=signal.SIGTERM),
    "ctrl-c in a blocked source": Case("blocked"),
    "sigterm in a blocked source": Case("blocked", signal.SIGTERM),
    "ctrl-c in a blocked thread of dlt": Case("deferred"),
    "ctrl-c in a blocked parallel source": Case("parallel"),
    "ctrl-c with a thread of the source": Case("threaded"),
    "two ctrl-c in a blocked source": Case("blocked", times=2, seconds=8.0),
}
ALWAYS = ("ctrl-c in a blocked thread of dlt",)


def add_two(location: Location, entry: str) -> Path:
    """Writes a source of two tables, of which the second waits for the first; returns its folder."""
    yaml = (
        "source: {max_concurrency: 1}\nresources:\n"
        f"  - {{entry: data.get_{entry}, destination: raw.first}}\n"
        "  - {entry: data.get_quick, destination: raw.second}\n"
    )
    return location.add("shop", yaml, DATA)


def start(location: Location) -> "subprocess.Popen[str]":
    """Starts `foundation run`."""
    return subprocess.Popen(
        [FOUNDATION, "run"], cwd=location.root, env={**os.environ, "COLUMNS": "200"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def wait_for(file: Path) -> None:
    """Waits until a file exists."""
    deadline = time.monotonic() + PATIENCE
    while not file.exists():
        assert time.monotonic() < deadline, f"no {file}"
        time.sleep(0.05)


@pytest.mark.parametrize(
    "case", [pytest.param(CASES[name], id=name, marks=[] if name in ALWAYS else pytest.mark.rare) for name in CASES]
)
def test_a_signal_stops_the_run(location: Location, case: Case) -> None:
    """The process ends soon, with a line for each table and the signal's exit code; the next run loads everything."""
    folder = add_two(location, case.entry)
    run = start(location)
    wait_for(folder / "reached")
    sent = time.monotonic()
    for time_number in range(case.times):
        time.sleep(0.5 * bool(time_number))
        run.send_signal(case.number)
    printed, _ = run.communicate(timeout=PATIENCE)
    assert time.monotonic() - sent < case.seconds, printed
    assert run.returncode == 128 + case.number, printed
    for table in ("first", "second"):
        assert printed.count(STOPPED.format(table)) == 1, printed
    assert "Traceback" not in printed
    (folder / "calm").touch()
    again = start(location)
    printed, _ = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, printed
    assert location.query("select id from raw.first") == [(1,)]
    assert location.query("select id from raw.second") == [(1,)]


@pytest.mark.rare
def test_a_run_that_waits_for_another_stops_at_once(location: Location) -> None:
    """Ctrl-C ends the wait for a table that another run loads."""
    folder = add_two(location, "quick")
    [work_folder] = [place.parent for place in _work_folders(location)]
    with hold(work_folder, "raw-first", "other", print):
        run = start(location)
        deadline = time.monotonic() + PATIENCE
        log = location.root / "logs"
        while "waiting for run other" not in "".join(file.read_text() for file in log.glob("*.log")):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        run.send_signal(signal.SIGINT)
        printed, _ = run.communicate(timeout=20)
    assert run.returncode == 130
    assert STOPPED.format("first") in printed
    assert folder.exists()


def _work_folders(location: Location) -> list[Path]:
    """Returns the locks of the tables, after a run that loads them."""
    printed, _ = start(location).communicate(timeout=PATIENCE)
    assert "landed" in printed
    return list(location.root.glob("data/pipelines/*/raw-first.lock"))
