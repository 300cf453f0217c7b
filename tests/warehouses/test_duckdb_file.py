"""Tests of turns at a DuckDB file, among threads and among processes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from data_foundation.warehouses.duckdb import file as duckdb_file
from data_foundation.warehouses.duckdb.file import DuckDBFile, find_file


def test_threads_hand_the_open_file_over(tmp_path: Path) -> None:
    """While threads wait, the file is opened once; one thread uses it at a time, and the last one closes it."""
    file, opened = DuckDBFile(str(tmp_path / "w.duckdb")), []
    using, most, ready = 0, 0, threading.Barrier(4)

    def connect_once() -> duckdb.DuckDBPyConnection:
        opened.append(duckdb.connect(str(tmp_path / "w.duckdb")))
        return opened[-1]

    def use(number: int) -> None:
        nonlocal using, most
        ready.wait()
        file.take(60)
        using += 1
        most = max(most, using)
        file.connection(connect_once).execute(f"CREATE TABLE t{number} (id INTEGER)")
        # Long enough for the other threads to be waiting.
        threading.Event().wait(0.2)
        using -= 1
        file.leave(hand_over=True)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(use, range(4)))
    assert (len(opened), most) == (1, 1)
    with pytest.raises(duckdb.ConnectionException):
        opened[0].execute("SELECT 1")


def test_a_connection_with_an_error_is_not_handed_over(tmp_path: Path) -> None:
    """After an error, the file is closed even if another thread waits for it."""
    path = str(tmp_path / "w.duckdb")
    file = find_file(path)
    file.take(1)
    first = file.connection(lambda: duckdb.connect(path))
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(file.take, 60)
        while not file._waiting:
            pass
        file.leave(hand_over=False)
        waiting.result()
    assert file.connection(lambda: duckdb.connect(path)) is not first
    file.leave(hand_over=True)


def test_threads_let_other_processes_have_their_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while the file is closed for a moment, however many threads wait."""
    monkeypatch.setattr(duckdb_file, "TURN_SECONDS", 0.0)
    path = str(tmp_path / "w.duckdb")
    file, other = DuckDBFile(path), DuckDBFile(path)
    file.take(1)
    file.connection(lambda: duckdb.connect(path))
    with ThreadPoolExecutor(2) as threads:
        foreign = threads.submit(other.take, 60)
        own = threads.submit(file.take, 60)
        while not file._waiting:
            pass
        file.leave(hand_over=True)
        foreign.result()
        assert not own.done()
        other.leave(hand_over=True)
        own.result()
    file.leave(hand_over=True)
