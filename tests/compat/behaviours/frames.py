"""Arrow tables and data frames instead of dicts."""

from typing import Any

import dlt
import pandas as pd  # type: ignore[import-untyped]
import pyarrow as pa

from tests.compat.behaviours.case import behaviour


def table(*numbers: int, **more: list[Any]) -> Any:
    """Returns an Arrow table with a row for each number."""
    return pa.table({"n": list(numbers), **more})


@behaviour({"things": [{"n": 1}, {"n": 2}]}, runs=1)
def arrow_table(run: int) -> Any:  # noqa: ARG001 - the only run
    """An Arrow table lands row by row."""
    return [dlt.resource([table(1, 2)], name="things")]


@behaviour({"things": [{"n": 1}, {"n": 2}]}, runs=1)
def record_batches(run: int) -> Any:  # noqa: ARG001 - the only run
    """Record batches land as tables do."""
    return [dlt.resource(table(1, 2).to_batches(max_chunksize=1), name="things")]


@behaviour({"things": [{"n": 1}, {"n": 2}]}, runs=1)
def data_frame(run: int) -> Any:  # noqa: ARG001 - the only run
    """A pandas frame lands without its index."""
    return [dlt.resource([pd.DataFrame({"n": [1, 2]})], name="things")]


@behaviour({"things": [{"n": 1}, {"n": 2}]})
def cursor_of_a_table(run: int) -> Any:
    """A cursor takes from a table only the rows that are new."""
    rows = table(*range(1, run + 1))
    return [dlt.resource([rows], name="things", incremental=dlt.sources.incremental("n"))]


@behaviour({"things": [{"n": 1, "v": "b"}, {"n": 2, "v": "a"}]})
def merge_of_a_table(run: int) -> Any:
    """A merge takes tables."""
    rows = table(1, 2, v=["a", "a"]) if run == 1 else table(1, v=["b"])
    return [dlt.resource([rows], name="things", write_disposition="merge", primary_key="n")]


@behaviour({"things": [{"n": 2}]})
def replace_by_a_table(run: int) -> Any:
    """A replace takes tables."""
    return [dlt.resource([table(run)], name="things", write_disposition="replace")]


@behaviour({"things": [{"n": 1}, {"n": 2, "v": "x"}]})
def new_column_of_a_table(run: int) -> Any:
    """A table with a new column adds it."""
    return [dlt.resource([table(1) if run == 1 else table(2, v=["x"])], name="things")]


@behaviour({"things": [{"user_id": 1}]}, runs=1)
def names_of_a_table(run: int) -> Any:
    """Columns of a table get normalised names too."""
    return [dlt.resource([pa.table({"UserId": [run]})], name="things")]


@behaviour({"things": [{"n": 2}]}, runs=1)
def map_over_tables(run: int) -> Any:  # noqa: ARG001 - the only run
    """A map gets the table as a whole."""
    return [dlt.resource([table(1, 2)], name="things").add_map(lambda rows: rows.slice(1))]


@behaviour({"things": [{"n": 2}, {"n": 3}]}, runs=1)
def range_of_a_table(run: int) -> Any:  # noqa: ARG001 - the only run
    """A range takes from a table the rows inside of it."""
    start: Any = dlt.sources.incremental("n", initial_value=2, end_value=4)
    return [dlt.resource([table(1, 2, 3, 4)], name="things", incremental=start)]


@behaviour({}, runs=1, fails=[1])
def cursor_without_its_column(run: int) -> Any:
    """A table without the cursor's column fails the load."""
    return [dlt.resource([table(run)], name="things", incremental=dlt.sources.incremental("at"))]


@behaviour({"things": [{"n": 1}]}, runs=1)
def empty_table(run: int) -> Any:
    """An empty table adds no row."""
    return [dlt.resource([table(run), table(run).slice(1)], name="things")]


@behaviour({"things": [{"n": 1, "id": "a"}, {"n": 1, "id": "b"}]})
def boundary_of_a_table(run: int) -> Any:
    """At the stored value a table brings each row once, as dicts do."""
    rows = table(1, id=["a"]) if run == 1 else table(1, 1, id=["a", "b"])
    start: Any = dlt.sources.incremental("n")
    return [dlt.resource([rows], name="things", primary_key="id", incremental=start)]
