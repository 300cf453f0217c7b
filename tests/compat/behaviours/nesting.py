"""What becomes of objects and lists."""

from typing import Any

import dlt

from tests.compat.behaviours.case import behaviour

DEEP = {"id": 1, "a": [{"b": [{"c": [1]}]}]}


@behaviour({"things": [{"id": 1, "user__name": "ada", "user__home__town": "x"}]}, runs=1)
def objects(run: int) -> Any:
    """An object becomes columns, joined by two underscores."""
    return [dlt.resource([{"id": run, "user": {"name": "ada", "home": {"town": "x"}}}], name="things")]


@behaviour({"things": [{"id": 1}], "things__lines": [{"sku": "a"}, {"sku": "b"}]}, runs=1)
def lists_of_objects(run: int) -> Any:
    """A list of objects becomes a nested table with a row for each."""
    return [dlt.resource([{"id": run, "lines": [{"sku": "a"}, {"sku": "b"}]}], name="things")]


@behaviour({"things": [{"id": 1}], "things__tags": [{"value": "a"}, {"value": "a"}]}, runs=1)
def lists_of_values(run: int) -> Any:
    """A list of values becomes a nested table with a column `value`; equal values stay."""
    return [dlt.resource([{"id": run, "tags": ["a", "a"]}], name="things")]


@behaviour(
    {"things": [{"id": 1}], "things__m": [{}, {}], "things__m__list": [{"value": 1}, {"value": 2}, {"value": 3}]},
    runs=1,
)
def lists_of_lists(run: int) -> Any:
    """A list inside of a list becomes a nested table of a nested table."""
    return [dlt.resource([{"id": run, "m": [[1, 2], [3]]}], name="things")]


@behaviour({"things": [{"id": 1}]}, runs=1)
def empty_ones(run: int) -> Any:
    """Empty objects and lists leave neither columns nor tables."""
    return [dlt.resource([{"id": run, "o": {}, "l": []}], name="things")]


@behaviour({"things": [{"id": 1, "a": '[{"b":[{"c":[1]}]}]'}]}, runs=1)
def no_nesting(run: int) -> Any:  # noqa: ARG001 - the only run
    """`max_table_nesting=0` keeps lists as JSON in the row."""
    return [dlt.resource([DEEP], name="things", max_table_nesting=0)]


@behaviour({"things": [{"id": 1}], "things__a": [{"b": '[{"c":[1]}]'}]}, runs=1)
def one_level(run: int) -> Any:  # noqa: ARG001 - the only run
    """`max_table_nesting=1` makes nested tables of one level, and JSON of what is below."""
    return [dlt.resource([DEEP], name="things", max_table_nesting=1)]


@behaviour({"things": [{"id": 1, "a": '[{"b":[{"c":[1]}]}]'}]}, runs=1)
def nesting_of_the_source(run: int) -> Any:  # noqa: ARG001 - the only run
    """`max_table_nesting` of a source counts for resources without one."""

    @dlt.source(max_table_nesting=0)
    def vendor() -> Any:
        return dlt.resource([DEEP], name="things")

    return vendor()


@behaviour({"things": [{"id": 1}], "things__a": [{"b": '[{"c":[1]}]'}]}, runs=1)
def nesting_of_the_resource(run: int) -> Any:  # noqa: ARG001 - the only run
    """`max_table_nesting` of a resource wins over that of its source."""

    @dlt.source(max_table_nesting=0)
    def vendor() -> Any:
        return dlt.resource([DEEP], name="things", max_table_nesting=1)

    return vendor()


@behaviour({"things": [{"id": 1, "l": "x"}, {"id": 2}], "things__l": [{"value": "y"}]})
def value_then_list(run: int) -> Any:
    """A key that had values may bring a list later, which goes to a nested table."""
    return [dlt.resource([{"id": run, "l": "x" if run == 1 else ["y"]}], name="things")]


@behaviour({"things": [{"id": 1}, {"id": 2}], "things__l": [{"a": 1}, {"a": 1, "b": 2}]})
def new_column_of_a_nested_table(run: int) -> Any:
    """A new key of a nested object adds a column to the nested table."""
    return [dlt.resource([{"id": run, "l": [{"a": 1} if run == 1 else {"a": 1, "b": 2}]}], name="things")]


@behaviour({"things": [{"id": 1, "o__a": 1}, {"id": 2, "o": "x"}]})
def object_then_value(run: int) -> Any:
    """A key that had objects may bring a value later, which gets a column of its own."""
    return [dlt.resource([{"id": run, "o": {"a": 1} if run == 1 else "x"}], name="things")]


@behaviour({"things": [{"id": 1}], "things__l": [{"value": 2}]})
def nested_rows_of_a_replace(run: int) -> Any:
    """A replace replaces the nested tables too, even if only they have changed."""
    return [dlt.resource([{"id": 1, "l": [run]}], name="things", write_disposition="replace")]


@behaviour({"things": [{"id": 1}], "things__l": []})
def nested_rows_that_are_gone(run: int) -> Any:
    """A merge removes the nested rows of a row that comes without its list."""
    rows = [{"id": 1, **({"l": [1]} if run == 1 else {})}]
    return [dlt.resource(rows, name="things", write_disposition="merge", primary_key="id")]
