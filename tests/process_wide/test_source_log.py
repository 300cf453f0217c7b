"""What a source logs and warns of reaches whoever looks on, as a note of the load that it was said in."""

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
    """Loads tables side by side, shown as `foundation run` does; returns by table level and text of every note."""
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
    """Writes the source `shop`, whose entries say something."""
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


def test_what_each_load_says_is_a_note_of_its_own(tree: Tree) -> None:
    """Side by side in threads, none hears another; nothing below INFO is told, and no secret."""
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
    said = log.read_text()
    assert "| INFO     | raw.a: window 1 of 2 of a\n" in said
    assert "| WARNING  | raw.b: UserWarning: version 1 of b ends soon\n" in said
    assert "raw.b  window 1 of 2 of b\n" in shown.getvalue()
    assert "s3cret" not in said + shown.getvalue()


def test_threads_of_dlt_and_of_the_source_belong_to_its_load(tree: Tree) -> None:
    """Items that dlt computes side by side, a loop, and a thread that the source started: nothing is lost."""
    add(tree)
    assert notes(tree, "details") == {
        "raw.details": [("INFO", "in the pool of a generator"), ("INFO", "details of 2 rows")]
    }
    assert notes(tree, "loop") == {"raw.loop": [("INFO", "in a loop")]}
    assert notes(tree, "thread") == {"raw.thread": [("ERROR", "in a thread of its own")]}


def test_dagster_shows_them_in_its_event_log(location: Location) -> None:
    """INFO as info, WARNING as warning, with the table's name."""
    add(location)
    with dg.DagsterInstance.ephemeral() as instance:
        result = location.materialize("raw/a", instance=instance)
        entries = instance.all_logs(result.run_id)
    said = [(entry.level, entry.user_message) for entry in entries if entry.user_message.startswith("raw.a: ")]
    assert (20, "raw.a: window 1 of 2 of a") in said
    assert (30, "raw.a: UserWarning: version 1 of a ends soon") in said


def test_without_an_onlooker_a_warning_goes_where_it_always_went(tree: Tree, caplog: pytest.LogCaptureFixture) -> None:
    """A preview, or a script that loads by itself, keeps Python's logging as it was."""
    add(tree)
    with pytest.warns(UserWarning, match="version 1 of a ends soon"):
        tree.load("shop.a")
    assert [record.levelname for record in caplog.records if record.name.startswith("_dlthub_shop")] == [
        "INFO",
        "WARNING",
    ]
