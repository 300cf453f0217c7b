"""Log records and warnings of a source: they become notes in the progress of its load."""

from io import StringIO
from typing import TextIO

import dagster as dg
import pytest
from rich.console import Console

from data_foundation.cli.run_report import ProgressView
from data_foundation.loading.progress import Progress
from data_foundation.local.run import load_and_log
from tests.support.locations import Location
from tests.support.trees import Tree

ENTRIES = """
import logging
import threading
import warnings

import dlt

logger = logging.getLogger(__name__)


def get_rows(name):
    logger.info("window 1 of 2 of %s", name)
    logger.debug("too much")
    yield {"id": 1}
    warnings.warn(f"version 1 of {name} ends soon", stacklevel=1)
    logger.warning("slow: https://shop.example/?access_token=s3cret")


@dlt.resource(parallelized=True)
def get_in_a_pool():
    logger.info("in the pool of a generator")
    yield [{"id": 1}, {"id": 2}]


@dlt.transformer(parallelized=True)
def get_details(rows):
    logger.info("details of %d rows", len(rows))
    return rows


@dlt.resource
async def get_async():
    logger.info("in a loop")
    yield {"id": 1}


def get_rows_with_a_thread():
    thread = threading.Thread(target=lambda: logger.error("in a thread of its own"))
    thread.start()
    thread.join()
    return [{"id": 1}]
"""


def notes(tree: Tree, *tables: str, shown: TextIO | None = None) -> dict[str, list[tuple[str, str]]]:
    """Loads tables concurrently, displayed as in `foundation run`; returns (level, text) of the notes by table."""
    tasks = [tree.task(f"shop.{table}") for table in tables]
    found: dict[str, list[tuple[str, str]]] = {}
    view = ProgressView(Console(file=shown or StringIO()))
    for event in load_and_log(tree.root, tasks, tree.warehouse):
        if isinstance(event, Progress):
            view.show(event)
            if event.note:
                found.setdefault(event.destination, []).append((event.level, event.note))
    return found


def add(place: Tree | Location) -> None:
    """Writes the source `shop`, whose entries log and warn."""
    place.add(
        "shop",
        """
        resources:
          - {entry: data.get_rows, args: [a], destination: raw.a}
          - {entry: data.get_rows, args: [b], destination: raw.b}
          - {entry: data.get_in_a_pool, destination: raw.pool}
          - {entry: data.get_details, data_from: raw.pool, destination: raw.details}
          - {entry: data.get_async, destination: raw.loop}
          - {entry: data.get_rows_with_a_thread, destination: raw.thread}
        """,
        ENTRIES,
    )


def test_notes_belong_to_the_load_that_logged_them(tree: Tree) -> None:
    """Concurrent loads do not mix their notes; records below INFO are left out, and secrets are masked."""
    add(tree)
    shown = StringIO()
    found = notes(tree, "a", "b", shown=shown)
    assert found == {
        f"raw.{name}": [
            ("INFO", f"window 1 of 2 of {name}"),
            ("WARNING", f"UserWarning: version 1 of {name} ends soon"),
            ("WARNING", "slow: https://shop.example/?access_token=***"),
        ]
        for name in ("a", "b")
    }
    [log] = (tree.root / "logs").iterdir()
    logged = log.read_text()
    assert "| INFO     | raw.a: window 1 of 2 of a\n" in logged
    assert "| WARNING  | raw.b: UserWarning: version 1 of b ends soon\n" in logged
    assert "raw.b  window 1 of 2 of b\n" in shown.getvalue()
    assert "s3cret" not in logged + shown.getvalue()


def test_notes_of_threads_belong_to_the_load(tree: Tree) -> None:
    """Notes of parallel resources, async generators and threads of the source belong to the load of their source."""
    add(tree)
    assert notes(tree, "details") == {
        "raw.details": [("INFO", "in the pool of a generator"), ("INFO", "details of 2 rows")]
    }
    assert notes(tree, "loop") == {"raw.loop": [("INFO", "in a loop")]}
    assert notes(tree, "thread") == {"raw.thread": [("ERROR", "in a thread of its own")]}


def test_dagster_shows_notes_in_its_event_log(location: Location) -> None:
    """INFO is logged as info and WARNING as warning, with the table's name."""
    add(location)
    with dg.DagsterInstance.ephemeral() as instance:
        result = location.materialize("raw/a", instance=instance)
        entries = instance.all_logs(result.run_id)
    logged = [(entry.level, entry.user_message) for entry in entries if entry.user_message.startswith("raw.a: ")]
    assert (20, "raw.a: window 1 of 2 of a") in logged
    assert (30, "raw.a: UserWarning: version 1 of a ends soon") in logged


def test_without_a_progress_callback_logging_is_unchanged(tree: Tree, caplog: pytest.LogCaptureFixture) -> None:
    """Without a progress callback, as in a preview or a script, Python's logging and warnings are unchanged."""
    add(tree)
    with pytest.warns(UserWarning, match="version 1 of a ends soon"):
        tree.load("shop.a")
    assert [record.levelname for record in caplog.records if record.name.startswith("_dlthub_shop")] == [
        "INFO",
        "WARNING",
    ]
