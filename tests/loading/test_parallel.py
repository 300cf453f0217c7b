"""Concurrent loads: they are independent, and their number is limited."""

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
    """Writes a source of `count` resources that record their concurrency, and of `entries`; returns all names."""
    names = [f"t{n}" for n in range(count)]
    lines = [f"  - {{entry: data.get_rows, args: [{name}, {seconds}], destination: raw.{name}}}" for name in names]
    lines += [f"  - {{entry: data.{entry}, destination: raw.{entry}}}" for entry in entries]
    tree.add("shop", "\n".join([f"source: {{max_concurrency: {concurrency}}}", "resources:", *lines]) + "\n", DATA)
    return [f"shop.{name}" for name in (*names, *entries)]


@pytest.mark.parametrize("entry", ["fail", "leave"])
def test_a_failed_load_does_not_stop_others(tree: Tree, entry: str) -> None:
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


def test_concurrency_of_a_source_is_limited(tree: Tree) -> None:
    """As many resources run concurrently as `max_concurrency` allows, and no more."""
    names = add(tree, 6, 2, seconds=0.3)
    for event in load_side_by_side([tree.task(name) for name in names], tree.warehouse):
        assert not isinstance(event, Outcome) or event.result
    assert max(tree.query(f"select most from raw.t{n}")[0] for n in range(6)) == 2


def test_loads_run_concurrently(tree: Tree) -> None:
    """Concurrent loads take less time than consecutive ones."""
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
    """Each resource reports its phases in order, and its outcome last."""
    names = add(tree, 3, 3)
    reported: dict[str, list[str]] = {}
    for event in load_side_by_side([tree.task(name) for name in names], tree.warehouse):
        if isinstance(event, Progress):
            phases = reported.setdefault(event.destination, [])
            phases += [event.phase] if event.phase not in phases else []
        else:
            reported[event.task.resource.destination].append("outcome")
    assert set(reported) == {"raw.t0", "raw.t1", "raw.t2"}
    for phases in reported.values():
        assert phases == ["waiting", "extract", "normalize", "load", "done", "outcome"]


def test_no_tasks_give_no_events(tree: Tree) -> None:
    """Without tasks there are no events."""
    assert list(load_side_by_side([], tree.warehouse)) == []
