"""The rows of every side: ten flat columns, in pages like those of an API."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

PAGE = 1000
DIFFERENT = 10
"""Number of different pages; later pages differ only in their keys, as new values would take longer than a load."""

COLUMNS = {
    "id": "BIGINT",
    "reference": "VARCHAR",
    "quantity": "BIGINT",
    "price": "DOUBLE",
    "rating": "DOUBLE",
    "customer": "VARCHAR",
    "note": "VARCHAR",
    "is_paid": "BOOLEAN",
    "created_at": "TIMESTAMPTZ",
    "updated_at": "TIMESTAMPTZ",
}
"""Types to which the values of every side can be cast without loss."""


def get_pages(size: int) -> Iterator[list[dict[str, Any]]]:
    """Yields `size` rows. Two columns are unique, three have nulls, two are times: ISO texts and datetimes."""
    chance = random.Random(5)
    blocks = [[_row(chance) for _ in range(PAGE)] for _ in range(DIFFERENT)]
    for start in range(0, size, PAGE):
        block = blocks[start // PAGE % DIFFERENT][: size - start]
        yield [{**row, "id": number, "reference": f"order-{number:010}"} for number, row in enumerate(block, start)]


def _row(chance: random.Random) -> dict[str, Any]:
    created = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(63_000_000))
    return {
        "id": 0,
        "reference": "",
        "quantity": chance.randrange(1000) if chance.randrange(10) else None,
        "price": chance.randrange(1_000_000) / 100,
        "rating": chance.randrange(5000) / 1000 if chance.randrange(5) else None,
        "customer": f"{chance.choice(('Ada', 'Björn', 'Chloé', 'Dimitri'))} {chance.randrange(100_000)}",
        "note": f"Please leave it with neighbour {chance.randrange(10_000)}" if not chance.randrange(3) else None,
        "is_paid": chance.randrange(3) > 0,
        "created_at": created.isoformat().replace("+00:00", "Z"),
        "updated_at": created + timedelta(microseconds=chance.randrange(10**12)),
    }
