"""Tests of asset checks in Dagster: specs, evaluations after a load, and models that a failed check blocks."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tests.orchestration.test_automation import Ticks, build_model
from tests.support.locations import Location, failure, landed
from tests.support.trees import Tree

ROWS = '''
import json
from pathlib import Path


def get_rows():
    """Whatever the test gave last."""
    yield json.loads((Path(__file__).parent / "rows.json").read_text())
'''


def add(location: Location, yaml: str, rows: str = '[{"id": 1, "state": "open"}]', *, source: str = "shop") -> None:
    """Writes a source with one resource that has these keys and yields these rows."""
    location.add(source, f"resources: [{{entry: data.get_rows, destination: raw.{source}, {yaml}}}]", ROWS)
    give(location.root, rows, source=source)


def give(root: Path, rows: str, *, source: str = "shop") -> None:
    """Sets the rows that a source yields from now on."""
    (root / "dlthub" / source / "rows.json").write_text(rows)


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """Returns the check evaluations in a run's event log, by the name of the check."""
    events = [event for event in result.all_events if event.event_type_value == "ASSET_CHECK_EVALUATION"]
    return {event.asset_check_evaluation_data.check_name: event.asset_check_evaluation_data for event in events}


def check_key(name: str, table: str = "shop") -> dg.AssetCheckKey:
    """Returns the key of a check of raw.<table>."""
    return dg.AssetCheckKey(dg.AssetKey(["raw", table]), name)


def test_checks_are_known_before_anything_is_loaded(location: Location) -> None:
    """Each check has a spec with its rule as description; blocking checks are marked as blocking."""
    add(location, "write_disposition: replace, primary_key: id, requires: [id], checks: {row_count: {min: 1}}")
    graph = location.definitions().resolve_asset_graph()
    specs = {key.name: graph.get_check_spec(key) for key in graph.asset_check_keys}
    assert {name: spec.blocking for name, spec in specs.items()} == {
        "requires": True,
        "rows_arrived": False,
        "primary_key": True,
        "row_count": True,
        "schema_drift": False,
    }
    assert specs["row_count"].description == "The table has at least 1 rows."


def test_every_load_leaves_an_evaluation_of_every_check(location: Location) -> None:
    """The event log has them, with description, severity and metadata."""
    add(location, "write_disposition: replace, primary_key: id, checks: {accepted_values: {state: [open]}}")
    result = location.materialize()
    assert result.success
    found = evaluations(result)
    assert {name: check.passed for name, check in found.items()} == dict.fromkeys(
        ("rows_arrived", "primary_key", "accepted_values_state", "schema_drift"), True
    )
    assert found["primary_key"].metadata["rows_without_key"].value == 0
    assert found["primary_key"].target_materialization_data


def test_a_failed_check_with_severity_warn_does_not_fail_the_run(location: Location) -> None:
    """The check has the severity WARN in the UI, and the log has a warning."""
    add(location, "checks: {row_count: {min: 5, severity: warn}}")
    result = location.materialize()
    assert result.success
    check = evaluations(result)["row_count"]
    assert (check.passed, check.severity, check.blocking) == (False, dg.AssetCheckSeverity.WARN, False)
    assert check.description == "1 rows; accepted: at least 5"


def test_a_failed_blocking_check_fails_the_run_after_the_load(location: Location) -> None:
    """The table and the source's other tables are loaded; the step's error names the check."""
    add(location, "checks: {accepted_values: {state: [done]}}")
    add(location, "checks: {row_count: {min: 1}}", source="other")
    result = location.materialize()
    assert not result.success
    assert landed(result) == {"raw/shop", "raw/other"}
    assert "raw/shop: accepted_values_state" in failure(result)
    assert "raw/other" not in failure(result)
    check = evaluations(result)["accepted_values_state"]
    assert (check.severity, check.blocking) == (dg.AssetCheckSeverity.ERROR, True)
    assert check.metadata["rows_by_value"].value == {"open": 1}


def test_a_replace_that_keeps_the_table_is_a_failed_check(location: Location) -> None:
    """`on_empty: keep` gives a check with the severity WARN."""
    add(location, "write_disposition: replace")
    assert location.materialize().success
    give(location.root, "[]")
    result = location.materialize()
    assert result.success
    check = evaluations(result)["rows_arrived"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert location.query("SELECT COUNT(*) FROM raw.shop") == [(1,)]


def test_a_load_that_lacks_required_columns_fails_that_check(location: Location) -> None:
    """Nothing is written, no other check is run, and the check names the missing columns."""
    add(location, "requires: [id, name], checks: {row_count: {min: 1}}")
    result = location.materialize()
    assert not result.success
    assert landed(result) == set()
    [(name, check)] = evaluations(result).items()
    assert (name, check.passed, check.severity, check.blocking) == (
        "requires",
        False,
        dg.AssetCheckSeverity.ERROR,
        True,
    )
    assert check.description
    assert "the rows lack name" in check.description


def test_a_load_with_another_error_has_no_check_evaluations(location: Location) -> None:
    """A table that was not loaded is not checked."""
    add(location, "requires: [id], checks: {row_count: {min: 1}}", rows="[{")
    result = location.materialize()
    assert not result.success
    assert evaluations(result) == {}


def test_a_run_of_one_table_checks_that_table(location: Location) -> None:
    """Checks of tables that are not selected are not run, even in the same source."""
    location.add(
        "shop",
        """
        source: {checks: {row_count: {min: 1}}}
        resources:
          - {entry: data.get_rows, destination: raw.a}
          - {entry: data.get_rows, destination: raw.b}
        """,
    )
    result = location.materialize("raw/a")
    events = result.filter_events(lambda event: event.event_type_value == "ASSET_CHECK_EVALUATION")
    assert {event.asset_check_evaluation_data.asset_key.to_user_string() for event in events} == {"raw/a"}


def test_a_run_of_a_child_table_records_its_parents_checks(location: Location) -> None:
    """The whole resource is loaded, and the check evaluations of the parent are recorded."""
    add(location, "child_tables: [lines], checks: {row_count: {min: 5}}", rows='[{"id": 1, "lines": [{"no": 1}]}]')
    result = location.materialize("raw/shop__lines")
    assert result.success
    assert not evaluations(result)["row_count"].passed


def test_a_check_run_alone_reads_the_current_table(location: Location) -> None:
    """Nothing is loaded, so after a manual repair a check can pass."""
    add(
        location, "primary_key: id, checks: {primary_key: block, accepted_values: {state: [done]}, schema_drift: block}"
    )
    with dg.DagsterInstance.ephemeral() as instance:
        assert not location.materialize(instance=instance).success
        job = location.definitions().resolve_implicit_global_asset_job_def()
        keys = [check_key(name) for name in ("primary_key", "accepted_values_state", "schema_drift")]
        alone = job.get_subset(asset_selection=set(), asset_check_selection=set(keys))
        result = alone.execute_in_process(instance=instance, raise_on_error=False)
    found = evaluations(result)
    assert {name: check.passed for name, check in found.items()} == {
        "primary_key": True,
        "accepted_values_state": False,
        "schema_drift": True,
    }
    assert landed(result) == set()
    assert location.query("SELECT COUNT(*) FROM raw.shop") == [(1,)]


@pytest.mark.parametrize("keys", [["2024-01-02"], ["2024-01-02", "2024-01-04"]], ids=["one", "range"])
def test_a_partitioned_run_evaluates_its_checks(location: Location, keys: Sequence[str]) -> None:
    """Checks are of the whole table, whichever partition a run loads."""
    location.add(
        "shop",
        """
        resources:
          - entry: data.get_rows
            args: ["{{ partition.start }}"]
            destination: raw.shop
            write_disposition: merge
            primary_key: id
            partitions: {by: daily, start: 2024-01-01}
        """,
        "def get_rows(start):\n    yield {'id': start}\n",
    )
    tags = {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}
    options: dict[str, Any] = {"partition_key": keys[0]} if len(keys) == 1 else {"tags": tags}
    result = location.materialize(**options)
    assert result.success, failure(result)
    assert evaluations(result)["primary_key"].passed


def ticks_of(tree: Tree, *checked: str, yaml: str = "") -> Ticks:
    """Returns tables with a model each, loaded once; the tables in `checked` are checked for one or two rows."""
    for name in ("a", "b"):
        checks = "checks: {row_count: {max: 1}}" if name in checked else "checks: {schema_drift: ignore}"
        tree.add(name, f"resources: [{{entry: data.get_rows, destination: raw.{name}, {checks}{yaml}}}]")
        tree.give(name, [{"id": 1}])
    models = [build_model("staging/a", "raw/a"), build_model("marts/a", "staging/a"), build_model("marts/b", "raw/b")]
    ticks = Ticks(tree, models)
    ticks.tick()
    assert ticks.run("raw/a", "raw/b")
    assert ticks.tick() == {"staging/a", "marts/a", "marts/b"}
    assert ticks.run("staging/a", "marts/a", "marts/b")
    assert ticks.tick() == set()
    return ticks


REPLACE = ", write_disposition: replace"
TWO = [{"id": 1}, {"id": 2}]


def test_a_failed_check_blocks_only_the_models_of_its_table(tree: Tree) -> None:
    """The models run after the next load whose checks pass."""
    ticks = ticks_of(tree, "a", yaml=REPLACE)
    tree.give("a", TWO)
    assert not ticks.run("raw/a")
    assert ticks.run("raw/b")
    assert ticks.tick() == {"marts/b"}
    assert [ticks.tick(), ticks.tick()] == [set(), set()]
    tree.give("a", [{"id": 3}])
    assert ticks.run("raw/a")
    assert ticks.tick() == {"staging/a", "marts/a"}
    assert ticks.tick() == set()


def test_models_of_other_tables_of_the_source_run(tree: Tree) -> None:
    """All tables of a source are loaded by one step, which fails; the tables without failed checks are materialized."""
    both = "".join(
        f"  - {{entry: data.get_rows, destination: raw.{name}{REPLACE}, checks: {{row_count: {{max: {most}}}}}}}\n"
        for name, most in (("a", 1), ("b", 2))
    )
    tree.add("shop", f"resources:\n{both}")
    tree.give("shop", TWO)
    ticks = Ticks(tree, [build_model("marts/a", "raw/a"), build_model("marts/b", "raw/b")])
    ticks.tick()
    assert not ticks.run("raw/a", "raw/b")
    assert ticks.tick() == {"marts/b"}
    assert ticks.tick() == set()


def test_a_check_with_severity_warn_blocks_no_models(tree: Tree) -> None:
    """After a replace without rows, which keeps the table, its models run."""
    ticks = ticks_of(tree, yaml=REPLACE)
    tree.give("a", [])
    assert ticks.run("raw/a")
    assert ticks.tick() == {"staging/a", "marts/a"}


def test_a_new_check_blocks_no_models_before_its_first_run(tree: Tree) -> None:
    """Models can use what was loaded before the check existed."""
    ticks = ticks_of(tree, yaml=REPLACE)
    tree.add("a", "resources: [{entry: data.get_rows, destination: raw.a, checks: {row_count: {max: 1}}}]")
    ticks.models = [*ticks.models, build_model("marts/new", "raw/a")]
    assert ticks.tick() | ticks.tick() == {"marts/new"}


@pytest.mark.rare
def test_a_failed_check_blocks_models_after_a_cancelled_run(tree: Tree) -> None:
    """The rows that failed the check are still in the table, although the next load was cancelled."""
    ticks = ticks_of(tree, "a", yaml=REPLACE)
    tree.give("a", TWO)
    assert not ticks.run("raw/a")
    assert ticks.tick() == set()
    key = dg.AssetKey(["raw", "a"])
    job = ticks.definitions.resolve_implicit_global_asset_job_def().get_subset(asset_selection={key})
    run = ticks.instance.create_run_for_job(job, asset_selection=frozenset({key}), status=dg.DagsterRunStatus.STARTED)
    assert ticks.tick() == set()
    ticks.instance.report_run_canceled(run)
    assert [ticks.tick(), ticks.tick()] == [set(), set()]
    tree.give("a", [{"id": 3}])
    assert ticks.run("raw/a")
    assert ticks.tick() == {"staging/a", "marts/a"}


@pytest.mark.rare
def test_a_check_that_passes_alone_lets_the_models_run(tree: Tree) -> None:
    """After a manual repair or an accepted drift, re-running the check alone lets the models run."""
    ticks = ticks_of(tree, "a", yaml=REPLACE)
    tree.give("a", TWO)
    assert not ticks.run("raw/a")
    assert ticks.tick() == set()
    tree.query("DELETE FROM raw.a WHERE id = 2")
    job = ticks.definitions.resolve_implicit_global_asset_job_def()
    alone = job.get_subset(asset_selection=set(), asset_check_selection={check_key("row_count", "a")})
    assert alone.execute_in_process(instance=ticks.instance).success
    assert ticks.tick() == {"staging/a", "marts/a"}


def run_foundation(root: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command line in a process of its own."""
    command = [str(Path(sys.executable).parent / "foundation"), "run", *arguments]
    environment = {**os.environ, "DAGSTER_HOME": str(home)}
    return subprocess.run(command, cwd=root, env=environment, check=False, capture_output=True, text=True)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("severity", "code"), [("warn", 0), ("block", 1)])
def test_the_command_line_shows_failed_checks(location: Location, severity: str, code: int) -> None:
    """The output has a line for each failed check, and an error for a blocking one; Dagster's history has them all."""
    add(location, f"checks: {{row_count: {{min: 5, severity: {severity}}}}}")
    home = location.root / "home"
    home.mkdir()
    done = run_foundation(location.root, home, "--record")
    assert done.returncode == code
    printed = [line for line in done.stderr.splitlines() if line.startswith("check ")]
    waits = "; dbt models that read the table wait until it passes" if code else ""
    assert printed == [f"check raw.shop: row_count: 1 rows; accepted: at least 5{waits}"]
    with dg.DagsterInstance.from_config(str(home)) as instance:
        records = instance.event_log_storage.get_latest_asset_check_execution_by_key(
            [check_key("row_count"), check_key("schema_drift")]
        )
    found = {key.name: record.evaluation for key, record in records.items() if record.evaluation}
    assert {name: evaluation.passed for name, evaluation in found.items()} == {"row_count": False, "schema_drift": True}
    assert found["row_count"].blocking is bool(code)


@pytest.mark.rare
def test_a_recorded_check_blocks_models_in_dagster(location: Location) -> None:
    """A check that failed outside Dagster blocks the models in Dagster."""
    add(location, "write_disposition: replace, checks: {row_count: {min: 5}}")
    add(location, "write_disposition: replace, checks: {row_count: {min: 1}}", source="other")
    home = location.root / "home"
    home.mkdir()
    ticks = Ticks(Tree(location.root), [build_model(f"marts/{name}", f"raw/{name}") for name in ("shop", "other")])
    with dg.DagsterInstance.from_config(str(home)) as instance:
        ticks.instance = instance
        assert ticks.tick() == set()
        assert run_foundation(location.root, home, "--record").returncode == 1
        assert ticks.tick() == {"marts/other"}
        assert ticks.tick() == set()


def test_dbt_on_the_command_line_skips_models_of_a_failed_check(location: Location) -> None:
    """The models of the table are not built, those of other tables are."""
    add(location, "checks: {row_count: {min: 5}}")
    add(location, "checks: {row_count: {min: 1}}", source="other")
    location.write("dbt_project/dbt_project.yml", "name: shop\nprofile: shop\nmodel-paths: [models]\n")
    location.write(
        "dbt_project/profiles.yml",
        """
        shop:
          target: duckdb
          outputs:
            duckdb: {type: duckdb, path: "{{ env_var('DBT_DUCKDB_PATH') }}", schema: marts}
        """,
    )
    location.write(
        "dbt_project/models/sources.yml",
        "version: 2\nsources: [{name: raw, schema: raw, tables: [{name: shop}, {name: other}]}]\n",
    )
    for name in ("shop", "other"):
        location.write(f"dbt_project/models/of_{name}.sql", f"select * from {{{{ source('raw', '{name}') }}}}")
    done = run_foundation(location.root, location.root, "--dbt")
    assert done.returncode == 1, done.stderr
    assert location.query("SELECT table_name FROM information_schema.tables WHERE table_schema = 'marts'") == [
        ("of_other",)
    ]
    assert "marts.of_shop" not in done.stdout
