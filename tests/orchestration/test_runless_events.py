"""Tests of the events that a run outside Dagster records in Dagster's history."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from data_foundation.errors import FoundationError
from data_foundation.orchestration import asset_keys
from data_foundation.orchestration.asset_keys import load_asset_keys
from data_foundation.orchestration.factory import build_definitions
from tests.support.locations import Location

TRANSLATED = '''
"""A composition root with a translator of its own."""

from pathlib import Path

from company.keys import Prefixed
from data_foundation.orchestration.factory import build_definitions

defs = build_definitions(Path(__file__).parent, translator=Prefixed())
'''
WITH_FORM = TRANSLATED.replace("company.keys import Prefixed", "data_foundation import SourceTranslator").replace(
    "Prefixed()", "SourceTranslator('lake/{dataset}/{table}')"
)
PREFIXED = """
from data_foundation.orchestration.translator import SourceTranslator


class Prefixed(SourceTranslator):
    def get_asset_key(self, data):
        return super().get_asset_key(data).with_prefix("lake")
"""


def test_loads_outside_dagster_are_in_its_history(location: Location) -> None:
    """`foundation run --record` records a materialization with rows and columns for each table and child table."""
    location.add(
        "shop",
        "resources: [{entry: data.get_rows, destination: raw.orders, child_tables: [items]}]",
        "def get_rows():\n    yield [{'id': 1, 'items': [{'sku': 'a'}, {'sku': 'b'}]}]\n",
    )
    home = _run_and_record(location)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        orders = instance.get_latest_materialization_event(dg.AssetKey(["raw", "orders"]))
        items = instance.get_latest_materialization_event(dg.AssetKey(["raw", "orders__items"]))
    assert orders
    assert orders.asset_materialization
    assert orders.asset_materialization.metadata["rows_loaded"].value == 1
    assert items
    assert items.asset_materialization
    assert items.asset_materialization.metadata["dagster/row_count"].value == 2


DAYS = """
resources:
  - entry: data.get_days
    destination: raw.days
    write_disposition: merge
    primary_key: day
    incremental: {cursor_path: day, initial_value: "2026-01-01"}
    partitions: {by: daily, start: 2026-01-01, end: 2026-01-04}
"""


@pytest.mark.rare
def test_a_partition_is_recorded_once(location: Location) -> None:
    """A first run records every partition, the next those that it loads, and a sample none."""
    location.add("days", DAYS, "def get_days():\n    yield [{'day': f'2026-01-0{n}', 'n': n} for n in (1, 2, 3)]\n")
    key = dg.AssetKey(["raw", "days"])

    def recorded() -> list[str]:
        with dg.DagsterInstance.from_config(str(_run_and_record(location, *options))) as instance:
            records = instance.fetch_materializations(key, limit=100).records
            assert instance.fetch_observations(key, limit=100).records == []
        return sorted(record.partition_key or "" for record in records)

    days = ["2026-01-01", "2026-01-02", "2026-01-03"]
    options: list[str] = []
    assert recorded() == days
    assert recorded() == [*days, "2026-01-03"]
    options = ["--limit", "1"]
    assert recorded() == [*days, "2026-01-03"]


@pytest.mark.parametrize(
    "definitions",
    [pytest.param(TRANSLATED, id="get_asset_key"), pytest.param(WITH_FORM, id="asset_key", marks=pytest.mark.rare)],
)
def test_loads_are_recorded_with_the_keys_of_the_code_location(location: Location, definitions: str) -> None:
    """`foundation run --record` takes the asset keys from definitions.py, whose translator may have changed them."""
    location.add("shop", "resources: [{entry: data.get_rows, destination: raw.orders, checks: {row_count: {min: 1}}}]")
    location.write("company/keys.py", PREFIXED)
    location.write("definitions.py", definitions)
    with dg.DagsterInstance.from_config(str(_run_and_record(location))) as instance:
        assert [key.to_user_string() for key in instance.all_asset_keys()] == ["lake/raw/orders"]
        check = dg.AssetCheckKey(dg.AssetKey(["lake", "raw", "orders"]), "row_count")
        assert instance.event_log_storage.get_latest_asset_check_execution_by_key([check]).keys() == {check}


def test_a_code_location_that_cannot_be_run_is_named(location: Location) -> None:
    """The message names the file with the error, and explains that nothing was recorded."""
    location.write("definitions.py", "1 / 0\n")
    with pytest.raises(
        FoundationError, match=r"definitions.py: cannot be run .* ZeroDivisionError.* nothing was written"
    ):
        load_asset_keys(location.root)


@pytest.mark.parametrize(
    ("call", "is_run"),
    [
        pytest.param("build_definitions(ROOT, warehouse)", False, id="no translator"),
        pytest.param("factory.build_definitions(ROOT, automation_seconds=5)", False, id="another argument"),
        pytest.param("build_definitions(ROOT, warehouse, Mine())", True, id="third argument"),
        pytest.param("build_definitions(ROOT, translator=Mine())", True, id="by name"),
        pytest.param("build_definitions(*arguments)", True, id="unpacked"),
        pytest.param("build_definitions(ROOT, **options)", True, id="unpacked names"),
        pytest.param("merge(build_definitions(ROOT), build_definitions(OTHER, None, Mine()))", True, id="one of two"),
        pytest.param("from_elsewhere()", True, id="another function"),
        pytest.param("build_definitions(", True, id="no Python"),
    ],
)
def test_a_code_location_is_run_only_if_it_may_have_a_translator(
    location: Location, call: str, *, is_run: bool
) -> None:
    """Running definitions.py imports Dagster and dbt, so it is not run if its text shows that no key is changed."""
    location.write("definitions.py", f"import not_there\ndefs = {call}\n")
    if is_run:
        with pytest.raises(FoundationError, match=r"not_there|SyntaxError"):
            load_asset_keys(location.root)
    else:
        assert load_asset_keys(location.root) == asset_keys.AssetKeys()


def test_the_arguments_without_a_translator_are_those_of_build_definitions() -> None:
    """The argument names that are read from the text of definitions.py are parameters of build_definitions."""
    names = [*asset_keys._BEFORE_TRANSLATOR, "translator", *asset_keys._AFTER_TRANSLATOR]
    assert list(inspect.signature(build_definitions).parameters) == names


def _run_and_record(location: Location, *options: str) -> Path:
    """Loads everything from the command line, and returns the DAGSTER_HOME with the recorded events."""
    home = location.root / "home"
    home.mkdir(exist_ok=True)
    command = [str(Path(sys.executable).parent / "foundation"), "run", "--record", *options]
    environment = {**os.environ, "DAGSTER_HOME": str(home)}
    subprocess.run(command, cwd=location.root, env=environment, check=True, capture_output=True)
    return home
