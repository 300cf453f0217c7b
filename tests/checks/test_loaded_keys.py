"""The check of a key after a load: it reads the keys of what came in, and finds what a check of every row finds."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from data_foundation.audit.read import read_trail
from data_foundation.audit.write import add_attempts
from data_foundation.checks.rules import CheckOutcome
from data_foundation.cli.main import app
from data_foundation.loading.read_back import check_table
from data_foundation.loading.result import LoadResult
from tests.support.postgres_server import PostgresTree
from tests.support.trees import Tree

APPEND = "write_disposition: append, checks: {primary_key: block}"
MERGE = "write_disposition: merge"
BY_STRATEGY = {
    name: f"write_disposition: {{disposition: merge, strategy: {name}}}, checks: {{primary_key: block}}"
    for name in ("upsert", "insert-only", "scd2")
}
DISPOSITIONS = {"append": APPEND, "merge": MERGE, **BY_STRATEGY}
NULLABLE = "columns: {id: {nullable: true}}"
OLD = [{"id": number, "state": "old"} for number in range(20)]


def load(tree: Tree, rows: Sequence[Any], settings: str = APPEND, key: str = "id", **options: Any) -> LoadResult:
    """Loads rows into raw.orders."""
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.orders, primary_key: {key}, {settings}}}]")
    tree.give("shop", rows)
    return tree.load("shop.orders", **options)


def key_check(result: LoadResult) -> CheckOutcome:
    """Returns the outcome of the key's check."""
    return next(check for check in result.checks if check.name == "primary_key")


def whole_check(tree: Tree) -> CheckOutcome:
    """Returns the outcome of the key's check of every row."""
    outcomes = check_table(tree.task("shop.orders").resource, tree.warehouse)
    return next(check for check in outcomes if check.name == "primary_key")


@pytest.mark.parametrize("settings", DISPOSITIONS.values(), ids=DISPOSITIONS)
def test_a_load_checks_the_keys_of_its_own_rows(any_tree: Tree, settings: str) -> None:
    """The check of a load reads its rows and those with the same keys, and says so; a load without rows checks none."""
    first = key_check(load(any_tree, OLD, settings))
    current = "current " if settings == DISPOSITIONS["scd2"] else ""
    assert first.message.endswith(f"checked: all 20 {current}rows")
    rows = [{"id": 100, "state": "new"}, {"id": 101, "state": "new"}]
    if settings == DISPOSITIONS["scd2"]:
        rows += OLD[:3]
    second = key_check(load(any_tree, rows, settings))
    assert (second.passed, second.metadata["rows_checked"]) == (True, 2)
    assert f"checked: the keys of 2 {current}rows that came in after load 1" in second.message
    if settings != DISPOSITIONS["scd2"]:
        third = key_check(load(any_tree, [], settings))
        assert third.message.startswith("no rows came in after load 1")
    assert whole_check(any_tree).message.endswith(" rows")


CASES: dict[str, tuple[list[Any], dict[str, int]]] = {
    "twice in a load": ([{"id": 100}, {"id": 100}], {"rows_without_key": 0, "rows_with_a_key_of_another": 1}),
    "in the table already": ([{"id": 3}, {"id": 4}], {"rows_without_key": 0, "rows_with_a_key_of_another": 2}),
    "no key": ([{"id": None}, {"id": 100}], {"rows_without_key": 1, "rows_with_a_key_of_another": 0}),
    "all of them": ([{"id": None}, {"id": 3}, {"id": 3}], {"rows_without_key": 1, "rows_with_a_key_of_another": 2}),
}


@pytest.mark.parametrize(("rows", "expected"), CASES.values(), ids=CASES)
def test_a_broken_key_fails_until_it_is_mended(tree: Tree, rows: list[Any], expected: dict[str, int]) -> None:
    """A failed check fails again at each later load, with or without rows, until the rows of the table are mended."""
    settings = f"{APPEND}, {NULLABLE}"
    load(tree, OLD, settings)
    for later in (rows, [], [{"id": 200}]):
        outcome = key_check(load(tree, later, settings))
        assert not outcome.passed
        assert expected.items() <= outcome.metadata.items()
    tree.query("delete from raw.orders where id is null or (id in (3, 4, 100) and state is distinct from 'old')")
    assert key_check(load(tree, [{"id": 201}], settings)).passed
    assert key_check(load(tree, [{"id": 202}], settings)).metadata["rows_checked"] == 1


def test_a_load_whose_check_was_lost_is_checked_by_the_next(any_tree: Tree) -> None:
    """If a run is killed between its commit and the record of its check, the next load checks those rows as well."""
    load(any_tree, OLD)
    load(any_tree, [{"id": 3}, {"id": 100}])
    newest = "(select max(load_id) from raw._load_audit)"
    any_tree.query(f"delete from raw._load_audit where load_id = {newest}")
    outcome = key_check(load(any_tree, [{"id": 200}]))
    assert (outcome.passed, outcome.metadata["rows_checked"], outcome.metadata["rows_with_a_key_of_another"]) == (
        False, 3, 1
    )  # fmt: skip


def test_another_key_is_checked_in_every_row(tree: Tree) -> None:
    """If the columns of the key change, no earlier check counts."""
    load(tree, OLD)
    outcome = key_check(load(tree, [{"id": 100, "state": "new"}], key="state"))
    assert outcome.metadata["rows_with_a_key_of_another"] == len(OLD) - 1
    assert "checked: all 21 rows" in outcome.message


def test_rows_of_another_warehouse_are_checked(tree: Tree) -> None:
    """If the attempts of another warehouse are added, as by `foundation copy`, the next load checks every row."""
    load(tree, OLD)
    [attempt] = read_trail(tree.warehouse).attempts
    with tree.warehouse.open() as destination:
        add_attempts(tree.warehouse, destination, [replace(attempt, id="of another warehouse")])
    tree.query("insert into raw.orders select * from raw.orders where id = 5")
    assert not key_check(load(tree, [{"id": 100}])).passed


def test_rows_of_another_program_are_checked(tree: Tree) -> None:
    """If a table was replaced and adopted, its check fails until every key is unique, however old its loads are."""
    load(tree, OLD)
    tree.query("""
        create table raw.theirs as select * replace ('1500000000.5' as _dlt_load_id) from raw.orders;
        insert into raw.theirs select * replace (_dlt_id || 'x' as _dlt_id) from raw.theirs where id = 5;
        drop table raw.orders;
        alter table raw.theirs rename to orders;
        delete from raw._dlt_loads;
        delete from raw._dlt_version;
        delete from raw._dlt_pipeline_state
    """)
    assert not tree.adopt("shop.orders").refusal
    for number in (100, 101):
        outcome = key_check(load(tree, [{"id": number}]))
        assert (outcome.passed, outcome.metadata["rows_with_a_key_of_another"]) == (False, 1)
    tree.query("delete from raw.orders where id = 5")
    assert key_check(load(tree, [{"id": 102}])).passed
    assert key_check(load(tree, [{"id": 103}])).metadata["rows_checked"] == 1


def test_rows_changed_by_hand_are_found_by_a_check_of_every_row(
    tree: Tree, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`foundation check-data` reads every row, and exits with 1 for a failed check that blocks."""
    load(tree, OLD)
    tree.query("insert into raw.orders select * from raw.orders where id = 5")
    assert key_check(load(tree, [{"id": 100}])).passed
    monkeypatch.chdir(tree.root)
    monkeypatch.setenv("DUCKDB_PATH", str(tree.warehouse.path))
    with pytest.raises(SystemExit) as ended:
        app(["check-data", "shop"])
    assert ended.value.code == 1
    printed = capsys.readouterr().out
    assert "failed raw.orders: primary_key: 0 rows without a key, 1 with a key that another row has" in printed
    tree.query("delete from raw.orders where id = 5")
    with pytest.raises(SystemExit) as ended:
        app(["check-data", "shop.orders", "--json"])
    assert ended.value.code == 0
    assert '"check": "primary_key"' in capsys.readouterr().out


def test_an_audit_trail_of_an_earlier_version_goes_on(any_tree: Tree) -> None:
    """A table of attempts without the column is read, and gets it at the next load, which checks every row."""
    load(any_tree, OLD)
    any_tree.query("drop index if exists raw._load_audit_load")
    any_tree.query("alter table raw._load_audit drop column keys_checked")
    assert len(read_trail(any_tree.warehouse).attempts) == 1
    assert key_check(load(any_tree, [{"id": 100}])).message.endswith("all 21 rows")
    assert key_check(load(any_tree, [{"id": 101}])).metadata["rows_checked"] == 1
    assert len(read_trail(any_tree.warehouse).attempts) == 3


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=[pytest.mark.sampled(4)]) for seed in range(8)])
def test_after_every_load_the_verdict_is_that_of_every_row(tree: Tree, seed: int) -> None:
    """In random histories of loads, lost records and repairs, a check of what came in finds what a whole one finds."""
    random = Random(seed)  # noqa: S311 - no secret
    settings = f"{APPEND}, columns: {{id: {{nullable: true}}, part: {{nullable: true}}}}"
    load(tree, [{"id": number, "part": "a"} for number in range(30)], settings, "[id, part]")
    for _ in range(8):
        match random.choice(["fresh", "fresh", "any", "nothing", "lost", "mended"]):
            case "fresh":
                rows = [{"id": random.randrange(1000, 9999), "part": random.choice("ab")} for _ in range(3)]
            case "any":
                rows = [{"id": random.choice([None, 1, 2, 50]), "part": random.choice(["a", "b", None])}]
            case "lost":
                tree.query("update raw._load_audit set keys_checked = null")
                rows = [{"id": 60, "part": "a"}]
            case "mended":
                keep = "select min(_dlt_id) from raw.orders where id is not null and part is not null group by id, part"
                tree.query(f"delete from raw.orders where _dlt_id not in ({keep})")
                rows = [{"id": random.randrange(10_000, 99_999), "part": "c"}]
            case _:
                rows = []
        after_load, whole = key_check(load(tree, rows, settings, "[id, part]")), whole_check(tree)
        assert (after_load.passed, after_load.blocks) == (whole.passed, whole.blocks), after_load.message


def test_the_newest_check_is_found_by_an_index(postgres_tree: PostgresTree) -> None:
    """PostgreSQL reads the load up to which keys were checked by an index, whatever the number of attempts."""
    load(postgres_tree, OLD)
    many = "select x::text, 'raw.other' from generate_series(1, 20000) x"
    postgres_tree.query(f"insert into raw._load_audit (id, asset) {many}")
    postgres_tree.query("analyze")
    query = "select max(load_id) from raw._load_audit where asset = 'raw.orders' and keys_checked = 'id'"
    plan = "\n".join(postgres_tree.query(f"explain {query}"))
    assert "_load_audit_load" in plan
