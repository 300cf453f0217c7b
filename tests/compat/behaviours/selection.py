"""Which resources of a source are loaded, and how many of their rows."""

from itertools import count
from typing import Any

import dlt

from tests.compat.behaviours.case import behaviour


def named(*names: str, **options: Any) -> list[Any]:
    """Returns a resource of one row for each name."""
    return [dlt.resource([{"of": name}], name=name, **options) for name in names]


@dlt.source
def two() -> Any:
    """A source with two resources."""
    return named("a", "b")


@behaviour({"a": [{"of": "a"}], "b": [{"of": "b"}]}, runs=1)
def all_of_them(run: int) -> Any:  # noqa: ARG001 - the only run
    """A source loads all resources that it returns."""
    return two()


@behaviour({"b": [{"of": "b"}]}, runs=1)
def with_resources(run: int) -> Any:  # noqa: ARG001 - the only run
    """`with_resources` leaves out all others."""
    return two().with_resources("b")


@behaviour({"b": [{"of": "b"}]}, runs=1, select=["b"])
def selected_from_outside(run: int) -> Any:  # noqa: ARG001 - the only run
    """A caller may select some resources of a source by name."""
    return two()


@behaviour({"a": [{"of": "a"}]}, runs=1)
def not_selected(run: int) -> Any:  # noqa: ARG001 - the only run
    """A resource with `selected=False` is not loaded."""
    return [*named("a"), *named("b", selected=False)]


@behaviour({"b": [{"of": "b"}]}, runs=1)
def selected_later(run: int) -> Any:  # noqa: ARG001 - the only run
    """`selected` of a resource of a source may be changed after it was built."""
    source = two()
    source.a.selected = False
    return source


@behaviour({"a": [{"of": "a"}], "b": [{"of": "b"}]}, runs=1)
def by_yield(run: int) -> Any:  # noqa: ARG001 - the only run
    """A source may yield its resources."""

    @dlt.source
    def vendor() -> Any:
        yield from named("a", "b")

    return vendor()


@behaviour({"a": [{"of": "a"}], "c": [{"of": "c"}]}, runs=1)
def added_later(run: int) -> Any:  # noqa: ARG001 - the only run
    """A resource may be added to a source that was built."""
    source = two().with_resources("a")
    source.resources.add(*named("c"))
    source.resources.select("a", "c")
    return source


@behaviour({"things": [{"n": 0}, {"n": 1}]}, runs=1)
def limit(run: int) -> Any:  # noqa: ARG001 - the only run
    """`add_limit` ends even an endless generator after so many items."""
    return [dlt.resource(({"n": number} for number in count()), name="things").add_limit(2)]


@behaviour({"things": [{"n": 0}, {"n": 1}, {"n": 10}, {"n": 11}]}, runs=1)
def limit_of_pages(run: int) -> Any:  # noqa: ARG001 - the only run
    """`add_limit` counts what the generator yields: a page counts as one."""
    pages = ([{"n": number}, {"n": number + 1}] for number in count(0, 10))
    return [dlt.resource(pages, name="things").add_limit(2)]


@behaviour({"things": [{"n": 0}, {"n": 1}, {"n": 10}, {"n": 11}]}, runs=1)
def limit_of_rows(run: int) -> Any:  # noqa: ARG001 - the only run
    """`add_limit(count_rows=True)` counts rows, and ends after the page in which the limit is reached."""
    pages = ([{"n": number}, {"n": number + 1}] for number in count(0, 10))
    return [dlt.resource(pages, name="things").add_limit(3, count_rows=True)]


@behaviour({}, runs=1)
def limit_of_none(run: int) -> Any:  # noqa: ARG001 - the only run
    """`add_limit(0)` reads nothing."""
    return [dlt.resource(({"n": number} for number in count()), name="things").add_limit(0)]


@behaviour({"things": [{"n": 0}, {"n": 1}, {"n": 2}]}, runs=1)
def limit_removed(run: int) -> Any:  # noqa: ARG001 - the only run
    """`add_limit(None)` removes a limit."""
    return [dlt.resource([{"n": number} for number in range(3)], name="things").add_limit(1).add_limit(None)]


@behaviour({"things": [{"n": 0}, {"n": 2}]}, runs=1)
def limit_behind_filters(run: int) -> Any:  # noqa: ARG001 - the only run
    """A limit counts the items that filters let pass."""
    things = dlt.resource(({"n": number} for number in count()), name="things").add_limit(2)
    return [things.add_filter(lambda row: row["n"] % 2 == 0)]


@behaviour({"a": [{"n": 0}], "b": [{"n": 0}]}, runs=1)
def limit_of_a_source(run: int) -> Any:  # noqa: ARG001 - the only run
    """`add_limit` of a source counts for each of its resources."""

    @dlt.source
    def vendor() -> Any:
        return [dlt.resource([{"n": number} for number in range(3)], name=name) for name in "ab"]

    return vendor().add_limit(1)


@behaviour({}, runs=1, fails=[1])
def unknown_name(run: int) -> Any:  # noqa: ARG001 - the only run
    """A name that the source does not have is an error."""
    return two().with_resources("c")


@behaviour({"a": [{"of": "a"}], "a2": [{"of": "a"}]}, runs=1)
def renamed_copy(run: int) -> Any:  # noqa: ARG001 - the only run
    """`with_name` makes a copy of a resource that is loaded beside it, into a table of its own."""
    (first,) = named("a")
    return [first, first.with_name("a2")]


@behaviour({"things": [{"n": 1}, {"n": 2}]}, runs=1)
def called_with_arguments(run: int) -> Any:  # noqa: ARG001 - the only run
    """A resource that takes arguments is called with them before it is loaded."""

    @dlt.resource
    def things(size: int) -> Any:
        yield from ({"n": number} for number in range(1, size + 1))

    return [things(2)]
