"""A table that dlt, another tool or a person has filled is taken over: no row is lost, none comes twice."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from data_foundation.cli.main import app
from data_foundation.errors import LoadError
from data_foundation.loading.adoption import dlt_pipeline
from data_foundation.naming import forget_naming
from tests.promises import killed, test_killed, test_postgres
from tests.support.plain_pipelines import (
    CASES,
    assert_rows,
    everything_in,
    give,
    load_twice_alone,
    prove_that_runs_continue,
    rows,
    run_plain,
)
from tests.support.postgres_server import PostgresServer, PostgresTree
from tests.support.trees import Tree

TIMES = [case for case in CASES if "initial value" not in case[0]]
"""Cases with times in place of texts; a cursor that begins with a text compares no times, in dlt neither."""


@pytest.mark.sampled(37)
@pytest.mark.parametrize(
    ("hints", "form", "as_times"), [*((*case, False) for case in CASES), *((*case, True) for case in TIMES)]
)
def test_the_run_after_an_adoption_continues(tree: Tree, hints: str, form: str, *, as_times: bool) -> None:
    """After two runs of plain dlt, an adoption and two runs here, each row is there once, with its nested rows."""
    load_twice_alone(tree, hints, form, as_times=as_times)
    prove_that_runs_continue(tree, hints, form, as_times=as_times)


@pytest.mark.rare
@pytest.mark.parametrize(("hints", "form"), CASES)
def test_the_run_after_an_adoption_continues_in_postgresql(postgres_tree: PostgresTree, hints: str, form: str) -> None:
    """The same in a PostgreSQL server, which plain dlt has filled."""
    load_twice_alone(postgres_tree, hints, form)
    prove_that_runs_continue(postgres_tree, hints, form)


MANY = 40
"""Number of points at which an adoption is killed with --promises, besides those of the commit."""
WAYS = {
    "append": "incremental: {cursor_path: seen}",
    "merge": "write_disposition: merge, primary_key: id, incremental: {cursor_path: seen}",
    "merge without a cursor": "write_disposition: merge, primary_key: id",
    "replace": "write_disposition: replace",
}
KINDS = {"date": "DATE", "timestamp": "TIMESTAMPTZ", "bigint": "BIGINT", "text": "VARCHAR"}
VALUES: dict[str, Callable[[int], Any]] = {
    "date": lambda one: f"2024-01-{one:02}",
    "timestamp": lambda one: f"2024-01-{one:02}T00:00:00+00:00",
    "bigint": lambda one: one,
    "text": lambda one: f"2024-01-{one:02}",
}


@pytest.mark.sampled(7)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
def test_any_table_is_adopted_at_its_newest_value(tree: Tree, way: str, kind: str) -> None:
    """A table of a person continues at the newest value of its column; rows at that value are replaced, not doubled."""
    Path(tree.warehouse.path).parent.mkdir(parents=True)
    tree.query(f"CREATE SCHEMA raw; CREATE TABLE raw.t (id BIGINT, seen {KINDS[kind]}, mine VARCHAR)")
    for number in (1, 2, 3, 3):
        tree.query(f"INSERT INTO raw.t VALUES ({number}, '{VALUES[kind](number)}', 'kept')")
    tree.query("UPDATE raw.t SET id = 4 WHERE id = 3 AND rowid = 3")
    typed = "" if kind in {"bigint", "text"} else f", columns: {{seen: {{data_type: {kind}}}}}"
    tree.add("s", f"resources: [{{entry: data.get_rows, destination: raw.t, {WAYS[way]}{typed}}}]")
    seen = VALUES[kind]
    found = [{"id": one, "seen": seen(min(one, 3))} for one in range(1, 5)] + [{"id": 5, "seen": seen(4)}]
    tree.give("s", found)
    adoption = tree.adopt("s.t", cursor="seen" if "cursor_path" in WAYS[way] else None)
    assert (adoption.refusal, adoption.rows) == ("", 4)
    for _ in range(2):
        tree.load("s.t")
    assert Counter(tree.query("SELECT id FROM raw.t")) == Counter(range(1, 6))
    if way in {"append", "merge"}:
        assert tree.query("SELECT id FROM raw.t WHERE mine = 'kept' AND id < 3 ORDER BY id") == [1, 2]


REFUSALS = {
    "no cursor": ({}, WAYS["append"], "an append would add all rows again; give --cursor seen"),
    "no incremental": ({"cursor": "seen"}, WAYS["replace"], "--cursor seen needs `incremental`"),
    "another cursor": ({"cursor": "id"}, WAYS["append"], "--cursor is id, and `incremental` in sources.yaml has seen"),
    "no column": ({"cursor": "gone"}, "incremental: {cursor_path: gone}", "the table has no column gone"),
    "another dataset": ({"dataset": "theirs"}, WAYS["replace"], "set destination: theirs.t"),
}


@pytest.mark.parametrize(("request_", "way", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_would_add_rows_again_is_not_adopted(tree: Tree, request_: Any, way: str, message: str) -> None:
    """The reason is named, and the table stays unknown."""
    Path(tree.warehouse.path).parent.mkdir(parents=True)
    tree.query("CREATE SCHEMA raw; CREATE TABLE raw.t (id BIGINT, seen BIGINT); INSERT INTO raw.t VALUES (1, 1)")
    tree.add("s", f"resources: [{{entry: data.get_rows, destination: raw.t, {way}}}]")
    tree.give("s", [{"id": 1, "seen": 1, "gone": 1}])
    assert message in tree.adopt("s.t", **request_).refusal
    with pytest.raises(LoadError, match="this project has not loaded"):
        tree.load("s.t")


def test_a_table_is_adopted_once(tree: Tree) -> None:
    """What this project has loaded, and what does not exist, is not adopted."""
    tree.add("s", "resources: [{entry: data.get_rows, destination: raw.t}]")
    tree.give("s", [{"id": 1}])
    assert tree.adopt("s.t").refusal == "there is no such table"
    tree.load("s.t")
    assert tree.adopt("s.t").refusal == "this project has loaded it already"


@pytest.mark.sampled(37)
@pytest.mark.parametrize("hints", ["append", "merge", "merge without a cursor", "replace"])
@pytest.mark.parametrize("form", ["flat", "frames", "nested"])
def test_a_pipeline_that_loads_after_the_adoption_doubles_no_row(tree: Tree, hints: str, form: str) -> None:
    """An append is refused until the table is adopted once more; the others load each row once as they are."""
    load_twice_alone(tree, hints, form)
    assert tree.adopt("s.events", pipeline="theirs").refusal == ""
    give(tree, hints, form, rows(0, 1, 2, 3, 4, 5, form=form))
    run_plain(tree)
    if hints == "append":
        with pytest.raises(LoadError, match="had 5 rows when it was adopted, and has 6"):
            tree.load("s.events")
        assert tree.adopt("s.events", pipeline="theirs").refusal == ""
    for ids in (range(7), range(8)):
        give(tree, hints, form, rows(*ids, form=form))
        tree.load("s.events")
        assert_rows(tree, form, ids)
    assert tree.adopt("s.events", pipeline="theirs").refusal == "this project has loaded it already"


def test_rows_that_come_after_the_adoption_of_a_column_are_not_doubled(tree: Tree) -> None:
    """A program that goes on filling a table is noticed at the first append."""
    Path(tree.warehouse.path).parent.mkdir(parents=True)
    tree.query("CREATE SCHEMA raw; CREATE TABLE raw.t (id BIGINT); INSERT INTO raw.t VALUES (1), (2)")
    tree.add("s", "resources: [{entry: data.get_rows, destination: raw.t, incremental: {cursor_path: id}}]")
    assert tree.adopt("s.t", cursor="id").refusal == ""
    tree.query("INSERT INTO raw.t VALUES (3)")
    tree.give("s", [{"id": one} for one in range(1, 5)])
    with pytest.raises(LoadError, match="had 2 rows when it was adopted, and has 3"):
        tree.load("s.t")
    assert tree.adopt("s.t", cursor="id").refusal == ""
    tree.load("s.t")
    assert tree.query("SELECT id FROM raw.t ORDER BY 1") == [1, 2, 3, 4]


NAMES = {
    "a schema named as the table": ("raw.events", {"pipeline": "events", "schema": "events"}),
    "another dataset": ("theirs.events", {"dataset": "theirs"}),
}


@pytest.mark.rare
@pytest.mark.parametrize(("hints", "form"), [case for case in CASES if case[1] != "frames"])
@pytest.mark.parametrize(("destination", "names"), NAMES.values(), ids=NAMES)
def test_names_of_the_pipeline_do_not_matter(tree: Tree, hints: str, form: str, destination: str, names: Any) -> None:
    """A schema whose name is that of a table, and a dataset of another name, are taken over alike."""
    load_twice_alone(tree, hints, form, destination=destination, **names)
    request = {name: value for name, value in names.items() if name != "schema"}
    prove_that_runs_continue(tree, hints, form, destination=destination, **request)


NAMINGS = {"sql_ci_v1": True, "data_foundation.unicode_snake_case": True, "direct": False, "sql_cs_v1": False}


@pytest.mark.rare
@pytest.mark.parametrize(("naming", "is_known"), NAMINGS.items())
def test_another_naming_convention_is_refused(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, naming: str, *, is_known: bool
) -> None:
    """With the convention of the project its values would land in further columns; with that setting it continues."""
    load_twice_alone(tree, "append", "nested", SCHEMA__NAMING=naming)
    refusal = tree.adopt("s.events", pipeline="theirs").refusal
    assert (f'set naming = "{naming}"' in refusal) == is_known
    assert ("upper and lower case" in refusal) != is_known
    if is_known:
        monkeypatch.setenv("SCHEMA__NAMING", naming)
        forget_naming()
        try:
            prove_that_runs_continue(tree, "append", "nested")
        finally:
            monkeypatch.undo()
            forget_naming()


def test_a_pipeline_of_an_old_version_of_dlt_is_adopted(tree: Tree) -> None:
    """State and schema of dlt 0.4.12, with the engine versions 4 and 9, are read."""
    tree.as_dlt()
    tree.query((Path(__file__).parent / "stored" / "dlt_0_4_12.sql").read_text())
    give(tree, "append", "nested")
    prove_that_runs_continue(tree, "append", "nested")


@dataclass(frozen=True)
class Engine:
    """A warehouse whose project can be copied with all that it holds.

    Attributes:
        create: Returns an empty project below a folder.
        copy: Returns a copy of a project below a folder.
    """

    create: Callable[[Path], Tree]
    copy: Callable[[Any, Path], Tree]


@pytest.fixture(params=["duckdb", "postgres"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine that a test can copy."""
    if request.param == "duckdb":
        return Engine(Tree, test_killed.copy_of)
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return Engine(
        lambda root: PostgresTree(root, server.settings(server.create_database())),
        lambda tree, root: test_postgres.copy_of(tree, server, root),
    )


@pytest.mark.timeout(1800)
@pytest.mark.sampled(2)
def test_an_adoption_that_is_killed_is_repeated(
    engine: Engine, tmp_path: Path, request: pytest.FixtureRequest, record_property: Any
) -> None:
    """Killed at any statement, rename or write, an adoption has changed no row, and has happened in full or not."""
    before = engine.create(tmp_path / "before")
    before.warehouse.work_folder.mkdir(parents=True)
    load_twice_alone(before, "append", "nested")
    expected = everything_in(before)
    points = killed.trace(engine.copy(before, tmp_path / "traced"), "s.events", pipeline="theirs")
    at_commit = [point for point in points if "commit" in point[0].lower()]
    assert at_commit
    sample = random.Random(0).sample(points, min(MANY, len(points)))  # noqa: S311 - a choice of tests
    chosen = [*at_commit, *sample] if request.config.getoption("--promises") else at_commit[-1:]
    reached = 0
    for number, point in enumerate(chosen):
        tree = engine.copy(before, tmp_path / str(number))
        # Some points are never passed again: the order in which the files of a folder are removed differs.
        if killed.run(tree, "s.events", at=point, pipeline="theirs") == -signal.SIGKILL:
            reached += 1
            assert everything_in(tree) == expected, killed.last_failure(tree)
            assert_repeated(tree, loads_first=bool(number % 2))
    assert reached >= 0.8 * len(chosen)
    record_property("points of an adoption", reached)


def assert_repeated(tree: Tree, *, loads_first: bool) -> None:
    """Asserts that after a killed adoption another one is complete, whether a load came between them or not."""
    give(tree, "append", "nested", rows(*range(7), form="nested"))
    if loads_first:
        with suppress(LoadError):
            tree.load("s.events")
    refusal = tree.adopt("s.events", pipeline="theirs").refusal
    assert refusal in {"", "this project has loaded it already"}, killed.last_failure(tree)
    tree.load("s.events")
    assert_rows(tree, "nested", range(7))


def test_the_command_shows_what_is_carried_and_what_is_not(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt pipeline is named with those that exist; a dry run writes nothing."""
    folder = give(tree, "append", "flat", rows(0, 1, form="flat"))
    run_plain(tree)
    more = (
        "resources:\n- {entry: data.events, destination: raw.events}\n- {entry: data.events, destination: raw.other}\n"
    )
    (folder / "sources.yaml").write_text(more)
    monkeypatch.chdir(tree.root)
    monkeypatch.setenv("DUCKDB_PATH", tree.warehouse.path)
    run = CliRunner()
    assert "no pipeline 'thiers'; there is theirs" in str(
        run.invoke(app, ["adopt", "s", "--pipeline", "thiers"]).exception
    )
    dry = run.invoke(app, ["adopt", "s", "--pipeline", "theirs", "--dry-run"])
    assert "1 table would be adopted; nothing was written" in dry.output
    assert "there is no such table" in " ".join(dry.output.split())
    elsewhere = run.invoke(app, ["adopt", "s.events", "--pipeline", "theirs", "--dataset", "theirs"])
    assert "dataset theirs has no pipeline 'theirs'" in str(elsewhere.exception)
    done = run.invoke(app, ["adopt", "s", "--pipeline", "theirs"])
    assert "1 table adopted; the next run continues at the cursor" in done.output
    assert tree.load("s.events").rows == 0


@pytest.mark.rare
def test_a_command_reads_a_pipeline_once_and_prints_what_it_did_before_an_error(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three tables, the last of which is a nested one, the first is adopted and printed."""
    load_twice_alone(tree, "append", "nested")
    resources = [f"{{entry: data.events, destination: raw.{table}}}" for table in ("events", "gone", "events__lines")]
    (tree.root / "dlthub" / "s" / "sources.yaml").write_text(f"resources: [{', '.join(resources)}]")
    monkeypatch.chdir(tree.root)
    monkeypatch.setenv("DUCKDB_PATH", tree.warehouse.path)
    read, found = dlt_pipeline.read_pipeline, list[str]()

    def count(name: str, *where: Any) -> Any:
        found.append(name)
        return read(name, *where)

    monkeypatch.setattr(dlt_pipeline, "read_pipeline", count)
    failed = CliRunner().invoke(app, ["adopt", "s", "--pipeline", "theirs"])
    assert "table events__lines holds the rows of lists" in str(failed.exception)
    assert "1 table adopted" in failed.output
    assert found == ["theirs"]
    assert tree.load("s.events").rows == 0
