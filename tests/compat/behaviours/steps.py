"""Steps in the pipe of a resource: maps, filters, and rows that are made at the same time."""

from collections.abc import AsyncIterator
from typing import Any

import dlt

from tests.compat.behaviours.case import behaviour


def numbers(size: int = 3) -> Any:
    """Returns a resource with rows from 0 on."""
    return dlt.resource([{"n": number} for number in range(size)], name="things")


@behaviour({"things": [{"n": 0}, {"n": 10}, {"n": 20}]}, runs=1)
def maps(run: int) -> Any:  # noqa: ARG001 - the only run
    """`add_map` changes each row."""
    return [numbers().add_map(lambda row: {"n": row["n"] * 10})]


@behaviour({"things": [{"n": 2}]}, runs=1)
def filters(run: int) -> Any:  # noqa: ARG001 - the only run
    """`add_filter` keeps the rows for which the function is true."""
    return [numbers().add_filter(lambda row: row["n"] > 1)]


@behaviour({"things": [{"n": 0}, {"n": 1}, {"n": 1}]}, runs=1)
def yield_map(run: int) -> Any:  # noqa: ARG001 - the only run
    """`add_yield_map` makes any number of rows of each."""
    return [numbers(2).add_yield_map(lambda row: (row for _ in range(row["n"] + 1)))]


@behaviour({"things": [{"n": 30}]}, runs=1)
def in_their_order(run: int) -> Any:  # noqa: ARG001 - the only run
    """Steps run in the order in which they were added."""
    things = numbers().add_map(lambda row: {"n": row["n"] + 1}).add_filter(lambda row: row["n"] == 3)
    return [things.add_map(lambda row: {"n": row["n"] * 10})]


@behaviour({"things": [{"n": 4}]}, runs=1)
def inserted(run: int) -> Any:  # noqa: ARG001 - the only run
    """`insert_at` puts a step before those that are there."""
    things = numbers().add_filter(lambda row: row["n"] == 4)
    return [things.add_map(lambda row: {"n": row["n"] * 2}, insert_at=1)]


@behaviour({"things": [{"n": 1}, {"n": 2}]}, runs=1)
def map_over_pages(run: int) -> Any:  # noqa: ARG001 - the only run
    """A map gets single rows where the generator yields pages."""

    @dlt.resource
    def things() -> Any:
        yield [{"n": 0}, {"n": 1}]

    return [things.add_map(lambda row: {"n": row["n"] + 1})]


@behaviour({"things": [{"n": 1}]}, runs=1)
def none_is_no_row(run: int) -> Any:  # noqa: ARG001 - the only run
    """A generator that yields None yields no row."""
    return [dlt.resource(iter([None, {"n": 1}, None]), name="things")]


@behaviour({"things": [{"value": 1}, {"value": 2}]}, runs=1)
def plain_values(run: int) -> Any:  # noqa: ARG001 - the only run
    """Values that are no dicts go to a column `value`."""
    return [dlt.resource([1, 2], name="things")]


@behaviour({"things": [{"n": 0}, {"n": 1}, {"n": 2}]}, runs=1)
def asynchronous(run: int) -> Any:  # noqa: ARG001 - the only run
    """A resource may be an asynchronous generator."""

    @dlt.resource
    async def things() -> AsyncIterator[Any]:
        for number in range(3):
            yield {"n": number}

    return [things]


@behaviour({"things": [{"n": 0}, {"n": 1}, {"n": 2}]}, runs=1)
def deferred(run: int) -> Any:  # noqa: ARG001 - the only run
    """`dlt.defer` runs a function in a thread, and its rows land."""

    @dlt.defer
    def fetch(number: int) -> Any:
        return {"n": number}

    return [dlt.resource((fetch(number) for number in range(3)), name="things")]


@behaviour({"things": [{"n": 0}, {"n": 1}, {"n": 2}]}, runs=1)
def awaitables(run: int) -> Any:  # noqa: ARG001 - the only run
    """A generator may yield coroutines, whose results land."""

    async def fetch(number: int) -> Any:
        return {"n": number}

    @dlt.resource
    def things() -> Any:
        yield from (fetch(number) for number in range(3))

    return [things]


@behaviour({"a": [{"n": 0}, {"n": 1}], "b": [{"n": 0}, {"n": 1}]}, runs=1)
def parallel(run: int) -> Any:  # noqa: ARG001 - the only run
    """Parallelized resources are read in threads, and each row lands once."""

    def read() -> Any:
        yield from ({"n": number} for number in range(2))

    return [dlt.resource(read, name=name, parallelized=True) for name in "ab"]


@behaviour({"things": [{"n": 0}, {"n": 1}, {"n": 2}]}, runs=1)
def parallel_transformer(run: int) -> Any:  # noqa: ARG001 - the only run
    """A parallelized transformer makes rows of several items at the same time."""

    @dlt.transformer(data_from=dlt.resource([0, 1, 2], name="numbers"), parallelized=True)
    def things(number: int) -> Any:
        yield {"n": number}

    return [things]


@behaviour({}, runs=1, fails=[1])
def error_in_a_thread(run: int) -> Any:  # noqa: ARG001 - the only run
    """An error in a deferred function fails the load."""

    @dlt.defer
    def fetch(number: int) -> Any:
        return {"n": 1 // number}

    return [dlt.resource((fetch(number) for number in (1, 0)), name="things")]


@behaviour({"things": [{"n": 1, "kind": "a"}, {"n": 2, "kind": "b"}]}, runs=1)
def item_with_hints(run: int) -> Any:  # noqa: ARG001 - the only run
    """`dlt.mark.with_hints` gives hints together with the first rows."""

    @dlt.resource
    def things() -> Any:
        hints = dlt.mark.make_hints(columns={"kind": {"data_type": "text"}})
        yield dlt.mark.with_hints({"n": 1, "kind": "a"}, hints)
        yield {"n": 2, "kind": "b"}

    return [things]
