"""What Dagster shows after `foundation run --dbt --record`, beside what it shows after a run of the same assets."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tests.support.code_locations import ask_location, nodes_by_key
from tests.support.dbt_projects import write_dbt_project
from tests.support.instances import open_instance
from tests.support.locations import Location

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
OF_ONE_BUILD = {"Execution Duration", "invocation_id", "status"}
"""Metadata of dagster-dbt that differs from build to build, or that dbt's results do not have."""

LINEAGE = [
    pytest.param(
        "staging/stg_orders",
        {"order_id": {("raw/orders", "id")}, "amount": {("raw/orders", "amount")}, "origin": set()},
        id="view of a source, with a constant",
    ),
    pytest.param(
        "marts/zz_paid",
        {
            "order_id": {("staging/stg_orders", "order_id")},
            "amount": {("staging/stg_orders", "amount")},
            "paid": {("raw/doubles", "amount")},
        },
        id="join of a model and a source behind an ephemeral model",
    ),
    pytest.param(
        "marts/all_amounts",
        {"order_id": {("marts/zz_paid", "order_id")}, "twice": {("marts/zz_paid", "amount")}, "orders": set()},
        id="expression and window",
    ),
    pytest.param(
        "marts/visits", {"day": {("raw/days", "day")}, "visits": {("raw/days", "visits")}}, id="incremental model"
    ),
    pytest.param("marts/countries", {}, id="seed"),
]
ROWS = {"staging/stg_orders": 2, "marts/zz_paid": 2, "marts/all_amounts": 2, "marts/visits": 5, "marts/countries": 1}


@dataclass(frozen=True)
class History:
    """A location whose assets were built outside Dagster, then in a run.

    Attributes:
        location: The location.
        recorded: The `DAGSTER_HOME` in which `foundation run --dbt --record` has recorded.
        run: The `DAGSTER_HOME` of the run.
    """

    location: Location
    recorded: Path
    run: Path

    def metadata(self, home: Path, key: str) -> dict[str, Any]:
        """Returns the metadata of the newest materialization of an asset."""
        with open_instance(home) as instance:
            event = instance.get_latest_materialization_event(dg.AssetKey(key.split("/")))
        assert event
        assert event.asset_materialization
        return {name: value.value for name, value in event.asset_materialization.metadata.items()}


# One worker builds the location for all tests.
pytestmark = pytest.mark.xdist_group("recorded")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Location:
    """A location that was built by the command line, which has recorded it in the folder `recorded`."""
    location = Location(tmp_path_factory.mktemp("history"))
    write_dbt_project(location)
    home = location.write("recorded/dagster.yaml", QUIET).parent
    execute(location, home, "foundation", "run", "--dbt", "--record")
    return location


@pytest.fixture(scope="module")
def history(recorded: Location) -> History:
    """The same location, built again by Dagster."""
    home = recorded.write("run/dagster.yaml", QUIET).parent
    output = materialize(recorded, home, 'not (key:"raw/days" or kind:source)')
    assert "RUN_SUCCESS" in output, output
    return History(recorded, recorded.root / "recorded", home)


QUIET = "telemetry: {enabled: false}"


def execute(location: Location, home: Path, *command: str) -> str:
    """Runs a command in a location, with the history of `home`, and returns its output."""
    environment = {**os.environ, "DAGSTER_HOME": str(home), "PYTHONPATH": str(ROOT), "WAREHOUSE": "duckdb"}
    command = (str(BIN / command[0]), *command[1:])
    # A test that warns lets `foundation run` exit with 1.
    done = subprocess.run(command, cwd=location.root, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def materialize(location: Location, home: Path, selection: str) -> str:
    """Materializes assets in a run of Dagster, and returns its output."""
    return execute(location, home, "dagster", "asset", "materialize", "-f", "definitions.py", "--select", selection)


def test_all_that_was_recorded_is_green_and_filled(recorded: Location) -> None:
    """No asset is outdated, every partition is filled, and every dbt test has its result, a warning where it warned."""
    with open_instance(recorded.root / "recorded") as instance:
        nodes = nodes_by_key(ask_location(instance, recorded.root))
    made = {key: node for key, node in nodes.items() if node["isMaterializable"]}
    assert {key: node["staleCauses"] for key, node in made.items() if node["staleStatus"] != "FRESH"} == {}
    filled = {key: node["partitionStats"] for key, node in made.items() if node["isPartitioned"]}
    assert filled == {"raw/days": {"numMaterialized": 5, "numPartitions": 5, "numFailed": 0}}
    models = [node for key, node in made.items() if key in ROWS]
    checks = {check["name"]: check for node in models for check in node["assetChecksOrError"]["checks"]}
    states = {name: (check["executionForLatestMaterialization"] or {}).get("status") for name, check in checks.items()}
    assert states == {
        "not_null_zz_paid_order_id": "SUCCEEDED",
        "unique_zz_paid_order_id": "SUCCEEDED",
        "accepted_values_zz_paid_amount__1": "FAILED",
    }
    warned = checks["accepted_values_zz_paid_amount__1"]["executionForLatestMaterialization"]["evaluation"]
    assert warned["severity"] == "WARN"


@pytest.mark.rare
@pytest.mark.parametrize(("key", "lineage"), LINEAGE)
def test_models_have_the_same_metadata_however_they_are_built(
    history: History, key: str, lineage: dict[str, set[tuple[str, str]]]
) -> None:
    """A model's row count, column types and column lineage are the same after a run of Dagster, and are right."""
    recorded, run = (history.metadata(home, key) for home in (history.recorded, history.run))
    assert {name: value for name, value in run.items() if name not in OF_ONE_BUILD} == {
        name: value for name, value in recorded.items() if name not in OF_ONE_BUILD
    }
    assert isinstance(recorded["Execution Duration"], float)
    assert run["dagster/row_count"] == ROWS[key]
    found = run["dagster/column_lineage"].deps_by_column if lineage else {}
    deps = {name: {(dep.asset_key.to_user_string(), dep.column_name) for dep in deps} for name, deps in found.items()}
    assert deps == lineage
    types = {column.name: column.type for column in run["dagster/column_schema"].columns}
    assert types.keys() >= lineage.keys()
    assert all(types.values())


@pytest.mark.rare
def test_columns_of_a_model_have_the_descriptions_of_dbt(history: History) -> None:
    """The description of a column is that of the dbt project, its type that of the warehouse."""
    columns = {
        column.name: column
        for column in history.metadata(history.run, "marts/zz_paid")["dagster/column_schema"].columns
    }
    assert (columns["order_id"].type, columns["order_id"].description) == ("BIGINT", "The order.")
    assert columns["amount"].description is None


@pytest.mark.rare
def test_models_that_were_built_before_an_error_keep_their_metadata(history: History) -> None:
    """A failed dbt test fails the run; the models that were built are materialized, with their row counts."""
    location = history.location
    home = location.write("failed/dagster.yaml", QUIET).parent
    broken = "select order_id, amount / 0 as broken, missing from {{ ref('zz_paid') }}\n"
    location.write("dbt_project/models/marts/all_amounts.sql", broken)
    assert 'Referenced column "missing" not found' in materialize(location, home, "kind:dbt")
    with open_instance(home) as instance:
        landed = {
            key.to_user_string() for key in instance.all_asset_keys() if instance.get_latest_materialization_event(key)
        }
    assert landed == ROWS.keys() - {"marts/all_amounts"}
    assert history.metadata(home, "marts/zz_paid")["dagster/row_count"] == 2
