"""Items and orders of a fictitious web shop: the API that the tutorial reads."""

from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal

from pydantic import BaseModel

from sandbox.models.people import ANCHOR, people, pick_times, to_json

ORDERS = 240
ITEMS = (
    ("Espresso cup", "kitchen", 950),
    ("Teapot", "kitchen", 3400),
    ("Cutting board", "kitchen", 2750),
    ("Desk lamp", "office", 4900),
    ("Notebook", "office", 650),
    ("Fountain pen", "office", 3900),
    ("Wool blanket", "home", 6900),
    ("Candle", "home", 1200),
)
"""Name, category and price in cents."""

COUNTRIES = ("NL", "BE", "DE", "FR")


class Item(BaseModel):
    """An item that the shop sells."""

    id: int
    name: str
    category: str
    price_cents: int
    updated_at: datetime


class Customer(BaseModel):
    """A customer who orders."""

    id: int
    name: str
    country: str


class Line(BaseModel):
    """One item of an order."""

    item_id: int
    quantity: int
    price_cents: int


class Order(BaseModel):
    """A customer's order, with its status."""

    id: int
    customer: Customer
    status: Literal["open", "paid", "shipped", "returned"]
    lines: list[Line]
    total_cents: int
    ordered_at: datetime
    updated_at: datetime


def build_items() -> list[dict[str, Any]]:
    """Return all items, in order of their last change."""
    return [
        to_json(Item(id=number, name=name, category=category, price_cents=price, updated_at=_changed(number)))
        for number, (name, category, price) in enumerate(ITEMS, start=1)
    ]


def build_orders() -> list[dict[str, Any]]:
    """Return all orders, in order of their last change."""
    random = Random(240)
    times = reversed(pick_times(random, ORDERS))
    orders = [_order(random, number, at) for number, at in enumerate(times, start=1)]
    return [to_json(order) for order in sorted(orders, key=lambda order: (order.updated_at, order.id))]


def _changed(number: int) -> datetime:
    return ANCHOR - timedelta(days=90 - number)


def _order(random: Random, number: int, at: datetime) -> Order:
    chosen = random.sample(range(len(ITEMS)), k=random.choice((1, 1, 2, 3)))
    lines = [
        Line(item_id=index + 1, quantity=random.choice((1, 1, 1, 2, 4)), price_cents=ITEMS[index][2])
        for index in chosen
    ]
    person = random.choice(people())
    # Three days later every order is shipped.
    is_new = ANCHOR - at < timedelta(days=3)
    return Order(
        id=number,
        customer=Customer(id=person.number, name=person.name, country=COUNTRIES[person.number % len(COUNTRIES)]),
        status=random.choice(("open", "paid")) if is_new else "returned" if random.random() < 0.05 else "shipped",
        lines=lines,
        total_cents=sum(line.quantity * line.price_cents for line in lines),
        ordered_at=at,
        updated_at=at + (ANCHOR - at) / 2 if is_new else at + timedelta(hours=random.randrange(1, 72)),
    )
