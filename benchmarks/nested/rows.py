"""The rows of every side: orders of a shop, with objects two levels deep, a list of objects and a list of texts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

PAGE = 1000
DIFFERENT = 10
"""Number of different pages; later pages differ only in their keys."""


def get_pages(size: int) -> Iterator[list[dict[str, Any]]]:
    """Yields `size` orders with zero to three items and zero to three labels each."""
    chance = random.Random(5)
    blocks = [[_order(chance) for _ in range(PAGE)] for _ in range(DIFFERENT)]
    for start in range(0, size, PAGE):
        block = blocks[start // PAGE % DIFFERENT][: size - start]
        yield [{**row, "id": number, "reference": f"order-{number:010}"} for number, row in enumerate(block, start)]


def _order(chance: random.Random) -> dict[str, Any]:
    return {
        "id": 0,
        "reference": "",
        "total": chance.randrange(100_000) / 100,
        "customer": {
            "name": f"{chance.choice(('Ada', 'Björn', 'Chloé', 'Dimitri'))} {chance.randrange(100_000)}",
            "is_company": not chance.randrange(4),
            "address": {"city": chance.choice(("Utrecht", "Ghent", "Basel")), "number": chance.randrange(300)},
        },
        "items": [
            {
                "sku": f"sku-{chance.randrange(5000)}",
                "quantity": chance.randrange(1, 9),
                "price": chance.randrange(9999) / 100,
            }
            for _ in range(chance.randrange(4))
        ],
        "labels": [chance.choice(("gift", "express", "fragile", "return")) for _ in range(chance.randrange(4))],
    }
