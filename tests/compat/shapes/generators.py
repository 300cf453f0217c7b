"""Generators inside a source function, one for each disposition; most vendors' sources are like this."""

from collections.abc import Iterator
from typing import Any

import dlt

from .turn import turn


@dlt.source
def source(size: int = 3) -> Any:
    """Orders, events and countries."""

    @dlt.resource(write_disposition="merge", primary_key="id")
    def orders() -> Iterator[Any]:
        for number in range(size + turn()):
            yield {"id": number, "total": number * turn(), "lines": [{"sku": f"s{number}"}, {"sku": "t"}]}

    @dlt.resource(write_disposition="append")
    def events() -> Iterator[Any]:
        yield [{"turn": turn(), "number": number} for number in range(size)]

    @dlt.resource(write_disposition="replace")
    def countries() -> Iterator[Any]:
        yield [{"code": code, "turn": turn()} for code in ("NL", "BE")]

    return orders, events, countries
