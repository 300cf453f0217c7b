"""Makes a repository with weeks of real loads: growing, failing, with a schema that changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine

from data_foundation.errors import FoundationError
from tests.support.trees import Tree

ORDERS = """\
source:
  freshness: {fail_after_hours: 30}
resources:
  - entry: data.get_rows
    destination: raw.shop_orders
    write_disposition: append
    child_tables: [lines]
    description: Orders of the web shop, one row per order.
    columns: {id: {data_type: bigint, description: Number of the order.}}
    requires: [id]
  - {entry: data.get_rows, destination: raw.shop_customers, description: Customers of the web shop.}
"""
STOCK = """\
source: {freshness: {fail_after_hours: 30}}
resources: [{entry: data.get_rows, destination: raw.stock_levels, write_disposition: replace}]
"""


def make_history(tree: Tree, days: int) -> None:
    """Loads a shop once a day until yesterday, with one failed load, and its stock until a week ago."""
    tree.add("shop", ORDERS)
    tree.add("warehouse_stock", STOCK)
    today = datetime.now(UTC).replace(hour=6, minute=0, second=0, microsecond=0)
    for day in range(days):
        with time_machine.travel(today - timedelta(days=days - day - 1), tick=True):
            tree.give("shop", _orders(day, days))
            if day == days * 2 // 3:
                tree.give("shop", [{"number": 1}])
            try:
                tree.load("shop.shop_orders", run_id=f"run-{day:04}")
            except FoundationError:
                continue
            if day < days - 7:
                tree.give("warehouse_stock", [{"sku": f"sku-{n}", "pieces": n * day} for n in range(20)])
                tree.load("warehouse_stock.stock_levels", run_id=f"run-{day:04}")


def _orders(day: int, days: int) -> list[dict[str, Any]]:
    """Returns the orders of a day: more each day, fewer at weekends, from the middle on with a currency."""
    count = 20 + day * 3 - 15 * (day % 7 >= 5)
    rows = []
    for number in range(max(count, 1)):
        row: dict[str, Any] = {
            "id": day * 1000 + number,
            "ordered_at": f"2026-01-01T{number % 24:02}:00:00+00:00",
            "customer": {"name": f"Customer {number % 40}", "country": ("NL", "DE", "FR", None)[number % 4]},
            "amount": round(9.95 + number * 3.1, 2),
            "is_paid": number % 5 != 0,
            "lines": [{"sku": f"sku-{number % 9}", "pieces": 1 + number % 3}],
        }
        rows.append(row | {"currency": "EUR"} if day >= days // 2 else row)
    return rows
