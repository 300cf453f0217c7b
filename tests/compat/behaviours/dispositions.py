"""What a load does to the rows that are there: append, replace, merge."""

from typing import Any

import dlt

from tests.compat.behaviours.case import behaviour

AB = [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}]
DELETED: Any = {"gone": {"hard_delete": True}}


@behaviour({"things": [{"run": 1}, {"run": 2}]})
def no_disposition(run: int) -> Any:
    """A resource without a write disposition appends."""
    return [dlt.resource([{"run": run}], name="things")]


@behaviour({"things": [{"run": 2}], "things__tags": [{"value": "b"}]})
def replace(run: int) -> Any:
    """Replace leaves only the rows of the last load, nested rows included."""
    return [dlt.resource([{"run": run, "tags": ["_ab"[run]]}], name="things", write_disposition="replace")]


@behaviour(
    {"things": []},
    differs="the rows stay, because `on_empty: keep` is the default; `on_empty: truncate` does as dlt.",
    here={"things": [{"id": 1}]},
)
def replace_without_rows(run: int) -> Any:
    """A replace that brings no rows empties the table."""
    return [dlt.resource([{"id": 1}] if run == 1 else [], name="things", write_disposition="replace")]


@behaviour({"things": [{"run": 2}]})
def append_then_replace(run: int) -> Any:
    """A resource may change from append to replace; the rows of before are then removed."""
    return [dlt.resource([{"run": run}], name="things", write_disposition="append" if run == 1 else "replace")]


@behaviour({"things": [{"id": 1, "v": "new"}, {"id": 2, "v": "b"}]})
def replace_then_merge(run: int) -> Any:
    """A resource may change from replace to merge; rows are then merged into those of before."""
    rows = AB if run == 1 else [{"id": 1, "v": "new"}]
    hints: Any = {"write_disposition": "replace"} if run == 1 else {"write_disposition": "merge", "primary_key": "id"}
    return [dlt.resource(rows, name="things", **hints)]


@behaviour({"things": [{"id": 1, "v": "new"}, {"id": 2, "v": "b"}, {"id": 3, "v": "c"}]})
def merge_by_primary_key(run: int) -> Any:
    """Merge replaces the rows whose primary key comes again, and adds the others."""
    rows = AB if run == 1 else [{"id": 1, "v": "new"}, {"id": 3, "v": "c"}]
    return [dlt.resource(rows, name="things", write_disposition="merge", primary_key="id")]


@behaviour({"things": [{"a": 1, "b": 1, "v": 2}, {"a": 1, "b": 2, "v": 1}]})
def merge_by_two_columns(run: int) -> Any:
    """A primary key of several columns identifies a row by all of them."""
    rows = [{"a": 1, "b": b, "v": run} for b in (1, 2)][: 3 - run]
    return [dlt.resource(rows, name="things", write_disposition="merge", primary_key=("a", "b"))]


@behaviour({"things": [{"day": 1, "n": 9}, {"day": 2, "n": 3}]})
def merge_by_merge_key(run: int) -> Any:
    """A merge key replaces all rows of each value that comes, so a day is loaded anew with fewer rows."""
    rows = [{"day": 1, "n": 1}, {"day": 1, "n": 2}, {"day": 2, "n": 3}] if run == 1 else [{"day": 1, "n": 9}]
    return [dlt.resource(rows, name="things", write_disposition="merge", merge_key="day")]


@behaviour({"things": [{"n": 1}, {"n": 1}, {"n": 1}, {"n": 1}]})
def merge_without_a_key(run: int) -> Any:  # noqa: ARG001 - each run brings the same
    """A merge without any key appends."""
    return [dlt.resource([{"n": 1}, {"n": 1}], name="things", write_disposition="merge")]


@behaviour({"things": [{"day": 1, "id": 1, "v": "new"}, {"day": 2, "id": 3, "v": "c"}]})
def merge_by_both_keys(run: int) -> Any:
    """With a merge key and a primary key, rows that share either with a new row are replaced."""
    first = [{"day": 1, "id": 1, "v": "a"}, {"day": 1, "id": 2, "v": "b"}, {"day": 2, "id": 3, "v": "c"}]
    rows = first if run == 1 else [{"day": 1, "id": 1, "v": "new"}]
    return [dlt.resource(rows, name="things", write_disposition="merge", primary_key="id", merge_key="day")]


@behaviour({"things": [{"day": 1, "n": 1}, {"day": 1, "n": 1}]}, runs=1)
def merge_key_keeps_equal_rows(run: int) -> Any:  # noqa: ARG001 - the only run
    """A merge key alone removes no duplicates within a load."""
    rows = [{"day": 1, "n": 1}, {"day": 1, "n": 1}]
    return [dlt.resource(rows, name="things", write_disposition="merge", merge_key="day")]


@behaviour({"things": [{"id": 1, "v": "same"}]}, runs=1)
def merge_keeps_one_of_a_key(run: int) -> Any:  # noqa: ARG001 - the only run
    """A merge keeps one of several rows of one primary key within a load."""
    rows = [{"id": 1, "v": "same"}, {"id": 1, "v": "same"}]
    return [dlt.resource(rows, name="things", write_disposition="merge", primary_key="id")]


@behaviour({"things": [{"id": 1, "v": 9}]}, runs=1)
def dedup_sort_descending(run: int) -> Any:  # noqa: ARG001 - the only run
    """`dedup_sort: desc` keeps the row with the greatest value of that column."""
    rows = [{"id": 1, "v": v} for v in (5, 9, 2)]
    columns: Any = {"v": {"dedup_sort": "desc"}}
    return [dlt.resource(rows, name="things", write_disposition="merge", primary_key="id", columns=columns)]


@behaviour({"things": [{"id": 1, "v": 2}]}, runs=1)
def dedup_sort_ascending(run: int) -> Any:  # noqa: ARG001 - the only run
    """`dedup_sort: asc` keeps the row with the lowest value of that column."""
    rows = [{"id": 1, "v": v} for v in (5, 9, 2)]
    columns: Any = {"v": {"dedup_sort": "asc"}}
    return [dlt.resource(rows, name="things", write_disposition="merge", primary_key="id", columns=columns)]


@behaviour({"things": [{"id": 1}, {"id": 2, "gone": False}]})
def hard_delete_by_flag(run: int) -> Any:
    """A true value in a `hard_delete` column deletes the row of that key; false and NULL keep it."""
    columns: Any = {"gone": {"hard_delete": True, "data_type": "bool"}}
    rows = [{"id": 1}, {"id": 2, "gone": False}, {"id": 3, "gone": run == 2}]
    return [dlt.resource(rows, name="things", write_disposition="merge", primary_key="id", columns=columns)]


@behaviour({"things": [{"id": 2}]})
def hard_delete_by_any_value(run: int) -> Any:
    """In a `hard_delete` column of another type than bool, any value deletes the row."""
    columns: Any = {"gone": {"hard_delete": True, "data_type": "timestamp"}}
    rows = [{"id": 1, "gone": "2024-01-01T00:00:00Z" if run == 2 else None}, {"id": 2}]
    return [dlt.resource(rows, name="things", write_disposition="merge", primary_key="id", columns=columns)]


@behaviour({"things": [{"id": 2, "gone": False}], "things__tags": [{"value": "b"}]})
def hard_delete_takes_nested_rows(run: int) -> Any:
    """Nested rows of a deleted row are deleted with it."""
    columns: Any = {"gone": {"hard_delete": True, "data_type": "bool"}}
    rows = [{"id": 1, "gone": run == 2, "tags": ["a"]}, {"id": 2, "gone": False, "tags": ["b"]}]
    return [dlt.resource(rows, name="things", write_disposition="merge", primary_key="id", columns=columns)]


@behaviour({"things": [{"id": 1}, {"id": 2}], "things__tags": [{"value": "x"}, {"value": "z"}]})
def merge_of_nested_rows(run: int) -> Any:
    """Merge replaces the nested rows of a row that comes again, and keeps those of others."""
    rows = [{"id": 1, "tags": ["x", "y"]}, {"id": 2, "tags": ["z"]}] if run == 1 else [{"id": 1, "tags": ["x"]}]
    return [dlt.resource(rows, name="things", write_disposition="merge", primary_key="id")]


@behaviour({"things": [{"id": 1, "v": 2}]})
def disposition_by_apply_hints(run: int) -> Any:
    """`apply_hints` replaces the disposition and the key that a decorator has declared."""

    @dlt.resource(write_disposition="append")
    def things() -> Any:
        yield {"id": 1, "v": run}

    things.apply_hints(write_disposition="merge", primary_key="id")
    return [things]


@behaviour(
    {"things": [{"id": 1, "v": 2}]},
    keys={"write_disposition": "merge", "primary_key": "id"},
)
def disposition_from_outside(run: int) -> Any:
    """Hints from outside the code, as `sources.yaml` has them, win over the decorator."""
    return [dlt.resource([{"id": 1, "v": run}], name="things", write_disposition="append")]


@behaviour({"things": [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}]})
def merge_without_new_rows(run: int) -> Any:
    """A merge that brings no rows leaves the table as it is."""
    return [dlt.resource(AB if run == 1 else [], name="things", write_disposition="merge", primary_key="id")]


@behaviour({}, runs=1, fails=[1])
def merge_with_null_in_the_key(run: int) -> Any:  # noqa: ARG001 - the only run
    """A row without a value in its primary key fails the load, because key columns are not nullable."""
    rows = [{"id": 1, "v": 1}, {"id": None, "v": 1}]
    return [dlt.resource(rows, name="things", write_disposition="merge", primary_key="id")]
