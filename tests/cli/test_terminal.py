"""Tests of what `foundation run` shows in a terminal, and of what a run shows that waits for another one."""

import io
import os
import re
import selectors
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from data_foundation.cli.run_report import ProgressView
from data_foundation.loading.progress import Progress
from data_foundation.warehouses.duckdb.file import find_file
from tests.support.locations import Location
from tests.support.terminals import draw, run_in_terminal

FOUNDATION = str(Path(sys.executable).parent / "foundation")
LONG = "orders_of_the_company_and_of_its_subsidiaries"
TALKATIVE = """
import logging
import sys
import time
import warnings

HANDLER = logging.StreamHandler()
LOG = logging.getLogger("vendor")
LOG.addHandler(HANDLER)


def get_rows():
    for page in range(3):
        print("printed", page)
        sys.stdout.write("begun, ")
        time.sleep(0.2)
        sys.stdout.write(f"ended {page}\\n")
        sys.stderr.write(f"refused {page}\\n")
        LOG.warning("vendor %d", page)
        logging.getLogger("dlt").warning("from dlt %d", page)
        logging.getLogger(__name__).warning("own %d", page)
        warnings.warn(f"careful {page}")
        yield [{"id": page}]
        time.sleep(0.3)
    sys.stdout.write("unfinished")
"""
TALKED = ("printed {}", "begun, ended {}", "refused {}", "vendor {}")


@pytest.mark.rare
@pytest.mark.parametrize("width", [50, 80])
def test_what_a_source_prints_tears_no_line(location: Location, width: int) -> None:
    """What code prints, logs and warns of is above the progress, on lines of its own, and no progress is left over."""
    location.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.{LONG}}}]", TALKATIVE)
    code, screen = run_in_terminal([FOUNDATION, "run"], location.root, width)
    shown = "\n".join(screen)
    assert code == 0, shown
    for page in range(3):
        assert [text for text in TALKED if text.format(page) not in screen] == [], shown
        # Longer than the terminal is wide.
        for text in (f"from dlt {page}", f"raw.{LONG} own {page}", f"raw.{LONG} UserWarning: careful {page}"):
            assert "".join(text.split()) in "".join(shown.split())
    assert "unfinished" in screen
    left_over = [line for line in screen if re.search(r"\b(waiting|extract|normalize|load)\b +[\d,]+", line)]
    assert left_over == [], shown


@pytest.mark.rare
def test_a_narrow_terminal_has_a_line_for_each_table(location: Location) -> None:
    """In 50 columns the summary has no table, whose columns would be cut; in 80 it has one."""
    yaml = f"resources: [{{entry: data.get_rows, destination: raw.{LONG}}}]"
    location.add("shop", yaml, "def get_rows():\n    yield [{'id': n} for n in range(1000)]\n")
    narrow = "".join(run_in_terminal([FOUNDATION, "run"], location.root, 50)[1])
    assert re.search(rf"landed  raw\.{LONG}  1,000 loaded, 1,000 rows, [\d.]+ s", narrow), narrow
    wide = run_in_terminal([FOUNDATION, "run"], location.root, 80)[1]
    assert max(map(len, wide)) <= 80
    assert any(re.fullmatch(r"│ raw\.orders\w+ +│ +1,000 │ +2,000 │ +[\d.]+ │ landed │", line) for line in wide), wide


@pytest.mark.parametrize("width", [30, 36, 50, 69, 70, 80, 200])
def test_a_line_of_progress_fits(width: int) -> None:
    """Phase and rows are whole in every width, and the end of a long name, by which tables differ."""
    written = io.StringIO()
    with ProgressView(Console(file=written, force_terminal=True, width=width)) as view:
        view.show(Progress(f"raw.{LONG}", "normalize", 12_345_678))
        view._bars.refresh()
    frames = [
        line for line in re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "\n", written.getvalue()).splitlines() if "normalize" in line
    ]
    assert frames
    for frame in frames:
        assert re.search(r"…\w*subsidiaries normalize +12,345,678", frame) or width < 50, frame
        assert re.search(r"…\w*s normalize +12,345,678", frame), frame
        assert len(frame) <= width


def test_a_run_names_the_run_that_it_waits_for(location: Location) -> None:
    """A second run of a table prints table, process, machine and time of the first one at once, into a pipe too."""
    folder = location.add(
        "shop",
        "resources: [{entry: data.get_rows, destination: raw.orders}]",
        "import time\nfrom pathlib import Path\n\n\ndef get_rows():\n    yield [{'id': 1}]\n"
        "    while not (Path(__file__).parent / 'go').exists():\n        time.sleep(0.05)\n",
    )
    first, second = (
        subprocess.Popen([FOUNDATION, "run"], cwd=location.root, stdout=subprocess.PIPE, text=True) for _ in range(2)
    )
    try:
        # Whichever came second.
        line = _first_waiting(first, second)
        where = rf"on {socket.gethostname()}, since [\dT:+-]+"
        found = re.fullmatch(rf"raw\.orders  waiting for run \w+, process (\d+) {where}", line)
        assert found, line
        assert int(found[1]) in {first.pid, second.pid}
        assert (first.poll(), second.poll()) == (None, None)
    finally:
        (folder / "go").touch()
        codes = [process.wait(120) for process in (first, second)]
    assert codes == [0, 0]
    assert location.query("SELECT count(*) FROM raw.orders") == [(2,)]


def _first_waiting(*processes: "subprocess.Popen[str]") -> str:
    """Returns the first line about waiting that one of the processes prints, while both run."""
    with selectors.DefaultSelector() as selector:
        for process in processes:
            assert process.stdout
            selector.register(process.stdout, selectors.EVENT_READ, process)
        while True:
            for key, _ in selector.select(120):
                line = str(key.data.stdout.readline())
                assert line, "a process ended"
                if "waiting for" in line:
                    return line.strip()


@pytest.mark.rare
def test_a_run_names_the_process_that_uses_the_file(location: Location) -> None:
    """A run of any table names the process that has used the DuckDB file for more than a second."""
    location.add("shop")
    (location.root / "data").mkdir()
    path = str(location.root / "data" / "warehouse.duckdb")
    file = find_file(path)
    file.take(10)
    try:
        process = subprocess.Popen([FOUNDATION, "run"], cwd=location.root, stderr=subprocess.PIPE, text=True)
        assert process.stderr
        line = process.stderr.readline()
        assert process.poll() is None
    finally:
        file.leave(hand_over=False)
    assert process.wait(120) == 0
    process.stderr.close()
    holder = rf"process {os.getpid()} on {socket.gethostname()}, since [\dT:+-]+"
    assert re.fullmatch(rf"{re.escape(path)}: waiting for {holder}, which uses the file\n", line), line


@pytest.mark.parametrize(
    ("written", "screen"),
    [
        ("a\r\nb\r\n", ["a", "b", ""]),
        ("bar\r\x1b[2Kprinted\r\nbar", ["printed", "bar"]),
        ("one\r\ntwo\r\x1b[2K\x1b[1A\x1b[2Kthree", ["three", ""]),
        ("abcdef", ["abcd", "ef"]),
        ("abc\rX", ["Xbc"]),
    ],
)
def test_the_screen_of_these_tests(written: str, screen: list[str]) -> None:
    """The screen that the tests above read has what a terminal of four columns would show."""
    assert draw(written, 4 if written == "abcdef" else 20) == screen
