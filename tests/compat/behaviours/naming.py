"""Names of tables and columns, and the tables that rows choose."""

from typing import Any

import dlt

from tests.compat.behaviours.case import behaviour


@behaviour({"things": [{"user_id": 1, "a_b": 2, "full_name": "x", "_1st": 3, "xx": 4}]}, runs=1)
def columns(run: int) -> Any:
    """Keys become snake case; a sign becomes an underscore, and `x` at the end; a digit in front gets an underscore."""
    return [dlt.resource([{"UserId": run, "a.b": 2, "full name": "x", "1st": 3, "x!": 4}], name="things")]


@behaviour({"my_things": [{"id": 1}]}, runs=1)
def tables(run: int) -> Any:
    """Names of resources become names of tables in snake case."""
    return [dlt.resource([{"id": run}], name="MyThings")]


@behaviour({"things": [{"id": 1}], "things__order_lines": [{"sku_no": 1}]}, runs=1)
def nested_names(run: int) -> Any:
    """Names of nested tables are made of the normalised names of their keys."""
    return [dlt.resource([{"id": run, "OrderLines": [{"SkuNo": 1}]}], name="things")]


@behaviour({"things": [{"a__b": 1}]}, runs=1)
def two_underscores(run: int) -> Any:
    """Two underscores in a key stay."""
    return [dlt.resource([{"a__b": run}], name="things")]


@behaviour(
    {"things": [{"user_id": 2}]},
    runs=1,
    fails_here=[1],
    differs="two keys of one row that become one column are refused, because one value would be lost.",
)
def two_keys_of_one_name(run: int) -> Any:  # noqa: ARG001 - the only run
    """Of two keys of a row that become one column the last one stays."""
    return [dlt.resource([{"userId": 1, "user_id": 2}], name="things")]


@behaviour({"things": [{"na_ve": 1, "cafx": 2}]}, runs=1)
def letters_of_other_scripts(run: int) -> Any:
    """A letter beyond ASCII becomes an underscore within a name, and `x` at its end."""
    return [dlt.resource([{"naïve": run, "café": 2}], name="things")]


@behaviour({"things": [{"from": 1, "order": 2, "select": 3}]}, runs=1)
def reserved_words(run: int) -> Any:
    """Words of SQL are names like any other."""
    return [dlt.resource([{"from": run, "order": 2, "select": 3}], name="things")]


@behaviour({"push": [{"type": "push", "n": 1}], "pull": [{"type": "pull", "n": 2}]}, runs=1)
def table_of_each_row(run: int) -> Any:  # noqa: ARG001 - the only run
    """`table_name` may be a function that chooses the table of each row."""
    rows = [{"type": "push", "n": 1}, {"type": "pull", "n": 2}]
    return [dlt.resource(rows, name="things", table_name=lambda row: row["type"])]


@behaviour({"things": [{"n": 1}], "others": [{"n": 2}]}, runs=1)
def marked_rows(run: int) -> Any:  # noqa: ARG001 - the only run
    """`dlt.mark.with_table_name` sends a row to another table."""

    @dlt.resource
    def things() -> Any:
        yield {"n": 1}
        yield dlt.mark.with_table_name({"n": 2}, "others")

    return [things]


@behaviour({"push": [{"type": "push", "n": 2}], "pull": [{"type": "pull", "n": 1}]})
def merge_into_each_table(run: int) -> Any:
    """A merge counts for each table that rows choose."""
    rows = [{"type": "push", "n": run}, {"type": "pull", "n": 1}][: 3 - run]
    options: Any = {"write_disposition": "merge", "primary_key": "type"}
    return [dlt.resource(rows, name="things", table_name=lambda row: row["type"], **options)]


@behaviour({"things": [{"n": 1}]}, runs=1)
def name_of_the_function(run: int) -> Any:
    """A resource is called like its function."""

    @dlt.resource
    def things() -> Any:
        yield {"n": run}

    return [things]


@behaviour({"things": [{"n": 1}], "things2": [{"n": 1}]}, runs=1)
def given_name(run: int) -> Any:
    """`name` of a decorator wins over the function's name."""

    def read() -> Any:
        yield {"n": run}

    return [dlt.resource(read, name="things"), dlt.resource(read, name="things2")]


@behaviour({"things": [{"a": 1, "b": 2}, {"b": 2, "a": 1}]}, runs=1)
def order_of_keys(run: int) -> Any:
    """The order of keys in a row does not matter."""
    return [dlt.resource([{"a": run, "b": 2}, {"b": 2, "a": run}], name="things")]
