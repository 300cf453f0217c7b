"""Steps in the pipe of a resource: maps, filters, limits, deferred calls, parallel and asynchronous ones."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import dlt


@dlt.source
def source() -> Any:
    """Five pipes."""

    @dlt.resource(write_disposition="replace")
    def mapped() -> Iterator[Any]:
        yield from ({"id": number} for number in range(6))

    @dlt.resource(write_disposition="replace", parallelized=True)
    def parallel() -> Iterator[Any]:
        yield from ({"id": number} for number in range(6))

    @dlt.resource(write_disposition="replace")
    async def asynchronous() -> AsyncIterator[Any]:
        for number in range(4):
            yield {"id": number}

    @dlt.defer
    def fetch(number: int) -> Any:
        return {"id": number, "deferred": True}

    @dlt.resource(write_disposition="replace")
    def deferred() -> Iterator[Any]:
        for number in range(4):
            yield fetch(number)

    return (
        mapped().add_map(lambda row: {**row, "double": row["id"] * 2}).add_filter(lambda row: row["id"] % 2 == 0),
        parallel,
        asynchronous,
        deferred,
        mapped.with_name("limited").add_limit(2),
    )
