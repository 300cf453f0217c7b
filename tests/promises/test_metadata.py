"""Every materialisation says what was loaded, and the warehouse agrees."""

import json
from collections.abc import Mapping
from typing import Any

import dagster as dg
import pytest

from tests.support.locations import Location

DATA = '''
import json
from pathlib import Path


def get_rows():
    """Whatever the test gave last."""
    yield json.loads((Path(__file__).parent / "rows.json").read_text())
'''
ROW = {
    "id": 1,
    "at": "2024-01-01T00:00:00Z",
    "select": "reserved",
    "größe": 1.5,
    "名前": "name",
    "a__b": True,
    "Order Total": 3,
    "from": {"table": "nested", "select": [{"where": 1}, {"where": 2}]},
}


def give(location: Location, rows: list[dict[str, Any]]) -> None:
    """Decides what the next run finds."""
    location.write("dlthub/shop/rows.json", json.dumps(rows))


def load(location: Location) -> Mapping[str, Any]:
    """Materialises the one table and returns the values of its metadata."""
    result = location.materialize()
    assert result.success
    [event] = [e for e in result.get_asset_materialization_events() if len(e.asset_key.path) == 2]  # type: ignore[union-attr]
    metadata = event.step_materialization_data.materialization.metadata
    return {name: value.value for name, value in metadata.items()}


def columns_of(location: Location, table: str) -> set[tuple[Any, ...]]:
    """What the warehouse calls a table's columns."""
    query = "select column_name from information_schema.columns where table_schema = 'raw' and table_name = '{}'"
    return set(location.query(query.format(table)))


@pytest.mark.parametrize("table", ["orders", "a__b", "select", "order_lines__archive"])
def test_metadata_is_what_the_warehouse_has(location: Location, table: str) -> None:
    """Rows, columns, the table's full name, nested tables, load id and cursor: each is found in the warehouse."""
    cursor = "incremental: {cursor_path: at}"
    yaml = f"resources: [{{entry: data.get_rows, destination: raw.{table}, write_disposition: append, {cursor}}}]"
    location.add("shop", yaml, DATA)
    give(location, [ROW, {**ROW, "id": 2}])
    said = load(location)
    full = said["dagster/table_name"]
    assert full == f"warehouse.raw.{table}"
    quoted = ".".join(f'"{part}"' for part in full.split("."))
    assert location.query(f"select count(*) from {quoted}") == [(said["dagster/row_count"],)] == [(2,)]
    assert said["rows_loaded"] == 2
    assert {(column.name,) for column in said["dagster/column_schema"].columns} == columns_of(location, table)
    children = said["child_tables"]
    assert children == {f"{table}__from__select": 4}
    assert location.query(f'select count(*) from raw."{table}__from__select"') == [(4,)]
    assert location.query("select load_id from raw._dlt_loads where status = 0") == [(said["load_id"],)]
    assert (said.get("cursor_before"), said["cursor_after"]) == (None, "2024-01-01T00:00:00Z")
    assert {"sync", "extract", "normalize", "load"} == set(said["seconds"])
    assert sum(said["seconds"].values()) > 0
    assert said["bytes_loaded"] > 0
    assert set(said["schema_changes"]) == {table, f"{table}__from__select"}


def test_a_change_of_shape_is_told_by_its_kind(location: Location) -> None:
    """A new column is added; a value of another type gets a variant, and nothing is said where nothing changed."""
    yaml = "resources: [{entry: data.get_rows, destination: raw.orders, write_disposition: append}]"
    location.add("shop", yaml, DATA)
    give(location, [{"id": 1, "price": 1}])
    load(location)
    give(location, [{"id": 2, "price": "dear", "colour": "red"}])
    assert load(location)["schema_changes"] == {"orders": {"added": ["colour"], "variant": ["price__v_text"]}}
    assert "schema_changes" not in load(location)


def test_nothing_is_zero(location: Location) -> None:
    """A load without rows says 0, not nothing, and counts what is there."""
    cursor = "write_disposition: append, incremental: {cursor_path: at}"
    location.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.orders, {cursor}}}]", DATA)
    give(location, [{"id": 1, "at": "2024-01-01"}])
    load(location)
    said = load(location)
    assert (said["rows_loaded"], said["dagster/row_count"]) == (0, 1)
    assert (said["cursor_before"], said["cursor_after"]) == ("2024-01-01", "2024-01-01")


def test_a_table_that_no_warehouse_could_name_is_refused(location: Location) -> None:
    """A name whose letters dlt would drop stands for a broken source that says what is accepted."""
    location.add("shop", "resources: [{entry: data.get_rows, destination: raw.größe}]", DATA)
    [broken] = [spec for spec in location.specs().values() if "broken" in spec.kinds]
    assert "raw.größe" in str(broken.description)
    assert "dataset.table of letters, digits, _ and -" in str(broken.description)
    assert isinstance(broken, dg.AssetSpec)
