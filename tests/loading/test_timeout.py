"""The key `timeout`: a load that blocks, or never ends, fails with an error that names the limit; others are loaded."""

import time
from pathlib import Path

import pytest

from data_foundation.errors import TimedOut
from data_foundation.loading.parallel import Outcome, load_side_by_side
from tests.support.trees import Tree

DATA = """
import time
from pathlib import Path

HERE = Path(__file__).parent


def get_rows(pause=0.0, count=1, block=""):
    for number in range(count):
        time.sleep(pause)
        while block and number == 1 and not (HERE / "go").exists():
            time.sleep(0.02)
        yield [{"id": number}]
"""


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shortens the time in which a load whose time is up may end by itself."""
    monkeypatch.setattr("data_foundation.loading.parallel.GRACE_SECONDS", 0.3)


def add(tree: Tree, **kwargs: object) -> Path:
    """Writes a source of two tables, of which the first is read with arguments and has short limits."""
    arguments = ", ".join(f"{name}: {value}" for name, value in kwargs.items() if name not in {"page", "run"})
    limits = ", ".join(f"{name}: {value}" for name, value in kwargs.items() if name in {"page", "run"})
    return tree.add(
        "shop",
        f"""
        source: {{max_concurrency: 1}}
        resources:
          - {{entry: data.get_rows, kwargs: {{{arguments}}}, destination: raw.slow, timeout: {{{limits}}}}}
          - {{entry: data.get_rows, destination: raw.quick}}
        """,
        DATA,
    )


def load(tree: Tree) -> dict[str, Outcome]:
    """Loads both tables."""
    events = load_side_by_side([tree.task("shop.slow"), tree.task("shop.quick")], tree.warehouse)
    return {event.task.resource.table: event for event in events if isinstance(event, Outcome)}


def test_a_source_that_blocks_fails_alone(tree: Tree) -> None:
    """The error names table, seconds and key; the next table is loaded, and the blocked thread changes nothing."""
    folder = add(tree, count=3, block="yes", page=1)
    outcomes = load(tree)
    assert isinstance(outcomes["slow"].error, TimedOut)
    assert str(outcomes["slow"].error) == (
        "raw.slow: its source has yielded nothing for 1 s, and was given up; nothing was loaded. "
        "Set `timeout: {page: ...}` of the resource if it needs more time"
    )
    assert outcomes["quick"].result
    (folder / "go").touch()
    time.sleep(1)
    assert tree.query("select table_name from information_schema.tables where table_name = 'slow'") == []
    assert load(tree)["slow"].result
    assert tree.query("select id from raw.slow order by id") == [0, 1, 2]


def test_only_the_time_between_two_pages_counts(tree: Tree) -> None:
    """Many pages may take longer together than one alone."""
    add(tree, pause=0.4, count=5, page=1.2)
    assert load(tree)["slow"].result
    assert tree.query("select count(*) from raw.slow") == [5]


def test_a_source_that_never_ends_fails(tree: Tree) -> None:
    """A load whose pages never end is ended by `run`, at its next page."""
    add(tree, pause=0.05, count=100_000, run=1)
    outcomes = load(tree)
    assert str(outcomes["slow"].error) == (
        "raw.slow: the load has taken more than 1 s, and was given up; nothing was loaded. "
        "Set `timeout: {run: ...}` of the resource if it needs more time"
    )
    assert outcomes["quick"].result


def test_a_page_that_is_late_is_refused_by_a_load_alone(tree: Tree) -> None:
    """A load that nothing watches fails when its late page comes."""
    add(tree, pause=0.5, count=2, page=0.1)
    with pytest.raises(TimedOut, match=r"^raw\.slow: its source has yielded nothing for 0\.1 s"):
        tree.load("shop.slow")


def test_a_source_sets_the_limits_of_its_resources(tree: Tree) -> None:
    """`timeout` of `source:` counts for each resource that sets none."""
    resources = "resources: [{entry: data.get_rows, destination: raw.a}, {entry: data.get_rows, destination: raw.b, "
    tree.add("shop", f"source: {{timeout: {{page: 60}}}}\n{resources}timeout: {{run: 5}}}}]", DATA)
    limits = [tree.task(f"shop.{name}").resource.timeout for name in "ab"]
    assert [(limit.page, limit.run) for limit in limits] == [(60, 43200), (3600, 5)]
