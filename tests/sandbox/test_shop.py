"""Tests of the sandbox's shop against the tutorial's description."""

from datetime import datetime
from typing import Any

import requests

from sandbox.models.people import ANCHOR
from sandbox.models.shop import ITEMS, ORDERS


def ask(url: str, path: str, headers: dict[str, str] | None = None, **parameters: Any) -> requests.Response:
    """Sends a request to the shop."""
    return requests.get(f"{url}/shop/{path}", params=parameters, headers=headers, timeout=10)


def test_pages_have_each_order_once_the_newest_last(sandbox_url: str) -> None:
    """The pages have the orders in order of their last change, until a page is not full."""
    pages = [ask(sandbox_url, "orders", page=page, per_page=100).json() for page in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [100, 100, ORDERS - 200, 0]
    orders = [order for page in pages for order in page]
    assert len({order["id"] for order in orders}) == ORDERS
    changed = [datetime.fromisoformat(order["updated_at"]) for order in orders]
    assert changed == sorted(changed)
    assert changed[-1] < ANCHOR


def test_since_leaves_out_earlier_changes(sandbox_url: str) -> None:
    """`since` is inclusive; a time without a zone is UTC."""
    orders = ask(sandbox_url, "orders", per_page=100).json()
    for since in ("2026-09-10T00:00:00+02:00", "2026-09-10", orders[50]["updated_at"]):
        found = ask(sandbox_url, "orders", since=since, per_page=100).json()
        at = datetime.fromisoformat(since)
        at = at if at.tzinfo else at.replace(tzinfo=ANCHOR.tzinfo)
        assert found[0] == next(order for order in orders if datetime.fromisoformat(order["updated_at"]) >= at)


def test_an_order_has_items_of_the_shop_and_their_sum(sandbox_url: str) -> None:
    """Every line has an item and its price, and the lines add up to the total."""
    items = {item["id"]: item for item in ask(sandbox_url, "items").json()}
    assert len(items) == len(ITEMS)
    for order in ask(sandbox_url, "orders", per_page=100).json():
        assert order["total_cents"] == sum(line["quantity"] * line["price_cents"] for line in order["lines"])
        assert all(items[line["item_id"]]["price_cents"] == line["price_cents"] for line in order["lines"])


def test_invalid_parameters_are_refused(sandbox_url: str) -> None:
    """A `since` that is not a time, and an invalid page, are a 400 with the shop's message."""
    for wrong in ({"since": "yesterday"}, {"page": 0}, {"per_page": 101}):
        response = ask(sandbox_url, "orders", **wrong)
        assert (response.status_code, response.json()) == (400, {"error": "bad request"})


def test_a_repeated_page_has_the_first_orders(sandbox_url: str) -> None:
    """With `repeated`, the second page is the first page again."""
    second = ask(sandbox_url, "orders", {"X-Sandbox-Fault": "repeated"}, page=2)
    assert second.json() == ask(sandbox_url, "orders").json()
