"""Rules of the checks: each check's outcome after a load into the warehouse."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import sandbox
from data_foundation.checks.rules import CheckOutcome
from data_foundation.checks.run import find_checks
from data_foundation.config.grammar import ResourceConfig
from data_foundation.errors import ConfigError, RequiredColumnsMissing
from data_foundation.loading.parallel import Outcome, load_side_by_side
from data_foundation.loading.read_back import check_table
from data_foundation.local.selection import select_tasks
from data_foundation.project.find_sources import find_sources
from data_foundation.project.source import load_source_config
from tests.support.trees import Tree

ROOT = Path(__file__).parents[2]

ROW = {"entry": "data.get_rows", "destination": "raw.orders"}


def resource(**settings: Any) -> ResourceConfig:
    """Returns a resource with these settings besides entry and destination."""
    return ResourceConfig.model_validate({**ROW, **settings})


def load(tree: Tree, rows: Sequence[Any], settings: str, **options: Any) -> dict[str, CheckOutcome]:
    """Loads rows with a resource that has these settings; returns its check outcomes by name."""
    tree.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.orders, {settings}}}]")
    tree.give("shop", rows)
    return {check.name: check for check in tree.load("shop.orders", **options).checks}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {"schema_drift": False}),
        ({"checks": {"schema_drift": "ignore"}}, {}),
        ({"checks": {"schema_drift": "block"}}, {"schema_drift": True}),
        ({"requires": ["id"]}, {"requires": True, "schema_drift": False}),
        ({"write_disposition": "replace"}, {"rows_arrived": False, "schema_drift": False}),
        ({"write_disposition": "replace", "on_empty": "truncate"}, {"schema_drift": False}),
        ({"write_disposition": "replace", "on_empty": "fail"}, {"schema_drift": False}),
        ({"write_disposition": "merge", "primary_key": "id"}, {"primary_key": True, "schema_drift": False}),
        (
            {"write_disposition": "merge", "columns": {"id": {"primary_key": True}}},
            {"primary_key": True, "schema_drift": False},
        ),
        ({"write_disposition": "merge", "merge_key": "id"}, {"schema_drift": False}),
        (
            {"write_disposition": "merge", "primary_key": "id", "checks": {"primary_key": "warn"}},
            {"primary_key": False, "schema_drift": False},
        ),
        (
            {"write_disposition": "merge", "primary_key": "id", "checks": {"primary_key": "ignore"}},
            {"schema_drift": False},
        ),
        ({"primary_key": "id"}, {"schema_drift": False}),
        ({"primary_key": "id", "checks": {"primary_key": "block"}}, {"primary_key": True, "schema_drift": False}),
        (
            {"write_disposition": {"disposition": "merge", "strategy": "scd2"}, "primary_key": "id"},
            {"schema_drift": False},
        ),
        (
            {"checks": {"row_count": {"min": 1}, "accepted_values": {"state": ["open"], "Kind": [1]}}},
            {"row_count": True, "accepted_values_state": True, "accepted_values_kind": True, "schema_drift": False},
        ),
        (
            {
                "checks": {
                    "row_count": {"max": 1, "severity": "warn"},
                    "accepted_values": {"state": {"values": ["open"], "severity": "warn"}},
                }
            },
            {"row_count": False, "accepted_values_state": False, "schema_drift": False},
        ),
    ],
    ids=str,
)
def test_a_resource_has_the_checks_of_its_configuration(settings: dict[str, Any], expected: dict[str, bool]) -> None:
    """A resource has the checks that fit its configuration; each check blocks or warns and has a rule as text."""
    checks = list(find_checks(resource(**settings)))
    assert {check.name: check.blocking for check in checks} == expected
    assert all(check.rule.endswith(".") for check in checks)


def test_checks_are_inherited_one_by_one(tmp_path: Path) -> None:
    """A check under `source:` applies to every resource that does not configure the same check."""
    (tmp_path / "sources.yaml").write_text(
        "source: {checks: {schema_drift: block, row_count: {min: 1}}}\n"
        "resources:\n"
        "  - {entry: data.get_rows, destination: raw.a}\n"
        "  - {entry: data.get_rows, destination: raw.b, checks: {row_count: {max: 9}}}\n"
        "  - {entry: data.get_rows, destination: raw.c, checks: {schema_drift: ignore}}\n"
    )
    found = [resource.checks for resource in load_source_config(tmp_path).resources]
    assert [checks.schema_drift for checks in found] == ["block", "block", "ignore"]
    bounds = [(checks.row_count.min, checks.row_count.max) if checks.row_count else None for checks in found]
    assert bounds == [(1, None), (None, 9), (1, None)]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("{row_cont: {min: 1}}", "checks.row_cont: unknown key 'row_cont'; accepted: row_count, accepted_values"),
        ("{row_count: {}}", "checks.row_count: needs min, max or both"),
        ("{row_count: {min: 2, max: 1}}", "checks.row_count: min 2 must not be more than max 1"),
        ("{row_count: {min: -1}}", "checks.row_count.min: got -1; input should be greater than or equal to 0"),
        ("{row_count: 5}", "checks.row_count: got 5; accepted is a mapping"),
        (
            "{row_count: {min: 1, severity: error}}",
            "checks.row_count.severity: got 'error'; accepted: warn, block",
        ),
        ("{schema_drift: off}", "checks.schema_drift: got False; accepted: warn, block, ignore"),
        ("{schema_drift: blok}", "got 'blok'; accepted: warn, block, ignore. Did you mean 'block'?"),
        ("{primary_key: block}", "checks.primary_key is block and there is no primary_key; add one, or ignore"),
        ("{accepted_values: [open]}", "checks.accepted_values: got ['open']; accepted is a mapping"),
        ("{accepted_values: {state: open}}", "checks.accepted_values.state: got 'open'; accepted is a mapping"),
        ("{accepted_values: {state: []}}", "checks.accepted_values.state: lists no value"),
        (
            "{accepted_values: {state: [[open]]}}",
            "checks.accepted_values.state: got ['open']; accepted: text, a number, true, false",
        ),
        ("{accepted_values: {state: [open, 1]}}", "checks.accepted_values.state: values mix text and numbers"),
        (
            "{accepted_values: {state: [open, on]}}",
            "values mix text and true, false; put quotes around text that YAML reads as",
        ),
        ("{accepted_values: {state: [.nan]}}", "checks.accepted_values.state: got nan"),
    ],
)
def test_invalid_checks_are_refused(tmp_path: Path, settings: str, expected: str) -> None:
    """Each error is reported once, with file, line, field, value received and values accepted."""
    (tmp_path / "sources.yaml").write_text(
        f"resources:\n  - entry: data.get_rows\n    destination: raw.orders\n    checks: {settings}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_source_config(tmp_path)
    [problem] = caught.value.problems
    assert expected in str(problem)
    assert problem.line in {2, 4}


KEYED = "write_disposition: merge, primary_key: [shop, number]"


def test_a_primary_key_without_duplicates_passes(tree: Tree) -> None:
    """A merge leaves one row for each key, also if the load brings duplicates."""
    rows = [{"shop": "a", "number": 1}, {"shop": "a", "number": 2}, {"shop": "a", "number": 1}]
    [check, _] = load(tree, rows, KEYED).values()
    assert (check.passed, check.message) == (
        True,
        "0 rows without a key, 0 with a key that another row has; checked: all 2 rows",
    )


@pytest.mark.parametrize(("level", "severity"), [("warn", "warn"), ("block", "error")])
def test_a_primary_key_with_duplicates_fails(tree: Tree, level: str, severity: str) -> None:
    """Rows without a key and duplicates beyond the first are counted; no value is shown."""
    rows = [
        {"Shop": shop, "number": no}
        for shop, no in (("a", 1), ("a", 1), ("a", 1), ("b", 1), ("b", 1), (None, 1), ("c", 2))
    ]
    settings = f"primary_key: [Shop, number], columns: {{Shop: {{nullable: true}}}}, checks: {{primary_key: {level}}}"
    check = load(tree, rows, settings)["primary_key"]
    assert (check.passed, check.severity, check.blocks) == (False, severity, level == "block")
    assert check.metadata == {"rows_without_key": 1, "rows_with_a_key_of_another": 3, "rows_checked": 7}
    assert check.message == "1 rows without a key, 3 with a key that another row has; checked: all 7 rows"


def test_scd2_keys_are_unique_among_current_versions(tree: Tree) -> None:
    """Versions that a later one replaced do not count."""
    settings = "write_disposition: {disposition: merge, strategy: scd2}, primary_key: id, checks: {primary_key: block}"
    assert load(tree, [{"id": 1, "state": "open"}], settings)["primary_key"].passed
    assert load(tree, [{"id": 1, "state": "done"}], settings)["primary_key"].passed
    assert tree.query("SELECT COUNT(*) FROM raw.orders") == [2]
    assert not load(tree, [{"id": 1, "state": "done"}, {"id": 1, "state": "open"}], settings)["primary_key"].passed


@pytest.mark.parametrize(
    ("bounds", "passed"),
    [
        ("min: 3", True),
        ("min: 4", False),
        ("max: 3", True),
        ("max: 2", False),
        ("min: 1, max: 9", True),
        ("max: 0", False),
    ],
)
def test_row_count_counts_the_table(tree: Tree, bounds: str, passed: bool) -> None:  # noqa: FBT001 - a case
    """The check counts the rows of the table after the load, not those of the load."""
    load(tree, [{"id": 1}, {"id": 2}], "write_disposition: append")
    check = load(tree, [{"id": 3}], f"checks: {{row_count: {{{bounds}}}}}")["row_count"]
    assert (check.passed, check.severity, check.metadata) == (passed, "error", {"row_count": 3})
    assert check.message.startswith("3 rows; accepted: at ")


@pytest.mark.parametrize(
    ("values", "accepted", "passed"),
    [
        (["open", "done", None], "[open, done]", True),
        (["open", "it's"], "[open, 'it''s', '50%']", True),
        (["open"], "[Open]", False),
        ([1, 2], "[1, 2]", True),
        ([1, 2.5], "[1, 2.5]", True),
        ([1, 3], "[1, 2]", False),
        ([True, False], "[true, false]", True),
        ([True, False], "[true]", False),
    ],
    ids=str,
)
def test_accepted_values_are_compared_exactly(
    tree: Tree,
    values: list[Any],
    accepted: str,
    passed: bool,  # noqa: FBT001 - a case
) -> None:
    """Text, numbers and booleans are compared exactly, with case and quotes; nulls are always accepted."""
    rows = [{"state": value} for value in values]
    assert (
        load(tree, rows, f"checks: {{accepted_values: {{State: {accepted}}}}}")["accepted_values_state"].passed
        is passed
    )


def test_unaccepted_values_are_counted_and_a_few_shown(tree: Tree) -> None:
    """The most frequent values are shown, shortened and with secrets masked; the counts include all rows and values."""
    odd = ["https://a:secret@b.c", *(["new"] * 3), "x" * 500, *"abcdef"]
    settings = "checks: {accepted_values: {state: {values: [open], severity: warn}}}"
    check = load(tree, [{"state": value} for value in ["open", *odd]], settings)["accepted_values_state"]
    assert (check.passed, check.severity) == (False, "warn")
    assert (check.metadata["rows"], check.metadata["values"]) == (11, 9)
    assert check.metadata["rows_by_value"] == {"new": 3, "a": 1, "b": 1, "c": 1, "d": 1}
    assert check.message.startswith("11 rows hold 9 values that are not accepted: 'new' (3), 'a' (1)")
    rows = [{"state": value} for value in odd[:5]]
    shown = load(tree, rows, f"write_disposition: replace, {settings}")["accepted_values_state"].metadata[
        "rows_by_value"
    ]
    assert shown == {"new": 3, "https://***@b.c": 1, "x" * 80: 1}


@pytest.mark.parametrize(
    ("settings", "name", "expected"),
    [
        ("{accepted_values: {stat: [open]}}", "accepted_values_stat", "has no column stat. Did you mean 'state'?"),
        ("{primary_key: block}", "primary_key", "the table has no column id"),
        ("{accepted_values: {state: [1]}}", "accepted_values_state", "could not be checked: "),
    ],
)
def test_a_check_that_cannot_run_fails(tree: Tree, settings: str, name: str, expected: str) -> None:
    """The load keeps its rows; the check fails with the reason."""
    check = load(
        tree, [{"state": "open"}], f"primary_key: id, columns: {{id: {{nullable: true}}}}, checks: {settings}"
    )[name]
    assert not check.passed
    assert expected in check.message
    assert tree.query("SELECT state FROM raw.orders") == ["open"]


def test_a_missing_table_fails_only_row_count(tree: Tree) -> None:
    """A first load without rows fails no check except `row_count`."""
    settings = f"{KEYED}, checks: {{accepted_values: {{state: [open]}}, row_count: {{min: 1}}}}"
    checks = load(tree, [], settings)
    assert {name: check.passed for name, check in checks.items()} == {
        "primary_key": True,
        "accepted_values_state": True,
        "row_count": False,
        "schema_drift": True,
    }
    assert checks["row_count"].message == "0 rows; accepted: at least 1"


def test_a_replace_without_rows_is_reported(tree: Tree) -> None:
    """`rows_arrived` passes if rows were loaded, and warns if the table kept its old rows."""
    settings = "write_disposition: replace"
    first = load(tree, [{"id": 1}, {"id": 2}], settings)["rows_arrived"]
    assert (first.passed, first.message) == (True, "2 rows arrived")
    kept = load(tree, [], settings)["rows_arrived"]
    assert (kept.passed, kept.severity, kept.blocks) == (False, "warn", False)
    assert kept.message == "no rows arrived: the table keeps those it has"
    assert kept.metadata == {"rows_loaded": 0, "row_count": 2}


def test_a_first_replace_without_rows_fails_no_error_check(tree: Tree) -> None:
    """Without a table, every check except `rows_arrived` passes."""
    checks = load(tree, [], "write_disposition: replace, primary_key: id")
    assert {name: check.passed for name, check in checks.items()} == {
        "rows_arrived": False,
        "primary_key": True,
        "schema_drift": True,
    }


def test_schema_drift_is_new_columns_and_tables(tree: Tree) -> None:
    """New columns and nested tables are drift; the first load, an unchanged schema and removed columns are not."""
    settings = "checks: {schema_drift: block}"
    first = {"id": 1, "lines": [{"number": 1}]}
    assert load(tree, [first], settings)["schema_drift"].passed
    assert load(tree, [first, {"id": 2}], settings)["schema_drift"].passed
    new = {"id": 3, "name": "c", "lines": [{"number": 1, "sku": "a"}], "tags": ["x"]}
    drift = load(tree, [new], settings)["schema_drift"]
    assert (drift.passed, drift.severity) == (False, "error")
    columns = drift.metadata["new_columns"]
    assert (columns["orders"], columns["orders__lines"]) == (["name"], ["sku"])
    assert "value" in columns["orders__tags"]
    assert "orders: name" in drift.message
    assert load(tree, [new], settings)["schema_drift"].passed


def test_a_column_that_changes_its_type_is_drift(tree: Tree) -> None:
    """A value of another type adds a variant column, which is drift."""
    assert load(tree, [{"id": 1}], "checks: {schema_drift: warn}")["schema_drift"].passed
    drift = load(tree, [{"id": "one"}], "checks: {schema_drift: warn}")["schema_drift"]
    assert (drift.passed, drift.severity) == (False, "warn")
    assert drift.metadata == {"new_columns": {"orders": ["id__v_text"]}}


def test_a_dropped_and_reloaded_table_has_no_drift(tree: Tree) -> None:
    """`refresh="drop"` recreates the table with the columns of the new rows, without drift."""
    load(tree, [{"id": 1}], "write_disposition: append")
    assert load(tree, [{"id": 1, "name": "a"}], "write_disposition: append", refresh="drop")["schema_drift"].passed


def test_the_check_requires_passes_for_every_load_that_lands(tree: Tree) -> None:
    """Rows without the required columns do not land: the load itself fails and the table is unchanged."""
    assert load(tree, [{"id": 1}], "requires: [id]")["requires"].passed
    with pytest.raises(RequiredColumnsMissing, match="the rows lack name"):
        load(tree, [{"id": 2}], "requires: [name]")
    assert tree.query("SELECT id FROM raw.orders") == [1]


@pytest.mark.sampled(2)
@pytest.mark.usefixtures("sandbox_settings")
@pytest.mark.parametrize("name", sorted({key.split("__")[1].lower() for key in sandbox.settings("")}))
def test_sources_that_ship_pass_their_checks(tree: Tree, name: str) -> None:
    """Two loads of every source in the sandbox fail no check."""
    tasks = select_tasks([name], *find_sources(ROOT))
    for _ in range(2):
        outcomes = [event for event in load_side_by_side(tasks, tree.warehouse) if isinstance(event, Outcome)]
        checks = [check for outcome in outcomes if outcome.result for check in outcome.result.checks]
        assert len(checks) >= 2 * len(tasks)
        assert [check for check in checks if not check.passed] == []


CURSOR = "write_disposition: append, incremental: {cursor_path: at}"


@pytest.mark.parametrize(
    ("value", "earlier", "passed"),
    [
        ("9999-12-30T00:00:00Z", "2023-01-01T00:00:00Z", False),
        ("9999-12-30", "2023-01-01", False),
        ("2024-01-01T00:00:00+02:00", "2023-01-01T00:00:00Z", True),
        ("2024-01-01", "2023-01-01", True),
        (99991230, 1, True),
        ("B-2", "A-1", True),
    ],
)
def test_a_cursor_in_the_future_is_reported(
    tree: Tree,
    value: Any,
    earlier: Any,
    passed: bool,  # noqa: FBT001 - a case
) -> None:
    """A value beyond which no new row lies is a warning, with the number of rows that the cursor left out."""
    assert load(tree, [{"id": 1, "at": value}], CURSOR)["cursor"].passed is passed
    check = load(tree, [{"id": 1, "at": value}, {"id": 2, "at": earlier}], CURSOR)["cursor"]
    assert (check.passed, check.severity, check.metadata["rows_before_cursor"]) == (passed, "warn", 1)
    assert "rows before it that the load left out: 1" in check.message
    assert ("`refresh: state`" in check.message) is not passed


def test_the_check_of_a_cursor_reads_the_table_if_it_runs_alone(tree: Tree) -> None:
    """After a repair by hand it passes without a load; `ignore` removes it, `block` holds back the models."""
    check = load(tree, [{"id": 1, "at": "9999-12-30T00:00:00Z"}], f"{CURSOR}, checks: {{cursor: block}}")["cursor"]
    assert (check.passed, check.severity) == (False, "error")
    task = tree.task("shop.orders")
    assert not {one.name: one for one in check_table(task.resource, tree.warehouse)}["cursor"].passed
    tree.query("update raw.orders set \"at\" = timestamptz '2024-01-01'")
    assert {one.name: one for one in check_table(task.resource, tree.warehouse)}["cursor"].passed
    assert "cursor" not in load(tree, [], f"{CURSOR}, checks: {{cursor: ignore}}")
