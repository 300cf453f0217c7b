"""Public reports about one resource that fills several tables, with inputs of our own."""

import dagster as dg
import pytest

from tests.support.locations import Location, failure, landed, metadata_by_table
from tests.support.trees import Tree

BY_TYPE = '''
import dlt

EVENTS = [
    {"type": "order", "id": 1, "total": 5},
    {"type": "visit", "id": 1, "page": "/"},
    {"type": "order", "id": 2, "total": 7},
    {"type": "visit", "id": 2, "page": "/cart"},
    {"type": "order", "id": 1, "total": 6},
]


@dlt.resource(table_name=lambda event: event["type"])
def by_function():
    """Events of two types."""
    yield from EVENTS


@dlt.resource
def by_hints():
    """Events of two types, each with hints of its own."""
    columns = {"order": {"total": {"data_type": "decimal"}}, "visit": {"page": {"data_type": "text"}}}
    for event in EVENTS:
        name = event["type"]
        hints = dlt.mark.make_hints(table_name=name, columns=columns[name], primary_key="id", write_disposition="merge")
        yield dlt.mark.with_hints(event, hints, create_table_variant=True)
'''


@pytest.mark.parametrize("engine", ["columnar", "dlt"])
def test_hints_of_an_item_are_those_of_its_table_alone(tree: Tree, engine: str) -> None:
    """dlt-hub/dlt#1105: Hints that come with an item, by table, do not reach the resource's other tables."""
    more = f"engine: {engine}, tables: [order, visit], write_disposition: merge, primary_key: id"
    tree.add("s", f"resources: [{{entry: data.by_hints, destination: raw.events, {more}}}]", BY_TYPE)
    for _ in range(2):
        tree.load("s.events")
    assert tree.query('select id, total from raw."order" order by id')[-1] == (2, 7)
    assert tree.query("select id, page from raw.visit order by id") == [(1, "/"), (2, "/cart")]
    columns = (
        "select column_name from information_schema.columns where table_name = '{}' and column_name not like '_dlt%'"
    )
    assert set(tree.query(columns.format("order"))) == {"id", "type", "total"}
    assert set(tree.query(columns.format("visit"))) == {"id", "type", "page"}
    types = "select data_type from information_schema.columns where table_name = 'order' and column_name = 'total'"
    assert tree.query(types)[0].startswith("DECIMAL")
    assert tree.query('select count(*) from raw."order"') == [2]


def test_each_table_of_a_function_is_an_asset_with_its_own_metadata(location: Location) -> None:
    """dagster-io/dagster#33666: Tables that a function names have their rows, row counts, columns and names."""
    location.add(
        "s", "resources: [{entry: data.by_function, destination: raw.events, tables: [order, visit]}]", BY_TYPE
    )
    result = location.materialize()
    assert result.success, failure(result)
    assert landed(result) == {"raw/events", "raw/order", "raw/visit"}
    found = metadata_by_table(result)
    assert [found[name]["rows_loaded"].value for name in ("events", "order", "visit")] == [0, 3, 2]
    assert [found[name]["dagster/row_count"].value for name in ("order", "visit")] == [3, 2]
    assert found["order"]["dagster/table_name"].value == "warehouse.raw.order"
    for name, own, other in (("order", "total", "page"), ("visit", "page", "total")):
        schema = found[name]["dagster/column_schema"].value
        assert isinstance(schema, dg.TableSchema)
        columns = {column.name for column in schema.columns}
        assert own in columns
        assert other not in columns
