"""Holds many resources at once to their independence, and to the number that may run at a time."""

import time

import pytest

from data_foundation.errors import LoadError
from data_foundation.loading.parallel import Outcome, load_side_by_side
from data_foundation.loading.progress import Progress
from tests.support.trees import Tree

DATA = """
import sys
import threading
import time
from pathlib import Path

running = []
most = 0
lock = threading.Lock()


def get_rows(name, seconds=0.0):
    global most
    with lock:
        running.append(name)
        most = max(most, len(running))
    time.sleep(seconds)
    with lock:
        running.remove(name)
    yield {"most": most}


def fail():
    yield {"n": 1}
    raise ValueError("no")


def leave():
    yield {"n": 1}
    sys.exit(3)
"""


def add(tree: Tree, count: int, concurrency: int, *entries: str, seconds: float = 0.0) -> list[str]:
    """A source of resources that tell how many of them were extracted at a time, and of `entries`; their names."""
    names = [f"t{n}" for n in range(count)]
    lines = [f"  - {{entry: data.get_rows, args: [{name}, {seconds}], destination: raw.{name}}}" for name in names]
    lines += [f"  - {{entry: data.{entry}, destination: raw.{entry}}}" for entry in entries]
    tree.add("shop", "\n".join([f"source: {{max_concurrency: {concurrency}}}", "resources:", *lines]) + "\n", DATA)
    return [f"shop.{name}" for name in (*names, *entries)]


@pytest.mark.parametrize("entry", ["fail", "leave"])
def test_one_that_fails_stops_no_other(tree: Tree, entry: str) -> None:
    """An entry that raises, or calls sys.exit, is one failed outcome; the others land."""
    names = add(tree, 2, 2, entry)
    events = list(load_side_by_side([tree.task(name) for name in names], tree.warehouse))
    outcomes = {event.task.resource.table: event for event in events if isinstance(event, Outcome)}
    assert outcomes.keys() == {"t0", "t1", entry}
    assert isinstance(outcomes[entry].error, LoadError)
    assert f" at dlthub/shop/data.py:{30 if entry == 'leave' else 25} in {entry}: " in str(outcomes[entry].error)
    for name in ("t0", "t1"):
        result = outcomes[name].result
        assert result
        assert result.rows == 1


def test_a_source_is_asked_by_so_many_at_a_time(tree: Tree) -> None:
    """`max_concurrency` of a source is kept to, and used."""
    names = add(tree, 6, 2, seconds=0.3)
    for event in load_side_by_side([tree.task(name) for name in names], tree.warehouse):
        assert not isinstance(event, Outcome) or event.result
    assert max(tree.query(f"select most from raw.t{n}")[0] for n in range(6)) == 2


def test_waiting_overlaps(tree: Tree) -> None:
    """What one waits for, the others use: side by side takes less than one after the other."""
    names = add(tree, 4, 4, seconds=1.5)
    started = time.monotonic()
    outcomes = [
        event for event in load_side_by_side([tree.task(name) for name in names], tree.warehouse)
        if isinstance(event, Outcome)
    ]  # fmt: skip
    assert len(outcomes) == 4
    assert all(outcome.result and outcome.seconds >= 1.5 for outcome in outcomes)
    assert time.monotonic() - started < sum(outcome.seconds for outcome in outcomes)


def test_progress_and_outcomes_arrive_in_the_order_of_each_resource(tree: Tree) -> None:
    """Each resource tells its phases in order, and its outcome last."""
    names = add(tree, 3, 3)
    told: dict[str, list[str]] = {}
    for event in load_side_by_side([tree.task(name) for name in names], tree.warehouse):
        if isinstance(event, Progress):
            phases = told.setdefault(event.destination, [])
            phases += [event.phase] if event.phase not in phases else []
        else:
            told[event.task.resource.destination].append("outcome")
    assert set(told) == {"raw.t0", "raw.t1", "raw.t2"}
    for phases in told.values():
        assert phases == ["waiting", "extract", "normalize", "load", "done", "outcome"]


def test_nothing_to_do_is_nothing(tree: Tree) -> None:
    """No task, no event."""
    assert list(load_side_by_side([], tree.warehouse)) == []
