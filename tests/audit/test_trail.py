"""The audit trail: one line and one row for every attempt, also after crashes and with several writers."""

import json
import logging
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import FrameType
from typing import Any

import duckdb
import pytest

from data_foundation.audit import journal
from data_foundation.audit import write as audit
from data_foundation.audit.journal import Journal
from data_foundation.audit.read import find_run, read_newest, read_trail
from data_foundation.audit.table import COLUMNS
from data_foundation.audit.write import Attempt, catch_up, record
from data_foundation.cli.main import main
from data_foundation.dbt.sources_yaml import build_dbt_sources
from data_foundation.warehouses.duckdb.warehouse import DuckDBWarehouse
from data_foundation.warehouses.settings import build_warehouse
from data_foundation.warehouses.snowflake.warehouse import SETTINGS, SnowflakeWarehouse
from tests.support.locations import Location
from tests.support.trees import Tree

NINE = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ORDERS = "resources: [{entry: data.get_rows, destination: raw.orders, write_disposition: append}]"
SECRET = "s3cr3t-canary"


def attempt(number: int = 1, **other: Any) -> Attempt:
    """Returns the attempt with this number; each starts a minute after the one before."""
    started = NINE + timedelta(minutes=number)
    values: dict[str, Any] = {"asset": "raw.orders", "source": "shop", "run_id": "run", "status": "loaded"}
    values |= {"started": started, "ended": started + timedelta(seconds=1.5), "rows": number}
    return Attempt(attempt=number, **values | other)


FAILED: dict[str, Any] = {"status": "failed", "error_class": "HTTPError", "error": "503 Service Unavailable"}
KILLED: dict[str, Any] = {"status": "killed", "ended": None, "rows": None}


def lines_of(warehouse: DuckDBWarehouse) -> list[dict[str, Any]]:
    """Returns the lines of the local journal."""
    return [json.loads(line) for line in Journal(warehouse.work_folder, "audit").lines()]


def ids_of(warehouse: DuckDBWarehouse) -> tuple[Counter[str], Counter[str]]:
    """Returns the count of each attempt's id in the table, and in the lines."""
    with duckdb.connect(warehouse.path) as connection:
        rows = connection.execute("select id from raw._load_audit").fetchall()
    return Counter(row[0] for row in rows), Counter(line["id"] for line in lines_of(warehouse))


@pytest.fixture
def foreign_client(tree: Tree) -> Iterator[subprocess.Popen[bytes]]:
    """A client in another process that keeps the DuckDB file open."""
    Path(tree.warehouse.path).parent.mkdir(parents=True)
    code = "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('open', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, tree.warehouse.path], stdout=subprocess.PIPE) as client:
        assert client.stdout
        client.stdout.readline()
        yield client
        client.kill()


@pytest.mark.parametrize("is_open", [False, True], ids=["on its own", "while the warehouse is open"])
def test_an_attempt_is_one_line_and_one_equal_row(tree: Tree, is_open: bool) -> None:  # noqa: FBT001
    """Every column of a row equals the value in the line, for loaded, failed and killed attempts."""
    attempts = [
        attempt(1, bytes=2048, cursor="2026-11-21", load_id="1763.5"),
        attempt(2, **FAILED),
        attempt(3, **KILLED),
    ]
    for one in attempts:
        if is_open:
            with tree.warehouse.open() as destination:
                record(tree.warehouse, one, destination)
        else:
            record(tree.warehouse, one)
    assert read_trail(tree.warehouse).attempts == tuple(attempts)
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    rows = tree.query(f"select {columns} from raw._load_audit order by started")
    read = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    for row, line in zip(read, lines_of(tree.warehouse), strict=True):
        moments = {name: line[name] and datetime.fromisoformat(line[name]) for name in ("started", "ended")}
        assert row == line | moments
    assert [row["seconds"] for row in read] == [1.5, 1.5, None]


def test_times_are_stored_in_utc() -> None:
    """Times of other zones are converted to UTC."""
    there = NINE.astimezone(timezone(timedelta(hours=5)))
    made = attempt(1, started=there, ended=there + timedelta(seconds=2))
    assert (made.started.isoformat(), made.ended and made.ended.utcoffset()) == (NINE.isoformat(), timedelta(0))


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (f"GET https://api.example.com/a?key={SECRET}&page=2 failed", "GET https://api.example.com/a?key=***&page=2"),
        (f"postgresql://user:{SECRET}@db/x refused", "postgresql://***@db/x refused"),
        (f"first\nhttps://x?token={SECRET}\r\n\tlast", "first https://x?token=*** last"),
        ("a\0b\ud800c\u2028d", "a b c d"),
        ("x" * 2000, "x" * 500),
        ("  ", ""),
    ],
    ids=["query", "user info", "several lines", "what engines refuse", "long", "blank"],
)
def test_a_message_is_one_short_line_without_secrets(tree: Tree, error: str, kept: str) -> None:
    """No file and no table contains a secret of an error's text."""
    record(tree.warehouse, attempt(1, **FAILED | {"error": error}))
    (row,) = tree.query("select error from raw._load_audit")
    assert row.startswith(kept)
    assert len(row) <= 500
    written = [file.read_bytes() for file in tree.root.rglob("*") if file.is_file()]
    assert not [data for data in written if SECRET.encode() in data]


def test_files_are_readable_by_their_owner_only(tree: Tree) -> None:
    """The folder has mode 0700 and the lines have mode 0600."""
    record(tree.warehouse, attempt())
    folder = tree.warehouse.work_folder
    assert [oct(path.stat().st_mode)[-3:] for path in (folder, folder / "audit.jsonl")] == ["700", "600"]


def test_threads_share_the_trail(tree: Tree) -> None:
    """Eight threads write forty attempts, half of them with the warehouse open: each has one row and one line."""
    warehouse = tree.warehouse

    def work(number: int) -> None:
        if number % 2:
            with warehouse.open() as destination:
                record(warehouse, attempt(number), destination)
        else:
            record(warehouse, attempt(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    rows, lines = ids_of(warehouse)
    assert rows == lines
    assert (len(rows), set(rows.values())) == (40, {1})


def fork_writers(root: str, processes: int, attempts: int) -> None:
    """Records from several processes at once; the first ten attempts of each are recorded without an open warehouse."""
    record(Tree(Path(root, "first")).warehouse, attempt())
    children = []
    for writer in range(processes):
        if child := os.fork():
            children.append(child)
            continue
        warehouse = Tree(Path(root)).warehouse
        for start in range(0, attempts, 10):
            with warehouse.open() if start else nullcontext() as destination:
                for number in range(start, start + 10):
                    record(warehouse, attempt(number, run_id=str(writer)), destination)
        os._exit(0)
    sys.exit(any(os.waitpid(child, 0)[1] for child in children))


@pytest.mark.rare
def test_processes_share_the_trail(tree: Tree) -> None:
    """Four processes record fifty attempts each: two hundred rows and the same lines, each once."""
    run_in_a_new_process(fork_writers, str(tree.root), 4, 50)
    catch_up(tree.warehouse)
    rows, lines = ids_of(tree.warehouse)
    assert rows == lines
    assert (len(rows), set(rows.values())) == (200, {1})
    assert tree.query("select count(*) from raw._load_audit group by run_id") == [50] * 4


def run_in_a_new_process(target: Callable[..., None], *arguments: Any) -> None:
    """Runs a function in a spawned process."""
    process = multiprocessing.get_context("spawn").Process(target=target, args=arguments, daemon=True)
    process.start()
    process.join(120)
    assert process.exitcode == 0


def kill_everywhere(root: str) -> None:
    """Records an attempt many times; each time the process is killed at a later line of the audit's code.

    A first attempt imports all modules, so that a fork costs only the recording.
    """
    record(Tree(Path(root, "before")).warehouse, attempt(1, id="before"))
    code = {audit.__file__, journal.__file__}
    for point in range(1, 1000):
        child = os.fork()
        if not child:
            folder = shutil.copytree(Path(root, "before"), Path(root, str(point)))
            passed: list[str] = []

            def watch(frame: FrameType, event: str, _value: Any) -> Any:
                if frame.f_code.co_filename not in code:
                    return None
                line = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
                if event == "line" and line not in passed:  # noqa: B023
                    passed.append(line)  # noqa: B023
                    if len(passed) == point:  # noqa: B023
                        (folder / "killed.txt").write_text(passed[-1])  # noqa: B023
                        os.kill(os.getpid(), signal.SIGKILL)
                return watch

            warehouse = Tree(folder).warehouse
            sys.settrace(watch)
            record(warehouse, attempt(2, id="killed"))
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            sys.exit(0)
    sys.exit("there is no end of it")


@pytest.mark.rare
def test_a_kill_at_any_line_loses_and_duplicates_nothing(tmp_path: Path) -> None:
    """Killed at every line in turn: after the next attempt every line has its row, once, and no other row is there."""
    run_in_a_new_process(kill_everywhere, str(tmp_path))
    known, points = Counter[int](), list(tmp_path.glob("*/killed.txt"))
    for point in points:
        warehouse = Tree(point.parent).warehouse
        with warehouse.open() as destination:
            written = "killed" in ids_of(warehouse)[0]
            record(warehouse, attempt(3, id="after"), destination)
            rows, lines = ids_of(warehouse)
        assert rows == lines, point.read_text()
        assert set(rows.values()) == {1}, point.read_text()
        assert {"before", "after"} <= set(rows), point.read_text()
        known["killed" in rows] += 1
        known[2] += written
    # Some were killed before the line was written, more of them after it, and some of these between row and mark.
    assert known[False] > 5
    assert known[True] > 20
    assert 5 < known[2] < known[True]


def test_a_busy_warehouse_does_not_delay_recording(
    tree: Tree, foreign_client: subprocess.Popen[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """While another client has the file open the line is written with a warning; the next attempt adds both rows."""
    started = time.monotonic()
    record(tree.warehouse, attempt(1))
    assert time.monotonic() - started < 2
    assert [line["attempt"] for line in lines_of(tree.warehouse)] == [1]
    (warning,) = [entry for entry in caplog.records if entry.levelno >= logging.WARNING]
    assert warning.getMessage().startswith(
        "raw.orders: raw._load_audit lacks an attempt; the next attempt writes it too"
    )
    foreign_client.kill()
    foreign_client.wait()
    record(tree.warehouse, attempt(2))
    assert tree.query("select attempt from raw._load_audit order by attempt") == [1, 2]


def test_an_attempt_that_found_the_warehouse_busy_does_not_wait_again(tree: Tree) -> None:
    """An attempt that failed because the warehouse was busy writes only its line."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with tree.warehouse.exclusive():
            held.set()
            done.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(20)
    record(tree.warehouse, attempt(1, status="failed", error_class="WarehouseBusy", error="in use"))
    assert [line["attempt"] for line in lines_of(tree.warehouse)] == [1]
    done.set()
    thread.join()
    catch_up(tree.warehouse)
    assert tree.query("select error_class from raw._load_audit") == ["WarehouseBusy"]


def test_a_journal_that_cannot_be_written_fails_no_load(tree: Tree, caplog: pytest.LogCaptureFixture) -> None:
    """A journal that cannot be written is logged and raises nothing."""
    tree.warehouse.work_folder.parent.mkdir(parents=True)
    tree.warehouse.work_folder.write_text("a file in the way")
    record(tree.warehouse, attempt())
    assert "FileExistsError" in caplog.text


def test_a_partial_line_is_skipped(tree: Tree) -> None:
    """A partial line left by a full disk is skipped; the next attempt has its own line and row."""
    record(tree.warehouse, attempt(1))
    with (tree.warehouse.work_folder / "audit.jsonl").open("a") as file:
        file.write('{"id": "cut')
    record(tree.warehouse, attempt(2))
    assert [one.attempt for one in read_trail(tree.warehouse).attempts] == [1, 2]


def test_a_new_warehouse_gets_the_attempts_again(tree: Tree) -> None:
    """If the table is missing it is recreated from all lines of this machine."""
    for number in (1, 2):
        record(tree.warehouse, attempt(number))
    Path(tree.warehouse.path).unlink()
    record(tree.warehouse, attempt(3))
    assert tree.query("select attempt from raw._load_audit order by attempt") == [1, 2, 3]


def test_recording_continues_after_the_local_files_are_lost(tree: Tree) -> None:
    """Lines that are lost, with or without the mark of recorded lines, neither remove rows nor hide later ones."""
    for number in range(3):
        record(tree.warehouse, attempt(number))
    (tree.warehouse.work_folder / "audit.jsonl").unlink()
    record(tree.warehouse, attempt(3))
    for file in tree.warehouse.work_folder.glob("audit*"):
        file.unlink()
    record(tree.warehouse, attempt(4))
    assert tree.query("select attempt from raw._load_audit order by attempt") == [0, 1, 2, 3, 4]


def test_the_journal_is_rotated(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full file replaces the older one; the table still has every attempt."""
    monkeypatch.setattr(journal, "MOST_BYTES", 2000)
    monkeypatch.setattr(journal, "MOST_BYTES_UNCOPIED", 8000)
    with tree.warehouse.open() as destination:
        for number in range(40):
            record(tree.warehouse, attempt(number), destination)
    assert tree.query("select attempt from raw._load_audit order by attempt") == list(range(40))
    sizes = [file.stat().st_size for file in tree.warehouse.work_folder.glob("audit*.jsonl")]
    assert len(sizes) == 2
    assert sum(sizes) < 2 * 2500
    assert lines_of(tree.warehouse)[-1]["attempt"] == 39


def test_lines_are_kept_while_the_warehouse_is_unreachable(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Lines without a row are kept up to MOST_BYTES_UNCOPIED; lines dropped beyond it are logged."""
    monkeypatch.setattr(journal, "MOST_BYTES", 2000)
    monkeypatch.setattr(journal, "MOST_BYTES_UNCOPIED", 8000)
    lines = Journal(tree.warehouse.work_folder, "audit")
    for number in range(15):
        lines.append(attempt(number).to_json())
    assert len(lines.file.read_text().splitlines()) == 15
    for number in range(15, 60):
        lines.append(attempt(number).to_json())
    assert "bytes of lines were never copied to the warehouse; they stay in" in caplog.text
    assert sum(file.stat().st_size for file in tree.warehouse.work_folder.glob("audit*.jsonl")) < 2 * 8500


def test_the_audit_table_is_independent_of_dlt(tree: Tree) -> None:
    """The audit's table may exist before dlt's first load; dropped resources and dbt's sources do not affect it."""
    tree.add("shop", ORDERS)
    tree.give("shop", [{"id": 1}])
    record(tree.warehouse, attempt(1, **FAILED))
    assert tree.load("shop.orders").row_count == 1
    assert tree.load("shop.orders", refresh="drop").row_count == 1
    assert tree.load("shop.orders", refresh="state").row_count == 1
    assert 1 in tree.query("select attempt from raw._load_audit where error_class = 'HTTPError'")
    assert "_load_audit" not in build_dbt_sources(tree.root, tree.warehouse)


FILTERS = [
    (None, {}, [1, 2, 3, 4]),
    (None, {"last": 2}, [3, 4]),
    (None, {"failed": True}, [2, 4]),
    (None, {"failed": True, "last": 1}, [4]),
    ("shop", {}, [1, 2, 3]),
    ("shop.orders", {}, [1, 2]),
    ("raw.orders", {}, [1, 2]),
    ("shop.order_s", {}, []),
    ("mail", {"failed": True}, [4]),
    ("' OR 1 = 1 --", {}, []),
]


@pytest.mark.parametrize(("target", "wanted", "found"), FILTERS, ids=[f"{t} {w}" for t, w, _ in FILTERS])
def test_the_table_and_the_lines_give_the_same_attempts(
    tree: Tree, target: str | None, wanted: dict[str, Any], found: list[int]
) -> None:
    """The newest come last; a name is a source, source.table or dataset.table; lines replace a missing warehouse."""
    warehouse = tree.warehouse
    attempts = [
        attempt(3, asset="raw.items"),
        attempt(1),
        attempt(4, asset="raw.letters", source="mail", **KILLED),
        attempt(2, **FAILED),
    ]
    for one in attempts:
        record(warehouse, one)
    trail = read_trail(warehouse, target, **wanted)
    assert ([one.attempt for one in trail.attempts], trail.unreachable) == (found, "")
    away = SnowflakeWarehouse(warehouse.work_folder, {})
    trail = read_trail(away, target, **wanted)
    assert [one.attempt for one in trail.attempts] == found
    assert trail.unreachable.startswith("SettingMissing: needs SNOWFLAKE_ACCOUNT")


@pytest.mark.parametrize("keeps_audit", [True, False], ids=["warehouse", "journal"])
def test_the_run_of_a_load_is_found_however_old_it_is(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, *, keeps_audit: bool
) -> None:
    """It is that of the table, among any number of attempts of other tables, one of which has the same load id."""
    monkeypatch.setattr(DuckDBWarehouse, "keeps_audit", keeps_audit)
    warehouse = tree.warehouse
    audit._journal(warehouse).append(attempt(1, run_id="sought", load_id="17.5").to_json())
    for number in range(2, 300):
        other = attempt(number, asset="raw.lines", run_id="another", load_id="17.5")
        audit._journal(warehouse).append(other.to_json())
    assert find_run(warehouse, "raw.orders", "17.5") == "sought"
    assert find_run(warehouse, "raw.orders", "18.5") is None


def test_the_newest_of_every_table(tree: Tree) -> None:
    """The newest loaded and the newest failed attempt of each table; the lines replace a missing warehouse."""
    attempts = [
        attempt(1), attempt(2), attempt(3, **FAILED), attempt(4, **KILLED), attempt(5, asset="raw.items", **FAILED),
        attempt(6, asset="raw.items"), attempt(7, asset="raw.letters"),
    ]  # fmt: skip
    for one in attempts:
        record(tree.warehouse, one)
    for warehouse in (tree.warehouse, SnowflakeWarehouse(tree.warehouse.work_folder, {})):
        assert [one.attempt for one in read_newest(warehouse).attempts] == [2, 4, 5, 6, 7]


@pytest.fixture
def foundation(
    location: Location, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Returns a function that runs the command in an empty repository and returns exit code, stdout and stderr."""
    location.write("dlthub/.keep", "")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["foundation", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


Foundation = Callable[..., tuple[int, str, str]]


def test_the_command_shows_attempts_and_errors(location: Location, foundation: Foundation) -> None:
    """Times are in UTC, the newest attempt is last, and errors are below; options filter the rows."""
    warehouse = build_warehouse(location.root)
    record(warehouse, attempt(1, rows=12_345, bytes=2048, cursor="2026-11-20"))
    record(warehouse, attempt(2, **FAILED | {"error": "503 [busy]"}))
    code, printed, _ = foundation("audit")
    assert code == 0
    rows = [
        r"2026-11-21 09:01:00 +│ raw.orders +│ run +│ +1 │ loaded +│ +12,345 │ +2,048 │ +1.5 │ 2026-11-20",
        r"2026-11-21 09:02:00 +│ raw.orders +│ run +│ +2 │ failed +│ +2 │ +│ +1.5 │",
        r"^failed 2026-11-21 09:02:00 raw.orders: HTTPError: 503 \[busy\]$",
    ]
    assert re.search(".*".join(rows), printed, re.DOTALL | re.MULTILINE), printed
    assert "09:01:00" not in foundation("audit", "--last", "1")[1]
    assert "09:01:00" not in foundation("audit", "shop.orders", "--failed")[1]


def test_the_command_of_a_name_without_attempts(location: Location, foundation: Foundation) -> None:
    """A name that does not exist is a usage error with the nearest one; one that exists may have none."""
    location.add("shop", "resources: [{entry: data.get_rows, destination: raw.orders}]")
    location.add("broken", "resources: []")
    record(build_warehouse(location.root), attempt(1, source="gone", asset="raw.gone"))
    for arguments in (("shpo",), ("shpo", "--failed"), ("shpo", "--jobs"), ("shpo", "--json")):
        code, printed, errors = foundation("audit", *arguments)
        assert (code, printed) == (2, "")
        assert (
            "target 'shpo': no such source, table or job id; see `foundation list`. Did you mean 'shop'?"
            in " ".join(errors.replace("│", " ").split())
        )
    for name in ("shop", "shop.orders", "raw.orders", "broken", "gone --failed", "raw.gone --failed"):
        code, printed, _ = foundation("audit", *name.split())
        assert (code, printed.startswith("no ")) == (0, True), name


def test_the_command_prints_the_lines_unchanged(location: Location, foundation: Foundation) -> None:
    """`--json` prints the lines of the file unchanged, at full width."""
    warehouse = build_warehouse(location.root)
    record(warehouse, attempt(1))
    record(warehouse, attempt(2, **FAILED | {"error": "[red]x[/] " * 60}))
    assert foundation("audit", "--json")[1] == (warehouse.work_folder / "audit.jsonl").read_text()


def test_the_command_warns_if_the_warehouse_is_unreachable(
    location: Location, foundation: Foundation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the warehouse is unreachable, the lines of this machine are shown with the reason."""
    monkeypatch.setenv("WAREHOUSE", "snowflake")
    monkeypatch.setenv("DEPLOYMENT", "production")
    for setting in SETTINGS:
        monkeypatch.delenv(setting.name, raising=False)
    record(build_warehouse(location.root), attempt(1))
    code, printed, errors = foundation("audit")
    assert (code, "raw.orders" in printed) == (0, True)
    assert "warehouse unreachable; showing this machine's log only: SettingMissing: needs SNOWFLAKE" in errors


def test_the_command_before_any_load(foundation: Foundation) -> None:
    """An empty trail is not an error."""
    assert foundation("audit") == (0, "no attempt is recorded\n", "")
