"""Reloads of a table: the result equals a first load, and a second reload changes nothing."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_foundation.cli.main import main
from tests.orchestration.test_launchpad import Launchpad
from tests.support.trees import Tree

DAYS = [f"2024-01-{day:02}" for day in range(1, 5)]
DATA = '''
import json
from pathlib import Path


def get_days(start, end):
    """Yields the first four days of January that are in [start, end), in the current colour."""
    colour = (Path(__file__).parent / "colour.txt").read_text()
    for day in range(1, 5):
        if start <= (date := f"2024-01-{day:02}") < end:
            yield {"day": date, "colour": colour, "lines": [{"n": day}, {"n": -day}]}
'''
FROM_CURSOR = """
resources:
  - entry: data.get_days
    kwargs: {{start: "{{{{ partition.start }}}}", end: "{{{{ partition.end }}}}"}}
    destination: raw.days
    write_disposition: {disposition}
    primary_key: day
    incremental: {{cursor_path: day, initial_value: "2024-01-01"}}
    {more}
"""
# A replace has neither partitions nor a cursor: it replaces the whole table.
WHOLE = """
resources:
  - entry: data.get_days
    args: ["2024-01-01", "2024-01-05"]
    destination: raw.days
    write_disposition: {disposition}
"""
PARTITIONS = "partitions: {by: daily, start: 2024-01-01, end: 2024-01-05}"
CONTENT = """
select d.day, d.colour, l.n from raw.days d left join raw.days__lines l on l._dlt_parent_id = d._dlt_id
union all select 'lines', null, count(*) from raw.days__lines order by all
"""
OP = "shop__daily_20240101"

Reload = Callable[[Tree], None]


def add_days(tree: Tree, disposition: str, colour: str, more: str = "") -> None:
    """Writes the source `shop`, whose rows have this colour from now on."""
    settings = WHOLE if disposition == "replace" else FROM_CURSOR
    folder = tree.add("shop", settings.format(disposition=disposition, more=more), DATA)
    (folder / "colour.txt").write_text(colour)


def launch(tree: Tree, **options: Any) -> None:
    """Runs Dagster once, as the launchpad does."""
    result = Launchpad(tree).run("days", **options)
    assert result.success


def refresh(how: str) -> Reload:
    """Returns a function that runs with the launchpad's `refresh`."""
    return lambda tree: launch(tree, config={"refresh": how})


def command(*options: str) -> Reload:
    """Returns a function that runs `foundation run shop.days` with these options."""

    def run(tree: Tree) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["foundation", "run", "shop.days", *options])
            patch.chdir(tree.root)
            with pytest.raises(SystemExit) as ended:
                main()
        assert not ended.value.code

    return run


def backfill_as_one_run(tree: Tree) -> None:
    """Runs all partitions in one run, as Dagster does for a single-run backfill."""
    bounds = {"dagster/asset_partition_range_start": DAYS[0], "dagster/asset_partition_range_end": DAYS[-1]}
    launch(tree, op=OP, tags=bounds)


def backfill_in_many_runs(tree: Tree) -> None:
    """Runs every partition in its own run, the latest first."""
    for day in reversed(DAYS):
        launch(tree, op=OP, partition_key=day)


RELOADS: dict[str, tuple[Reload, str]] = {
    "state, launchpad": (refresh("state"), ""),
    "drop, launchpad": (refresh("drop"), ""),
    "state, command line": (command("--refresh", "state"), ""),
    "drop, command line": (command("--refresh", "drop"), ""),
    "range, launchpad": (lambda tree: launch(tree, config={"start": DAYS[0], "end": "2024-01-05"}), ""),
    "range, command line": (command("--start", DAYS[0], "--end", "2024-01-05"), ""),
    "backfill, one run": (backfill_as_one_run, PARTITIONS),
    "backfill, many runs": (backfill_in_many_runs, PARTITIONS),
}


CASES = [
    (disposition, name)
    for disposition in ("append", "replace", "merge")
    for name in RELOADS
    if disposition != "replace" or name.startswith(("state", "drop"))
]


@pytest.mark.sampled(13)
@pytest.mark.parametrize(("disposition", "name"), CASES, ids=lambda value: value)
def test_a_reload_equals_a_first_load(tmp_path: Path, disposition: str, name: str) -> None:
    """After a change of the source, table, child table and cursor equal those of a first load into a new warehouse."""
    reload, more = RELOADS[name]
    tree, fresh = Tree(tmp_path / "ours"), Tree(tmp_path / "fresh")
    add_days(tree, disposition, "red", more)
    tree.load("shop.days")
    for each in (tree, fresh):
        add_days(each, disposition, "blue", more)
    expected_cursor = fresh.load("shop.days").cursor[1]
    expected = fresh.query(CONTENT)
    assert len(expected) == 9
    for _ in range(2):
        reload(tree)
        assert tree.query(CONTENT) == expected
    # The next run continues like the one after a first load.
    assert tree.load("shop.days").cursor == (expected_cursor, expected_cursor)
