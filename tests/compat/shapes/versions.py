"""Every version of a row, by scd2; and rows that a flag deletes."""

from collections.abc import Iterator
from typing import Any

import dlt

from .turn import turn


@dlt.source
def source() -> Any:
    """Two ways to change rows."""

    @dlt.resource(write_disposition={"disposition": "merge", "strategy": "scd2"})
    def prices() -> Iterator[Any]:
        yield [{"sku": "a", "price": turn()}, {"sku": "b", "price": 1}]

    @dlt.resource(
        write_disposition="merge", primary_key="id", columns={"gone": {"data_type": "bool", "hard_delete": True}}
    )
    def people() -> Iterator[Any]:
        yield [{"id": 1, "gone": turn() > 1}, {"id": 2, "gone": False}]

    return prices, people
