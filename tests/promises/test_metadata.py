"""Metadata of materialisations: it agrees with the warehouse."""

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
    """Yields the rows that the test has set."""
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
    """Sets the rows of the next run."""
    location.write("dlthub/shop/rows.json", json.dumps(rows))


def load(location: Location) -> Mapping[str, Any]:
    """Materialises the table and returns the values of its metadata."""
    result = location.materialize()
    assert result.success
    [event] = [e for e in result.get_asset_materialization_events() if len(e.asset_key.path) == 2]  # type: ignore[union-attr]
    metadata = event.step_materialization_data.materialization.metadata
    return {name: value.value for name, value in metadata.items()}


def columns_of(location: Location, table: str) -> set[tuple[Any, ...]]:
    """Returns the column names of a table in the warehouse."""
    query = "select column_name from information_schema.columns where table_schema = 'raw' and table_name = '{}'"
    return set(location.query(query.format(table)))


@pytest.mark.parametrize("table", ["orders", "a__b", "select", "order_lines__archive"])
def test_metadata_equals_the_warehouse(location: Location, table: str) -> None:
    """Rows, columns, full table name, nested tables, load id and cursor equal those in the warehouse."""
    cursor = "incremental: {cursor_path: at}"
    yaml = f"resources: [{{entry: data.get_rows, destination: raw.{table}, write_disposition: append, {cursor}}}]"
    location.add("shop", yaml, DATA)
    give(location, [ROW, {**ROW, "id": 2}])
    metadata = load(location)
    full = metadata["dagster/table_name"]
    assert full == f"warehouse.raw.{table}"
    quoted = ".".join(f'"{part}"' for part in full.split("."))
    assert location.query(f"select count(*) from {quoted}") == [(metadata["dagster/row_count"],)] == [(2,)]
    assert metadata["rows_loaded"] == 2
    assert {(column.name,) for column in metadata["dagster/column_schema"].columns} == columns_of(location, table)
    described = {column.name: column.description for column in metadata["dagster/column_schema"].columns}
    assert all(described[name] for name in described if name.startswith("_dlt_"))
    children = metadata["child_tables"]
    assert children == {f"raw.{table}__from__select": 4}
    assert location.query(f'select count(*) from raw."{table}__from__select"') == [(4,)]
    assert location.query("select load_id from raw._dlt_loads where status = 0") == [(metadata["load_id"],)]
    assert (metadata.get("cursor_before"), metadata["cursor_after"]) == (None, "2024-01-01T00:00:00Z")
    phases = [metadata[f"seconds_{phase}"] for phase in ("sync", "extract", "normalize", "load")]
    assert sum(phases) == pytest.approx(metadata["seconds"], abs=0.01)
    assert metadata["seconds"] > 0
    assert metadata["bytes_loaded"] > 0
    assert set(metadata["schema_changes"]) == {f"raw.{table}", f"raw.{table}__from__select"}


def test_schema_changes_are_listed_by_kind(location: Location) -> None:
    """New columns are listed as added, variants as variant; without changes there is no entry."""
    yaml = "resources: [{entry: data.get_rows, destination: raw.orders, write_disposition: append}]"
    location.add("shop", yaml, DATA)
    give(location, [{"id": 1, "price": 1}])
    load(location)
    give(location, [{"id": 2, "price": "dear", "colour": "red"}])
    assert load(location)["schema_changes"] == {"raw.orders": {"added": ["colour"], "variant": ["price__v_text"]}}
    assert "schema_changes" not in load(location)


def test_a_load_without_rows_reports_zero(location: Location) -> None:
    """A load without rows reports 0 rows, 0 bytes and the row count of the table."""
    cursor = "write_disposition: append, incremental: {cursor_path: at}"
    location.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.orders, {cursor}}}]", DATA)
    give(location, [{"id": 1, "at": "2024-01-01"}])
    load(location)
    metadata = load(location)
    assert (metadata["rows_loaded"], metadata["bytes_loaded"], metadata["dagster/row_count"]) == (0, 0, 1)
    assert (metadata["cursor_before"], metadata["cursor_after"]) == ("2024-01-01", "2024-01-01")


def test_an_invalid_table_name_is_refused(location: Location) -> None:
    """A table name with letters that dlt would drop makes the source broken; the error tells how to keep them."""
    location.add("shop", "resources: [{entry: data.get_rows, destination: raw.größe}]", DATA)
    [broken] = [spec for spec in location.specs().values() if "broken" in spec.kinds]
    assert "raw.größe" in str(broken.description)
    assert 'naming = "data_foundation.unicode_snake_case"' in str(broken.description)
    assert isinstance(broken, dg.AssetSpec)
