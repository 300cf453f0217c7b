"""What the loads of one run share: parents are read once, sources are built once, source states are one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from data_foundation.loading.parallel import Outcome, load_side_by_side
from data_foundation.loading.siblings import parents
from tests.support.trees import Tree

CODE = """
import threading
from pathlib import Path

import dlt

HERE = Path(__file__).parent
built = threading.local()


def note(name):
    with (HERE / "notes.txt").open("a") as file:
        file.write(name + "\\n")


def source():
    return int((HERE / "rows.json").read_text())


@dlt.resource
def orders({cursor}):
    note("orders")
    for n in range(source()):
        yield [{{"n": n, "at": n + 1, "lines": [n, n]{more}}}]


def fails():
    return (HERE / "fails").exists()


@dlt.transformer({hints})
def first(page):
    for row in page:
        if row["n"] == 1 and fails():
            raise ValueError("no")
        row["n"] += 100
        yield {{"n": row["n"]}}
        row["lines"].clear()


@dlt.transformer({hints})
def second(page):
    for row in page:
        yield {{"n": row["n"], "lines": row["lines"]}}


@dlt.transformer({hints})
def third(page):
    yield from ({{"n": row["n"]}} for row in page)


@dlt.source
def shop():
    note("built")
    parent = orders()
    return parent | first(), parent | second(), parent | third()
"""
MEMBERS = "".join(
    f"  - {{entry: data.shop, resource: {name}, destination: raw.{name}}}\n" for name in ("first", "second", "third")
)
PIPED = "  - {entry: data.orders, destination: raw.orders}\n" + "".join(
    f"  - {{entry: data.{name}, data_from: orders, destination: raw.{name}}}\n" for name in ("first", "second", "third")
)
CURSOR = "at=dlt.sources.incremental('at', initial_value=0)"


def add(tree: Tree, rows: int, members: str = MEMBERS, *, cursor: str = "", more: str = "") -> None:
    """Writes a source with three transformers of one parent."""
    hints = "" if cursor else "write_disposition='replace'"
    code = CODE.format(cursor=cursor, more=more, hints=hints)
    tree.add("s", members if members.startswith("source:") else f"resources:\n{members}", code)
    tree.give("s", [])
    (tree.root / "dlthub" / "s" / "rows.json").write_text(str(rows))


def run(tree: Tree, names: Sequence[str] = ("first", "second", "third"), **options: Any) -> Mapping[str, Outcome]:
    """Loads tables in one run and returns their outcomes by table."""
    tasks = [tree.task(f"s.{name}", **options) for name in names]
    events = load_side_by_side(tasks, tree.warehouse)
    return {event.task.resource.table: event for event in events if isinstance(event, Outcome)}


def notes(tree: Tree) -> list[str]:
    """Returns what the code has noted since the last call."""
    file = tree.root / "dlthub" / "s" / "notes.txt"
    lines = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return lines


def tables(tree: Tree) -> list[list[int]]:
    """Returns the rows of the three tables, those of the first one without the 100 that it adds."""
    first, second, third = (tree.query(f"select n from raw.{name} order by 1") for name in ("first", "second", "third"))
    return [[n - 100 for n in first], second, third]


@pytest.mark.parametrize("members", [MEMBERS, PIPED], ids=["source", "data_from"])
def test_a_parent_is_read_once_for_several_transformers(tree: Tree, members: str) -> None:
    """Each transformer receives every page of one reading as the parent yielded it, whatever another does to it."""
    add(tree, 3, members)
    assert not [one.error for one in run(tree).values() if one.error]
    assert notes(tree).count("orders") == 1
    assert tables(tree) == [[0, 1, 2]] * 3
    assert tree.query("select count(*) from raw.second__lines") == [6]


@pytest.mark.parametrize(
    ("more", "limit", "most"),
    [(', "f": lambda: 1', None, 1000), ("", 2, 1000), ("", None, 10)],
    ids=["pages that cannot be kept", "a sample", "more than is kept"],
)
def test_a_parent_that_cannot_be_kept_is_read_by_each(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, more: str, limit: int | None, most: int
) -> None:
    """Each transformer then reads the parent itself, and loses nothing."""
    monkeypatch.setattr(parents, "MOST_BYTES", most)
    add(tree, 3, more=more)
    assert not [one.error for one in run(tree, limit=limit).values() if one.error]
    assert notes(tree).count("orders") == 3
    assert tables(tree) == [list(range(limit or 3))] * 3


def test_a_parent_with_a_cursor_is_read_once_for_those_at_one_value(tree: Tree) -> None:
    """A transformer that failed reads the parent from its own value; the others share what is new."""
    add(tree, 2, cursor=CURSOR)
    run(tree)
    assert notes(tree).count("orders") == 1
    add(tree, 4, cursor=CURSOR)
    (tree.root / "dlthub" / "s" / "fails").touch()
    outcomes = run(tree, ["second", "third"])
    assert not [one.error for one in outcomes.values() if one.error]
    assert notes(tree).count("orders") == 1
    (tree.root / "dlthub" / "s" / "fails").unlink()
    add(tree, 5, cursor=CURSOR)
    run(tree)
    assert notes(tree).count("orders") == 2
    assert tables(tree) == [[0, 1, 2, 3, 4]] * 3
    run(tree)
    assert tables(tree) == [[0, 1, 2, 3, 4]] * 3


def test_a_transformer_that_fails_gives_its_pages_to_no_other(tree: Tree) -> None:
    """A reading that was not completed is begun anew by the next one."""
    add(tree, 3, f"source: {{max_concurrency: 1}}\nresources:\n{MEMBERS}")
    (tree.root / "dlthub" / "s" / "fails").touch()
    outcomes = run(tree)
    assert [name for name, one in outcomes.items() if one.error] == ["first"]
    assert notes(tree).count("orders") == 2
    (tree.root / "dlthub" / "s" / "fails").unlink()
    run(tree)
    assert tables(tree) == [[0, 1, 2]] * 3


@pytest.mark.parametrize("refresh", ["state", "drop"])
def test_a_refresh_reads_the_parent_once_and_all_of_it(tree: Tree, refresh: str) -> None:
    """The cursor of the parent begins anew for each transformer."""
    add(tree, 3, cursor=CURSOR)
    run(tree)
    notes(tree)
    run(tree, refresh=refresh)
    assert notes(tree).count("orders") == 1
    run(tree)
    assert tables(tree) == [[0, 1, 2]] * 3


@pytest.mark.parametrize(("concurrency", "count"), [(1, 1), (2, 3)])
def test_a_source_is_built_once_if_its_tables_are_loaded_one_after_another(
    tree: Tree, concurrency: int, count: int
) -> None:
    """Loads at the same time build it each for itself, so that what they share does not depend on their threads."""
    add(tree, 3, f"source: {{max_concurrency: {concurrency}}}\nresources:\n{MEMBERS}")
    for _ in range(2):
        run(tree)
        assert notes(tree).count("built") == count


STATES = """
import time
from pathlib import Path

import dlt

HERE = Path(__file__).parent


@dlt.source
def shop(region="eu"):
    @dlt.resource(write_disposition="replace")
    def names():
        dlt.current.source_state().setdefault("names", {})[region] = "size"
        time.sleep(0.2)
        yield {"n": 1}

    def rows(name):
        state = dlt.current.source_state()
        last = state.setdefault("last", {})
        now = int((HERE / "rows.json").read_text())
        if name == "deals" and now == 3:
            raise ValueError("no")
        for n in range(last.get(name, 0), now):
            yield {"n": n, state.get("names", {}).get(region, "?"): n}
        last[name] = now

    return names, *(dlt.resource(rows, name=name, write_disposition="append")(name) for name in ("deals", "leads"))
"""
ALL = ("names", "deals", "leads")


def add_states(tree: Tree, rows: int, region: str = "") -> None:
    """Writes a source whose resources keep a state together."""
    given = f", kwargs: {{region: {region}}}" if region else ""
    members = "".join(f"  - {{entry: data.shop, resource: {name}, destination: raw.{name}{given}}}\n" for name in ALL)
    tree.add("s", f"resources:\n{members}", STATES)
    (tree.root / "dlthub" / "s" / "rows.json").write_text(str(rows))


def numbers(tree: Tree) -> list[list[Any]]:
    """Returns the rows of deals and leads, by the name that another resource has given their column."""
    return [tree.query(f"select size from raw.{name} order by n") for name in ("deals", "leads")]


def test_resources_of_a_source_share_its_state(tree: Tree) -> None:
    """A resource reads what one before it has written, in one run and in runs of their own."""
    add_states(tree, 2)
    assert not [one.error for one in run(tree, ALL).values() if one.error]
    assert numbers(tree) == [[0, 1]] * 2
    add_states(tree, 4)
    run(tree, ["leads"])
    run(tree, ["deals"])
    run(tree, ALL)
    assert numbers(tree) == [[0, 1, 2, 3]] * 2


def test_a_resource_that_fails_keeps_its_part_of_the_state(tree: Tree) -> None:
    """What others write beside it stays, and the failed one begins where it stood."""
    add_states(tree, 2)
    run(tree, ALL)
    add_states(tree, 3)
    outcomes = run(tree, ALL)
    assert [name for name, one in outcomes.items() if one.error] == ["deals"]
    add_states(tree, 4)
    run(tree, ALL)
    assert numbers(tree) == [[0, 1, 2, 3]] * 2


@pytest.mark.parametrize("refresh", ["state", "drop"])
def test_a_refresh_forgets_what_the_table_has_written_and_no_more(tree: Tree, refresh: str) -> None:
    """The rows of the table come again, with the names that another resource has written."""
    add_states(tree, 2)
    run(tree, ALL)
    assert not [one.error for one in run(tree, ["deals"], refresh=refresh).values() if one.error]
    run(tree, ALL)
    assert numbers(tree) == [[0, 1]] * 2


def test_two_sources_of_one_function_have_two_states(tree: Tree) -> None:
    """Other arguments are another source, which neither reads what this one has written nor forgets it."""
    add_states(tree, 2)
    members = "".join(
        f"  - {{entry: data.shop, resource: {name}, destination: raw.{region}_{name}, kwargs: {{region: {region}}}}}\n"
        for name in ALL
        for region in ("eu", "us")
    )
    (tree.root / "dlthub" / "s" / "sources.yaml").write_text(f"resources:\n{members}")
    for _ in range(2):
        outcomes = run(tree, [f"{region}_{name}" for region in ("eu", "us") for name in ALL])
        assert not [one.error for one in outcomes.values() if one.error]
    assert [tree.query(f"select size from raw.{region}_deals order by n") for region in ("eu", "us")] == [[0, 1]] * 2
