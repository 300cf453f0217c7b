"""Tests of `foundation ui` on Snowflake: tables, the page of a table, SQL, and the limit of a query."""

import re

from starlette.testclient import TestClient

from data_foundation.inspection.catalogue import list_relations
from data_foundation.ui.app import build_app
from data_foundation.ui.guard import ENTER
from tests.snowflake.conftest import SnowflakeTree

SHOP = "resources: [{entry: data.get_rows, destination: raw.orders, write_disposition: append}]"


def test_snowflake_shows_its_tables(tree: SnowflakeTree) -> None:
    """Names in upper case are shown as they are configured, with rows, loads, columns and the answers of SQL."""
    tree.add("shop", SHOP)
    tree.give("shop", [{"id": number, "note": "x"} for number in range(3)])
    tree.load("shop.orders", run_id="test")
    warehouse = tree.warehouse
    assert ("orders", 3) in {(one.name.table.lower(), one.rows) for one in list_relations(warehouse, [], 10)}
    client = TestClient(build_app(tree.root, warehouse, 3100, "token"), base_url="http://127.0.0.1:3100")
    client.get(f"{ENTER}token")
    tables = re.sub(r"\s|<wbr>", "", client.get("/").text)
    assert '<ahref="/table/raw.orders">raw.orders</a>' in tables
    assert ">3</td>" in tables
    page = client.get("/table/raw.orders").text
    assert page.count(">x</td>") == 3
    assert "new table orders" in page
    assert "Rows of 1 loads" in page
    sql = f"select count(*) as n from raw{warehouse.suffix}.orders"
    assert '<td class="number">3</td>' in client.post("/sql", data={"sql": sql}).text
