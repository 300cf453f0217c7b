"""Resources that read the rows of another one."""

from typing import Any

import dlt

from tests.compat.behaviours.case import behaviour


def users(**hints: Any) -> Any:
    """Returns a resource of two users."""
    return dlt.resource([{"id": 1}, {"id": 2}], name="users", **hints)


@behaviour({"users": [{"id": 1}, {"id": 2}], "things": [{"of": 1}, {"of": 2}]}, runs=1)
def each_row(run: int) -> Any:  # noqa: ARG001 - the only run
    """A transformer gets each item of its parent, and both are loaded."""
    parent = users()

    @dlt.transformer(data_from=parent)
    def things(user: Any) -> Any:
        yield {"of": user["id"]}

    return [parent, things]


@behaviour({"things": [{"size": 2}]}, runs=1)
def each_page(run: int) -> Any:  # noqa: ARG001 - the only run
    """A page that a parent yields comes to the transformer as that page."""

    @dlt.resource(selected=False)
    def pages() -> Any:
        yield [{"id": 1}, {"id": 2}]

    @dlt.transformer(data_from=pages)
    def things(page: Any) -> Any:
        yield {"size": len(page)}

    return [things]


@behaviour({"things": [{"of": 1}, {"of": 2}]}, runs=1)
def unselected_parent(run: int) -> Any:  # noqa: ARG001 - the only run
    """A parent with `selected=False` is read for its transformer and has no table."""

    @dlt.transformer(data_from=users(selected=False))
    def things(user: Any) -> Any:
        yield {"of": user["id"]}

    return [things]


@behaviour({"things": [{"of": 1}, {"of": 2}]}, runs=1)
def by_the_pipe_operator(run: int) -> Any:  # noqa: ARG001 - the only run
    """`parent | transformer` joins them, and the result has the transformer's name."""

    @dlt.transformer
    def things(user: Any) -> Any:
        yield {"of": user["id"]}

    return [users() | things]


@behaviour({"things": [{"of": 1, "size": 5}, {"of": 2, "size": 5}]}, runs=1)
def with_arguments(run: int) -> Any:  # noqa: ARG001 - the only run
    """A transformer takes arguments of its own beside the item."""

    @dlt.transformer
    def things(user: Any, size: int) -> Any:
        yield {"of": user["id"], "size": size}

    return [users() | things(size=5)]


@behaviour({"things": [{"of": 1}, {"of": 2}]}, runs=1)
def by_return(run: int) -> Any:  # noqa: ARG001 - the only run
    """A transformer may return its row instead of yielding it."""

    @dlt.transformer(data_from=users())
    def things(user: Any) -> Any:
        return {"of": user["id"]}

    return [things]


@behaviour({"things": [{"of": 2}]}, runs=1)
def nothing_for_some(run: int) -> Any:  # noqa: ARG001 - the only run
    """A transformer that returns None for an item adds no row."""

    @dlt.transformer(data_from=users())
    def things(user: Any) -> Any:
        return {"of": user["id"]} if user["id"] == 2 else None

    return [things]


@behaviour({"things": [{"of": 10}, {"of": 20}]}, runs=1)
def chain(run: int) -> Any:  # noqa: ARG001 - the only run
    """Transformers form chains of any length."""

    @dlt.transformer
    def tens(user: Any) -> Any:
        yield {"id": user["id"] * 10}

    @dlt.transformer
    def things(user: Any) -> Any:
        yield {"of": user["id"]}

    return [users() | tens | things]


@behaviour({"odd": [{"of": 1}], "even": [{"of": 2}]}, runs=1)
def two_children(run: int) -> Any:  # noqa: ARG001 - the only run
    """Several transformers may read one parent."""
    parent = users(selected=False)

    def read(name: str, rest: int) -> Any:
        def rows(user: Any) -> Any:
            yield from ({"of": user["id"]} for _ in range(user["id"] % 2 == rest))

        return dlt.transformer(rows, name=name, data_from=parent)

    return [read("odd", 1), read("even", 0)]


@behaviour({"things": [{"of": 1, "v": 2}, {"of": 2, "v": 2}]})
def own_disposition(run: int) -> Any:
    """A transformer has a disposition and keys of its own."""

    @dlt.transformer(data_from=users(), write_disposition="merge", primary_key="of")
    def things(user: Any) -> Any:
        yield {"of": user["id"], "v": run}

    return [things]


@behaviour({"things": [{"of": 1}, {"of": 2}, {"of": 3}]})
def parent_with_a_cursor(run: int) -> Any:
    """A transformer gets the rows that the cursor of its parent lets pass."""
    rows = [{"id": number} for number in range(1, run + 2)]
    parent = dlt.resource(rows, name="users", incremental=dlt.sources.incremental("id"), selected=False)

    @dlt.transformer(data_from=parent)
    def things(user: Any) -> Any:
        yield {"of": user["id"]}

    return [things]


@behaviour({"things": [{"of": 2}]}, runs=1)
def filtered_parent(run: int) -> Any:  # noqa: ARG001 - the only run
    """Filters and maps of a parent count for its transformers."""

    @dlt.transformer(data_from=users().add_filter(lambda user: user["id"] == 2))
    def things(user: Any) -> Any:
        yield {"of": user["id"]}

    return [things]


@behaviour({}, runs=1, fails=[1])
def failing(run: int) -> Any:  # noqa: ARG001 - the only run
    """An error of a transformer fails the load, and no row of it lands."""

    @dlt.transformer(data_from=users())
    def things(user: Any) -> Any:
        if user["id"] == 2:
            message = "no such user"
            raise ValueError(message)
        yield {"of": user["id"]}

    return [things]


@behaviour({"things": [{"n": 1}, {"n": 2}]}, runs=1)
def inside_a_source(run: int) -> Any:  # noqa: ARG001 - the only run
    """A transformer that is defined inside of a source may use the arguments of the source."""

    @dlt.source
    def vendor(size: int) -> Any:
        @dlt.resource(selected=False)
        def numbers() -> Any:
            yield from range(1, size + 1)

        @dlt.transformer(data_from=numbers)
        def things(number: int) -> Any:
            yield {"n": number}

        return numbers, things

    return vendor(2)
