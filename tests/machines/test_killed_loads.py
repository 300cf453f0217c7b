"""A machine dies in a load, and never comes back: the next run of the table on any other records the load as killed."""

import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from data_foundation.audit import starts
from data_foundation.audit.read import read_trail
from data_foundation.loading.parallel import Outcome, load_side_by_side
from data_foundation.loading.progress import Progress
from tests.promises import killed
from tests.support.postgres_server import PostgresServer, PostgresTree

FOUNDATION = Path(sys.executable).parent / "foundation"
YAML = """
source: {max_concurrency: 1}
resources:
  - {entry: data.get_rows, args: [first], destination: raw.first}
  - {entry: data.get_rows, args: [second], destination: raw.second}
"""
DATA = """
import os
import signal
import time
from pathlib import Path


def get_rows(name):
    yield [{"id": 1}]
    while Path(__file__).with_name("waits").exists():
        time.sleep(0.02)
    if Path(__file__).with_name(f"dies_in_{name}").exists():
        os.kill(os.getpid(), signal.SIGKILL)
"""


@dataclass(frozen=True)
class Machine(PostgresTree):
    """A machine whose runs are those of `foundation run`, with the progress of each load."""

    def events(self, run_id: str, *tables: str) -> Iterator[Progress | Outcome]:
        """Returns the events of a run that loads tables, all by default."""
        tasks = [self.task(f"shop.{table}", run_id=run_id) for table in tables or ("first", "second")]
        return load_side_by_side(tasks, self.warehouse)

    @override
    def load(self, name: str, **options: Any) -> Any:
        """Runs all tables."""
        ends = [event for event in self.events(options["run_id"]) if isinstance(event, Outcome)]
        assert [end.error for end in ends] == [None, None]

    def die(self, run_id: str, table: str) -> None:
        """Runs all tables in a process that is killed while it reads one; its disk is gone too."""
        self.write(f"dlthub/shop/dies_in_{table}", "")
        assert killed.run(self, "shop.first", run_id=run_id) == -signal.SIGKILL
        shutil.rmtree(self.warehouse.work_folder)

    def trail(self) -> list[tuple[str, str, str]]:
        """Returns run, table and status of every attempt."""
        trail = read_trail(self.warehouse)
        assert not trail.unreachable
        return sorted((one.run_id, one.asset, one.status) for one in trail.attempts)


@pytest.fixture
def machines(postgres_server: PostgresServer, tmp_path: Path) -> Sequence[Machine]:
    """Two machines over one empty database, which share no folder."""
    settings = postgres_server.settings(postgres_server.create_database())
    machines = [Machine(tmp_path / name, settings) for name in ("one", "other")]
    for machine in machines:
        machine.add("shop", YAML, DATA)
    return machines


def loaded(run_id: str, *tables: str) -> list[tuple[str, str, str]]:
    """Returns the attempts of a run that has landed tables, both by default."""
    return [(run_id, f"raw.{table}", "loaded") for table in tables or ("first", "second")]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("has_history", [False, True])
def test_the_next_run_on_another_machine_records_it(machines: Sequence[Machine], *, has_history: bool) -> None:
    """The table that had landed is loaded, that in which the machine died is killed, once however many runs follow."""
    one, other = machines
    if has_history:
        other.load("shop", run_id="a")
    one.die("b", "second")
    for run_id in ("c", "d"):
        other.load("shop", run_id=run_id)
    before = loaded("a") if has_history else []
    assert other.trail() == [
        *before,
        ("b", "raw.first", "loaded"),
        ("b", "raw.second", "killed"),
        *loaded("c"),
        *loaded("d"),
    ]
    assert other.query("select * from raw._load_starts") == []


def test_only_a_run_of_the_same_table_records_it(machines: Sequence[Machine]) -> None:
    """A run of another table leaves it; a machine that dies too leaves both to the next."""
    one, other = machines
    one.die("a", "second")
    list(other.events("b", "first"))
    assert [attempt for attempt in other.trail() if attempt[0] == "a"] == loaded("a", "first")
    other.die("c", "first")
    (other.root / "dlthub/shop/dies_in_first").unlink()
    other.load("shop", run_id="d")
    killed_in = [(run_id, table) for run_id, table, status in other.trail() if status == "killed"]
    assert killed_in == [("a", "raw.second"), ("c", "raw.first"), ("c", "raw.second")]


def test_a_run_that_has_begun_later_is_not_killed(machines: Sequence[Machine]) -> None:
    """A run leaves those that have begun after it, which may still run."""
    one, other = machines
    waits = other.write("dlthub/shop/waits", "")
    earlier = one.events("earlier")
    next(earlier)
    later = other.events("later")
    next(later)
    list(earlier)
    assert one.trail() == loaded("earlier")
    waits.unlink()
    list(later)
    assert {status for *_, status in one.trail()} <= {"loaded", "failed"}


@pytest.mark.rare
def test_a_machine_that_was_only_paused_records_its_end(machines: Sequence[Machine]) -> None:
    """A run that begins and ends meanwhile counts it as killed; its end is a further row."""
    one, other = machines
    waits = one.write("dlthub/shop/waits", "")
    paused = one.events("paused")
    next(paused)
    other.load("shop", run_id="meanwhile")
    assert ("paused", "raw.first", "killed") in other.trail()
    waits.unlink()
    list(paused)
    assert set(loaded("paused")) <= set(other.trail())
    assert other.query("select * from raw._load_starts") == []


def test_a_table_of_another_program_fails_no_load(
    machines: Sequence[Machine], caplog: pytest.LogCaptureFixture
) -> None:
    """If the begun loads cannot be recorded, the loads land, and a warning names the table."""
    one, _ = machines
    one.load("shop", run_id="a")
    one.query("drop table raw._load_starts; create table raw._load_starts (other int)")
    with caplog.at_level(logging.WARNING):
        one.load("shop", run_id="b")
    assert one.trail() == [*loaded("a"), *loaded("b")]
    assert "raw._load_starts is not up to date" in caplog.text


def test_a_locked_table_delays_no_load_for_long(
    machines: Sequence[Machine], postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run waits for the table a short time; then it loads, and a later run removes what it could not."""
    one, _ = machines
    one.load("shop", run_id="a")
    monkeypatch.setattr(starts, "PATIENCE_SECONDS", 0.3)
    with postgres_server.connect(one.settings["POSTGRES_DATABASE"]) as connection, connection.cursor() as cursor:
        cursor.execute("begin; lock table raw._load_starts")
        one.load("shop", run_id="b")
        assert one.trail() == [*loaded("a"), *loaded("b")]
    monkeypatch.undo()
    for run_id in ("c", "d"):
        one.load("shop", run_id=run_id)
    assert {status for *_, status in one.trail()} == {"loaded"}
    assert one.query("select * from raw._load_starts") == []


def test_one_machine_has_no_table_of_begun_loads(tree: Any) -> None:
    """A DuckDB file is of one machine, whose lock notices a killed run: nothing more is written."""
    tree.add("shop", YAML, DATA)
    list(load_side_by_side([tree.task("shop.first", run_id="a")], tree.warehouse))
    tables = "select table_name from information_schema.tables where table_schema = 'raw' and table_name like '_load%'"
    assert tree.query(tables) == ["_load_audit"]


@pytest.mark.rare
def test_the_command_line_of_another_machine(machines: Sequence[Machine]) -> None:
    """`foundation run` dies on one machine; `foundation run` of a new one records it."""
    one, other = machines
    one.write("dlthub/shop/dies_in_second", "")
    codes = []
    for machine in machines:
        machine.write("definitions.py", "")
        environment = {**os.environ, **machine.settings, "WAREHOUSE": "postgres", "DEPLOYMENT": "production"}
        done = subprocess.run([FOUNDATION, "run"], cwd=machine.root, env=environment, check=False, capture_output=True)
        codes.append(done.returncode)
    assert codes == [-signal.SIGKILL, 0]
    assert [(table, status) for _, table, status in other.trail()].count(("raw.second", "killed")) == 1
