"""Tests of SQLite's files as datasets."""

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

from data_foundation.warehouses.alchemy.dialects import write_ahead


def test_a_new_file_that_another_process_writes(tmp_path: Path) -> None:
    """SQLite refuses to write ahead while another connection writes, without a wait; so this side waits."""
    path = tmp_path / "raw.db"
    # Of two first loads at once one failed so, twice in a hundred.
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        ended = threading.Timer(0.3, other.execute, ["ROLLBACK"])
        ended.start()
        began = time.monotonic()
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            write_ahead(connection, "main")
            assert time.monotonic() - began > 0.2
            assert connection.execute("PRAGMA main.journal_mode").fetchone() == ("wal",)
        ended.join()
