"""Tests of the event log that keeps its connections: its files can be read and written by Dagster's own."""

import logging
import os
import queue
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as db
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage

from data_foundation.orchestration.event_log import KeptSqliteEventLog

DEPLOYED = Path(__file__).parents[2] / "deploy" / "dagster.yaml"
OPTION = re.compile(r"^# event_log_storage:\n(?:#   .+\n)+", re.MULTILINE)
"""The commented lines of DEPLOYED that choose it."""
ORDERS = dg.AssetKey("orders")


@dg.asset(key=ORDERS, check_specs=[dg.AssetCheckSpec("complete", asset=ORDERS)])
def orders() -> Iterator[dg.MaterializeResult[Any]]:
    """A table with a check."""
    yield dg.MaterializeResult(check_results=[dg.AssetCheckResult(check_name="complete", passed=True)])


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Two instances of Dagster with one history: with this event log, and with Dagster's default settings."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "kept"))
    homes = {name: tmp_path / name for name in ("kept", "stock")}
    for home in homes.values():
        home.mkdir()
    (homes["kept"] / "history").mkdir()
    (homes["stock"] / "history").symlink_to(homes["kept"] / "history")
    chosen = OPTION.sub(lambda found: re.sub("^# ", "", found[0], flags=re.MULTILINE), DEPLOYED.read_text("utf-8"))
    (homes["kept"] / "dagster.yaml").write_text(chosen, encoding="utf-8")
    (homes["stock"] / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    return homes


@pytest.mark.parametrize(("writer", "reader"), [("kept", "stock"), ("stock", "kept")])
def test_either_log_reads_the_entries_of_the_other(homes: dict[str, Path], writer: str, reader: str) -> None:
    """A deployment that changes to this event log, or back, keeps its history."""
    with dg.DagsterInstance.from_config(str(homes[writer])) as instance:
        run_id = dg.materialize([orders], instance=instance).run_id
    with dg.DagsterInstance.from_config(str(homes[reader])) as instance:
        assert (record := instance.get_latest_materialization_event(ORDERS))
        [check] = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(ORDERS, "complete"), limit=9
        )
        assert record.run_id == run_id == check.run_id
        assert {entry.message for entry in instance.all_logs(run_id)} > {"Materialized value orders."}
        assert dg.materialize([orders], instance=instance).success


def test_it_is_an_option_of_the_deployed_settings(homes: dict[str, Path]) -> None:
    """`deploy/dagster.yaml` has Dagster's event log, and this one in lines to uncomment, in the same files."""
    with dg.DagsterInstance.from_config(str(homes["kept"])) as instance:
        assert isinstance(instance.event_log_storage, KeptSqliteEventLog)
    assert (homes["kept"] / "history" / "runs" / "index.db").exists()
    (homes["kept"] / "dagster.yaml").write_bytes(DEPLOYED.read_bytes())
    with dg.DagsterInstance.from_config(str(homes["kept"])) as instance:
        assert type(instance.event_log_storage) is SqliteEventLogStorage


def entry(run_id: str, message: str) -> EventLogEntry:
    """Returns a log entry of a run."""
    fields = {"error_info": None, "level": logging.INFO, "timestamp": time.time()}
    return EventLogEntry(user_message=message, run_id=run_id, **fields)  # type: ignore[no-untyped-call] # Dagster's own


def journals(home: Path) -> set[str]:
    """Returns the names of the open write-ahead logs."""
    return {file.name for file in (home / "history" / "runs").glob("*.db-wal")}


def test_files_stay_open_until_another_run_is_read(homes: dict[str, Path]) -> None:
    """Only the index and the file of the latest run stay open, so a process that reads many runs has few open files."""
    with dg.DagsterInstance.from_config(str(homes["kept"])) as instance:
        log = instance.event_log_storage
        for run_id in ("first", "second"):
            log.store_event(entry(run_id, "message"))
            assert not log.has_asset_key(ORDERS)  # this query reads the index
            assert journals(homes["kept"]) == {"index.db-wal", f"{run_id}.db-wal"}
    assert not journals(homes["kept"])


def test_watchers_receive_entries_while_the_file_is_open(homes: dict[str, Path]) -> None:
    """A page that shows a run receives its entries as they are written, with either event log."""
    messages: queue.SimpleQueue[str] = queue.SimpleQueue()
    kept, stock = (dg.DagsterInstance.from_config(str(home)) for home in homes.values())
    with kept, stock:
        kept.event_log_storage.store_event(entry("run", "before"))
        stock.event_log_storage.watch("run", None, lambda event, _cursor: messages.put(event.user_message))
        kept.event_log_storage.store_event(entry("run", "after"))
        assert [messages.get(timeout=10), messages.get(timeout=10)] == ["before", "after"]


def test_a_wiped_file_is_not_written_to(homes: dict[str, Path]) -> None:
    """After a wipe, no process keeps a deleted file open."""
    first, second = (dg.DagsterInstance.from_config(str(homes["kept"])) for _ in range(2))
    with first, second:
        first.event_log_storage.store_event(entry("run", "before"))
        second.event_log_storage.wipe()
        second.event_log_storage.store_event(entry("run", "after"))
        assert [event.user_message for event in second.all_logs("run")] == ["after"]
    with dg.DagsterInstance.from_config(str(homes["stock"])) as instance:
        assert [event.user_message for event in instance.all_logs("run")] == ["after"]


@pytest.fixture
def opened() -> Iterator[list[object]]:
    """The connections that are opened from now on."""
    opened: list[object] = []

    def note(connection: object, _record: object) -> None:
        opened.append(connection)

    db.event.listen(db.pool.Pool, "connect", note)
    yield opened
    db.event.remove(db.pool.Pool, "connect", note)


def test_a_forked_process_opens_files_of_its_own(homes: dict[str, Path], opened: list[object]) -> None:
    """SQLite connections must not be used across a fork, so the child process opens its own."""
    with dg.DagsterInstance.from_config(str(homes["kept"])) as instance:
        instance.event_log_storage.store_event(entry("run", "of the parent"))
        opened.clear()
        instance.event_log_storage.store_event(entry("run", "of the parent"))
        assert not opened
        if (child := os.fork()) == 0:
            try:
                instance.event_log_storage.store_event(entry("run", "of the child"))
            finally:
                os._exit(0 if opened else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert [event.user_message for event in instance.all_logs("run")] == [*["of the parent"] * 2, "of the child"]
