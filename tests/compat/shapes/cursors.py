"""Cursors in defaults, in hints and as texts of times: stripe, shopify, zendesk, github."""

from collections.abc import Iterator
from typing import Any

import dlt
import pendulum

from .turn import turn

DAYS = [f"2024-01-{day:02}T00:00:00Z" for day in range(1, 9)]


@dlt.source
def source() -> Any:
    """Three ways to declare a cursor."""

    @dlt.resource(primary_key="id", write_disposition="merge")
    def by_default(
        updated: dlt.sources.incremental[str] = dlt.sources.incremental("updated_at", initial_value=DAYS[0]),  # noqa: B008 - as dlt's users write it
    ) -> Iterator[Any]:
        rows = [{"id": number, "updated_at": day} for number, day in enumerate(DAYS[: turn() * 4])]
        yield [row for row in rows if row["updated_at"] >= updated.last_value]

    @dlt.resource(primary_key="id", write_disposition="merge")
    def by_time(
        updated: dlt.sources.incremental[pendulum.DateTime] = dlt.sources.incremental("at", initial_value=None),  # noqa: B008 - as above
    ) -> Iterator[Any]:
        since = updated.last_value.add(days=-1) if updated.last_value else pendulum.datetime(2024, 1, 1)
        yield [{"id": number, "at": since.add(days=number)} for number in range(turn() * 2)]

    @dlt.resource(incremental=dlt.sources.incremental("number", initial_value=0))
    def by_hint() -> Iterator[Any]:
        yield [{"number": number} for number in range(turn() * 3)]

    @dlt.resource
    def by_step() -> Iterator[Any]:
        yield [{"number": number} for number in range(turn() * 2)]

    by_step.apply_hints(incremental=dlt.sources.incremental("number"))
    return by_default, by_time, by_hint, by_step
