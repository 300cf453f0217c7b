"""A resource is the same wherever its disposition, keys, cursor and columns are declared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dlt
import pytest

from data_foundation.errors import FoundationError
from data_foundation.loading.attempts import load_resource
from data_foundation.loading.task import LoadOptions, Task
from data_foundation.project.find_sources import find_sources
from tests.support.spellings import IN_CODE, Spelling, give, in_yaml
from tests.support.trees import Tree

REPLACE = {"write_disposition": "replace"}
MERGE = {"write_disposition": "merge", "primary_key": "id"}
CURSOR = {"incremental": {"cursor_path": "n", "initial_value": 0}}
LAG = {"incremental": {"cursor_path": "n", "initial_value": 0, "lag": 2}}
SCD2 = {"write_disposition": {"disposition": "merge", "strategy": "scd2"}}


def rows_of(*numbers: int, value: int = 0) -> list[dict[str, int]]:
    """Returns rows whose id and cursor are a number."""
    return [{"id": number, "n": number, "v": value} for number in numbers]


@dataclass(frozen=True)
class Run:
    """One run: what the source has, and the run's options."""

    rows: Sequence[Mapping[str, Any]]
    options: Mapping[str, Any] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class History:
    """Runs of one resource, and what is in the table in the end; None if a run is refused.

    Attributes:
        settings: The declaration, from each run on.
        runs: The runs.
        ids: The ids in the table afterwards, None if the last run is refused.
        refusal: A part of the message of the refusal.
    """

    settings: Sequence[Mapping[str, Any]]
    runs: Sequence[Run]
    ids: list[int] | None
    refusal: str = ""


HISTORIES = {
    "a replace without rows keeps the table": History([REPLACE], [Run(rows_of(1, 2)), Run([])], [1, 2]),
    "a replace with a failed part is refused": History(
        [REPLACE], [Run(rows_of(1, 2)), Run(rows_of(1), failed={"b": "no answer"})], None, "would delete their rows"
    ),
    "a merge with a failed part lands the others": History(
        [MERGE], [Run(rows_of(1, 2)), Run(rows_of(1, 3), failed={"b": "no answer"})], [1, 2, 3]
    ),
    "a replace has no range": History(
        [REPLACE], [Run(rows_of(1, 2, 3)), Run(rows_of(1, 2, 3), {"start": "2", "end": "3"})], [1, 2, 3]
    ),
    "a replace with a cursor is refused": History([REPLACE | CURSOR], [Run(rows_of(1))], None, "replace with `incr"),
    "a sample leaves the cursor": History(
        [MERGE | CURSOR], [Run(rows_of(3, 1, 2), {"limit": 1}), Run(rows_of(3, 1, 2, 4)), Run([])], [1, 2, 3, 4]
    ),
    "a range leaves the cursor": History(
        [MERGE | CURSOR],
        [Run(rows_of(1, 2)), Run(rows_of(5, 6, 7), {"start": "5", "end": "7"}), Run(rows_of(1, 2, 3))],
        [1, 2, 3, 5, 6],
    ),
    "a range without an end leaves the cursor": History(
        [MERGE | CURSOR], [Run(rows_of(1, 2)), Run(rows_of(5, 6), {"start": "6"}), Run(rows_of(3, 4))], [1, 2, 3, 4, 6]
    ),
    "the range of an append is loaded once": History(
        [CURSOR], [Run(rows_of(1, 2, 3)), Run(rows_of(1, 2, 3), {"start": "2", "end": "4"})], [1, 2, 3]
    ),
    "refresh state of an append loads all again": History(
        [CURSOR], [Run(rows_of(1, 2, 3)), Run(rows_of(2, 3, 4), {"refresh": "state"})], [2, 3, 4]
    ),
    "refresh state of a merge keeps what is gone at the source": History(
        [MERGE | CURSOR], [Run(rows_of(1, 2, 3)), Run(rows_of(2, 3, 4), {"refresh": "state"})], [1, 2, 3, 4]
    ),
    "refresh drop forgets the table": History(
        [MERGE | CURSOR], [Run(rows_of(1, 2, 3)), Run(rows_of(2), {"refresh": "drop"}), Run(rows_of(1, 3))], [2, 3]
    ),
    "a merge replaces the row of a key": History([MERGE], [Run(rows_of(1, 2)), Run(rows_of(2, value=5))], [1, 2]),
    "an append goes on behind the cursor": History([CURSOR], [Run(rows_of(1, 2)), Run(rows_of(1, 2, 3))], [1, 2, 3]),
    "a merge takes what has changed at the stored value": History(
        [MERGE | CURSOR], [Run(rows_of(1, 2)), Run(rows_of(1, 2, value=5)), Run(rows_of(1, 2))], [1, 2]
    ),
    "an append with lag replaces its window": History(
        [LAG], [Run(rows_of(1, 5, 6)), Run([*rows_of(1, 6, value=5), {"id": 7, "n": 5, "v": 0}])], [1, 6, 7]
    ),
    "a cursor that is added later doubles nothing": History(
        [{}, CURSOR], [Run(rows_of(1, 2)), Run(rows_of(2, 3)), Run(rows_of(2, 3))], [1, 2, 3]
    ),
    "from append to merge": History([{}, MERGE], [Run(rows_of(1, 2)), Run(rows_of(2, 3))], [1, 2, 3]),
    "from merge to replace": History([MERGE, REPLACE], [Run(rows_of(1, 2)), Run(rows_of(2, 3))], [2, 3]),
    "from replace to append": History([REPLACE, {}], [Run(rows_of(1, 2)), Run(rows_of(2, 3))], [1, 2, 2, 3]),
    "merge without a key is refused": History(
        [{"write_disposition": "merge"}], [Run(rows_of(1))], None, "needs a primary_key or a merge_key"
    ),
    "scd2 retires what is gone": History([SCD2], [Run(rows_of(1, 2)), Run(rows_of(2))], [1, 2]),
    "scd2 refuses a sample of a table that is there": History(
        [SCD2], [Run(rows_of(1, 2)), Run(rows_of(1, 2), {"limit": 1})], None, "limit"
    ),
    "scd2 with a cursor needs a merge_key": History([SCD2 | CURSOR], [Run(rows_of(1))], None, "merge_key"),
    "a frozen contract refuses a column": History(
        [{"schema_contract": {"tables": "evolve", "columns": "freeze", "data_type": "evolve"}}],
        [Run(rows_of(1)), Run([{"id": 2, "n": 2, "v": 0, "new": 1}])],
        None,
        "new",
    ),
    "a column that is declared not nullable refuses None": History(
        [{"columns": {"v": {"data_type": "bigint", "nullable": False}}}],
        [Run(rows_of(1)), Run([{"id": 2, "n": 2, "v": 1}, {"id": 3, "n": 3, "v": None}])],
        None,
        "v",
    ),
}


@dataclass(frozen=True)
class Outcome:
    """What a history leaves: the rows, the types, and of each run its cursor, checks and refusal."""

    rows: Sequence[Any]
    types: Mapping[str, str]
    cursors: Sequence[Any]
    checks: Sequence[Any]
    refused: bool


def play(tree: Tree, spell: Spelling, history: History, form: str, **resource: Any) -> tuple[Outcome, str]:
    """Plays a history and returns what it leaves, and the message of a refusal."""
    cursors, checks, refused = [], [], ""
    for number, run in enumerate(history.runs):
        if number < len(history.settings):
            spell(tree, history.settings[number], **resource)
        give(tree, list(run.rows), form=form, failed=dict(run.failed))
        try:
            result = load_resource(_task(tree, run.options), tree.warehouse)
        except FoundationError as error:
            refused += f"{error}\n"
        else:
            cursors.append(result.cursor)
            checks.append([(check.name, check.passed) for check in result.checks])
    return Outcome(*_table(tree), cursors, checks, bool(refused)), refused


def _task(tree: Tree, options: Mapping[str, Any]) -> Task:
    sources, broken = find_sources(tree.root)
    assert not broken or not sources, broken
    if broken:
        raise FoundationError(str(broken[0].problems))
    (config,) = [source.config for source in sources]
    return Task(config, config.resources[0], LoadOptions(**options))


def _table(tree: Tree) -> tuple[list[Any], dict[str, str]]:
    if not Path(tree.warehouse.path).exists():
        return [], {}
    columns = dict(tree.query("SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 't'"))
    names = [name for name in columns if not name.startswith("_dlt") or name.startswith("_dlt_valid")]
    if not names:
        return [], {}
    # When a version began differs from run to run; whether it has ended does not.
    shown = [f"{name} IS NULL AS {name}" if name.startswith("_dlt_valid") else name for name in sorted(names)]
    return tree.query(f"SELECT found FROM (SELECT {', '.join(shown)} FROM raw.t) AS found ORDER BY ALL"), columns


def made_by_a_person(tree: Tree) -> None:
    """Creates the table by hand."""
    Path(tree.warehouse.path).parent.mkdir(parents=True, exist_ok=True)
    tree.query("CREATE SCHEMA raw; CREATE TABLE raw.t (id BIGINT, n BIGINT, v BIGINT)")


def made_by_plain_dlt(tree: Tree) -> None:
    """Loads the table with a pipeline of dlt alone, and removes its rows."""
    Path(tree.warehouse.path).parent.mkdir(parents=True, exist_ok=True)
    resource = dlt.resource(rows_of(1), name="t", write_disposition="merge", primary_key="v", merge_key="n")
    destination = dlt.destinations.duckdb(tree.warehouse.path)
    folder = str(tree.root / "theirs")
    dlt.pipeline("theirs", pipelines_dir=folder, destination=destination, dataset_name="raw").run(resource)
    tree.query("DELETE FROM raw.t")


def declared_otherwise(tree: Tree) -> None:
    """Loads the resource with other hints, and removes its rows."""
    columns = {"n": {"data_type": "bigint", "dedup_sort": "asc"}, "id": {"data_type": "bigint", "unique": True}}
    in_yaml(tree, {"write_disposition": "merge", "primary_key": "v", "merge_key": "n", "columns": columns})
    give(tree, list(rows_of(1)))
    load_resource(_task(tree, {}), tree.warehouse)
    tree.query("DELETE FROM raw.t")


Start = Callable[[Tree], None]
STARTS: Mapping[str, Start] = {
    "a table of a person": made_by_a_person,
    "a table of plain dlt": made_by_plain_dlt,
    "a stored schema": declared_otherwise,
}


@pytest.mark.sampled(23)
@pytest.mark.parametrize("form", ["dict", "arrow"])
@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES.keys())
def test_a_declaration_in_code_counts_as_one_in_the_configuration(
    tmp_path: Path, history: History, form: str, request: pytest.FixtureRequest
) -> None:
    """Whatever declares a resource, its table, cursor and checks are those of the spelling in sources.yaml."""
    expected, message = play(Tree(tmp_path / "yaml"), in_yaml, history, form)
    assert expected.refused == (history.ids is None), message
    assert history.refusal in message
    if history.ids is not None:
        assert sorted(row["id"] for row in expected.rows) == history.ids
    spellings = IN_CODE if request.config.getoption("--promises") else _sample(history, form)
    for name, spelling in spellings.items():
        found, reason = play(Tree(tmp_path / name.replace(" ", "_")), spelling, history, form)
        assert found == expected, f"{name}: {reason}"
        assert history.refusal in reason, name


@pytest.mark.sampled(23)
@pytest.mark.parametrize("form", ["dict", "arrow"])
@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS.keys())
@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES.keys())
def test_what_was_there_before_has_no_effect(
    tmp_path: Path, history: History, start: Start, form: str, request: pytest.FixtureRequest
) -> None:
    """A table without rows and a stored schema, whoever made them, change nothing of what a declaration means.

    Only scd2 may be refused, which would make two versions of each row that has no dates.
    """
    expected, _ = play(Tree(tmp_path / "nothing"), in_yaml, history, form)
    spellings = _sample(history, form) if request.config.getoption("--promises") else {}
    every: Mapping[str, Spelling] = {"sources.yaml": in_yaml, **spellings}
    for name, spelling in every.items():
        tree = Tree(tmp_path / name.replace(" ", "_"))
        start(tree)
        found, reason = play(tree, spelling, history, form)
        if SCD2 in history.settings and "without the dates of their versions" in reason:
            assert (found.rows, found.refused) == ([], True), name
            continue
        assert _meaning(found) == _meaning(expected), f"{name}: {reason}"
        assert history.refusal in reason, name


def _meaning(outcome: Outcome) -> Outcome:
    """Returns an outcome without what the table's first columns decide: types, and whether the first load adds any."""
    checks = [[check for check in run if check[0] != "schema_drift"] for run in outcome.checks]
    return replace(outcome, types={}, checks=checks)


def _sample(history: History, form: str) -> Mapping[str, Spelling]:
    """Returns two spellings, others for each history: all of them take ten minutes."""
    names = list(IN_CODE)
    start = (list(HISTORIES.values()).index(history) * 2 + (form == "arrow")) % len(names)
    return {name: IN_CODE[name] for name in {names[start], names[(start + 3) % len(names)]}}
