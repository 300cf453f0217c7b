"""What a run outside Dagster writes into Dagster's history."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg

from tests.locations import Location


def test_what_landed_outside_dagster_is_in_its_history(location: Location) -> None:
    """`foundation run --record` leaves a materialisation with rows and columns for each table and child table."""
    location.add(
        "shop",
        "resources: [{entry: data.get_rows, destination: raw.orders, child_tables: [items]}]",
        "def get_rows():\n    yield [{'id': 1, 'items': [{'sku': 'a'}, {'sku': 'b'}]}]\n",
    )
    home = location.root / "home"
    home.mkdir()
    command = [str(Path(sys.executable).parent / "foundation"), "run", "--record"]
    environment = {**os.environ, "DAGSTER_HOME": str(home)}
    subprocess.run(command, cwd=location.root, env=environment, check=True, capture_output=True)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        orders = instance.get_latest_materialization_event(dg.AssetKey(["raw", "orders"]))
        items = instance.get_latest_materialization_event(dg.AssetKey(["raw", "orders__items"]))
    assert orders
    assert orders.asset_materialization
    assert orders.asset_materialization.metadata["rows_loaded"].value == 1
    assert items
    assert items.asset_materialization
    assert items.asset_materialization.metadata["dagster/row_count"].value == 2
