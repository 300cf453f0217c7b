"""What a cursor takes from one load to the next, and what it leaves out."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import dlt

from tests.compat.behaviours.case import behaviour

cursor = dlt.sources.incremental


def rows_of(*numbers: int, **more: Any) -> list[dict[str, Any]]:
    """Returns a row for each number."""
    return [{"n": number, **more} for number in numbers]


@behaviour({"things": [{"n": 1}, {"n": 2}, {"n": 3}]})
def only_what_is_new(run: int) -> Any:
    """A load takes the rows from the greatest value of the load before on, and each row at that value once."""
    return [dlt.resource(rows_of(1, 2, 3)[: run + 1], name="things", incremental=cursor("n"))]


@behaviour({"things": [{"n": 5}, {"n": 6}]}, runs=1)
def initial_value(run: int) -> Any:  # noqa: ARG001 - the only run
    """Rows before `initial_value` are left out; rows at it are taken."""
    return [dlt.resource(rows_of(4, 5, 6), name="things", incremental=cursor("n", initial_value=5))]


@behaviour({"things": [{"n": 1, "last": -1}, {"n": 2, "last": 1}]})
def last_value_in_the_code(run: int) -> Any:
    """`last_value` of an argument is the initial value in the first load, and the stored one in the next."""

    @dlt.resource
    def things(since: cursor[int] = cursor("n", initial_value=-1)) -> Any:  # noqa: B008 - as dlt's users write it
        yield {"n": run, "last": since.last_value}

    return [things]


@behaviour({"things": [{"n": 1, "last": 0, "start": 0}, {"n": 2, "last": 1, "start": 0}]}, runs=1)
def last_value_moves(run: int) -> Any:  # noqa: ARG001 - the only run
    """Within a load `last_value` moves with the rows that were yielded, and `start_value` does not."""

    @dlt.resource
    def things(since: cursor[int] = cursor("n", initial_value=0)) -> Any:  # noqa: B008 - as dlt's users write it
        for number in (1, 2):
            yield {"n": number, "last": since.last_value, "start": since.start_value}

    return [things]


@behaviour({"things": [{"n": 3}, {"n": 1}, {"n": 2}]}, runs=1)
def no_order_is_needed(run: int) -> Any:  # noqa: ARG001 - the only run
    """A row is compared with the value from before the load, so rows of one load may come in any order."""
    return [dlt.resource(rows_of(3, 1, 2), name="things", incremental=cursor("n"))]


@behaviour({"things": [{"n": 2}]})
def late_rows_are_lost(run: int) -> Any:
    """A row below the stored value that comes in a later load is left out."""
    return [dlt.resource(rows_of(2) if run == 1 else rows_of(1), name="things", incremental=cursor("n"))]


@behaviour({"things": [{"n": 1, "id": 1}, {"n": 1, "id": 2}]})
def new_rows_at_the_value(run: int) -> Any:
    """A new row with the stored value is taken, and the one that was there is not added again."""
    rows = [{"n": 1, "id": 1}, {"n": 1, "id": 2}][:run]
    return [dlt.resource(rows, name="things", primary_key="id", incremental=cursor("n"))]


@behaviour({"things": [{"n": 1, "v": 1}, {"n": 1, "v": 2}]})
def changed_rows_without_a_key(run: int) -> Any:
    """Without a primary key, a row at the stored value is known by all its columns; a changed one is added."""
    return [dlt.resource([{"n": 1, "v": run}], name="things", incremental=cursor("n"))]


@behaviour({"things": [{"n": 1, "id": 1, "v": 1}]})
def changed_rows_with_a_key(run: int) -> Any:
    """With a primary key, an append leaves out a row at the stored value even if it has changed."""
    rows = [{"n": 1, "id": 1, "v": run}]
    return [dlt.resource(rows, name="things", primary_key="id", incremental=cursor("n"))]


@behaviour(
    {"things": [{"n": 1, "id": 1, "v": 1}]},
    differs="rows at the stored value are merged again, so the table has the changed row.",
    here={"things": [{"n": 1, "id": 1, "v": 2}]},
)
def changed_rows_of_a_merge(run: int) -> Any:
    """A merge leaves out a row at the stored value that has changed."""
    rows = [{"n": 1, "id": 1, "v": run}]
    return [dlt.resource(rows, name="things", write_disposition="merge", primary_key="id", incremental=cursor("n"))]


@behaviour({"things": [{"n": 1, "id": 1, "k": 1}, {"n": 1, "id": 1, "k": 2}]})
def key_of_the_cursor(run: int) -> Any:
    """A primary key of the cursor is what rows are known by, whatever key the resource has."""
    rows = [{"n": 1, "id": 1, "k": run}]
    return [dlt.resource(rows, name="things", primary_key="id", incremental=cursor("n", primary_key="k"))]


@behaviour({"things": [{"n": 1}, {"n": 1}]})
def no_deduplication(run: int) -> Any:  # noqa: ARG001 - each run brings the same
    """`primary_key=()` of a cursor takes rows at the stored value each time."""
    return [dlt.resource(rows_of(1), name="things", incremental=cursor("n", primary_key=()))]


@behaviour({"things": [{"meta__at": 1}, {"meta__at": 2}]})
def nested_path(run: int) -> Any:
    """A path with dots finds the cursor inside of objects."""
    rows = [{"meta": {"at": number}} for number in range(1, run + 1)]
    return [dlt.resource(rows, name="things", incremental=cursor("meta.at"))]


@behaviour({"things": [{"an_id": 1}, {"an_id": 2}]})
def quoted_path(run: int) -> Any:
    """A name with a space is a path in quotes."""
    rows = [{"an id": number} for number in range(1, run + 1)]
    return [dlt.resource(rows, name="things", incremental=cursor("'an id'"))]


@behaviour({"things": [{"id": 1}, {"id": 2}], "things__parts": [{"at": 1}, {"at": 2}]})
def path_into_a_list(run: int) -> Any:
    """A JSON path finds the cursor inside of a list."""
    rows = [{"id": number, "parts": [{"at": number}]} for number in range(1, run + 1)]
    return [dlt.resource(rows, name="things", incremental=cursor("parts[0].at"))]


@behaviour({"things": [{"at": "2024-01-01T00:00:00Z"}, {"at": "2024-01-02T00:00:00Z"}]})
def cursor_of_times(run: int) -> Any:
    """A cursor may be a time."""
    rows = [{"at": datetime(2024, 1, day)} for day in range(1, run + 1)]  # noqa: DTZ001 - a time without zone is meant
    return [dlt.resource(rows, name="things", incremental=cursor("at"))]


@behaviour({"things": [{"at": "2024-01-01"}, {"at": "2024-01-02"}]})
def cursor_of_dates(run: int) -> Any:
    """A cursor may be a date."""
    rows = [{"at": date(2024, 1, day)} for day in range(1, run + 1)]
    return [dlt.resource(rows, name="things", incremental=cursor("at"))]


@behaviour({"things": [{"at": "2024-01-01T10:00:00Z"}, {"at": "2024-01-02T10:00:00Z"}]})
def cursor_of_text(run: int) -> Any:
    """A cursor may be the text of a time."""
    rows = [{"at": f"2024-01-0{day}T10:00:00Z"} for day in range(1, run + 1)]
    return [dlt.resource(rows, name="things", incremental=cursor("at", initial_value="2024-01-01T00:00:00Z"))]


@behaviour({"things": [{"n": "1.5"}, {"n": "2.5"}]})
def cursor_of_decimals(run: int) -> Any:
    """A cursor may be a decimal."""
    rows = [{"n": Decimal(f"{number}.5")} for number in range(1, run + 1)]
    return [dlt.resource(rows, name="things", incremental=cursor("n"))]


@behaviour({"things": [{"n": 3}, {"n": 2}]})
def least_value(run: int) -> Any:
    """`last_value_func=min` goes from the greatest value down."""
    rows = rows_of(3) if run == 1 else rows_of(2, 4)
    return [dlt.resource(rows, name="things", incremental=cursor("n", last_value_func=min))]


@behaviour({"things": [{"n": -1}, {"n": -3}]})
def own_function(run: int) -> Any:
    """`last_value_func` may be a function that takes values and returns the last of them."""

    def furthest(values: Any) -> Any:
        return max(values, key=abs)

    rows = rows_of(-1) if run == 1 else rows_of(-3, 0)
    return [dlt.resource(rows, name="things", incremental=cursor("n", last_value_func=furthest))]


@behaviour({"things": [{"n": 1, "given": False}, {"n": 2, "given": False}]})
def optional_and_not_given(run: int) -> Any:
    """An optional argument for a cursor is None if no cursor is given, and all rows are taken."""

    @dlt.resource
    def things(since: cursor[int] | None = None) -> Any:
        yield {"n": run, "given": since is not None}

    return [things]


@behaviour({"things": [{"n": 2}]}, runs=1)
def given_at_the_call(run: int) -> Any:  # noqa: ARG001 - the only run
    """A cursor that the caller passes replaces the default of the argument."""

    @dlt.resource
    def things(since: cursor[int] = cursor("n", initial_value=0)) -> Any:  # noqa: ARG001, B008 - as dlt's users write it
        yield rows_of(1, 2)

    return [things(since=cursor("n", initial_value=2))]


@behaviour({"things": [{"n": 1}, {"n": 2}]})
def by_apply_hints(run: int) -> Any:
    """`apply_hints(incremental=...)` gives a cursor to code that knows of none."""
    things = dlt.resource(rows_of(*range(1, run + 1)), name="things")
    things.apply_hints(incremental=cursor("n"))
    return [things]


@behaviour({"things": [{"n": 1}, {"n": 1}, {"n": 2}]})
def removed_by_apply_hints(run: int) -> Any:
    """`apply_hints(incremental=Incremental.EMPTY)` takes the cursor of a resource away."""
    things = dlt.resource(rows_of(*range(1, run + 1)), name="things", incremental=cursor("n"))
    things.apply_hints(incremental=cursor.EMPTY)
    return [things]


@behaviour({"things": [{"n": 1}, {"n": 2}]})
def as_a_step(run: int) -> Any:
    """A cursor may be added as a step of the pipe."""
    return [dlt.resource(rows_of(*range(1, run + 1)), name="things").add_step(cursor("n"))]


@behaviour(
    {"things": [{"at": "2024-01-02"}]},
    runs=1,
    settings={
        "SOURCES__VENDOR__THINGS__SINCE__CURSOR_PATH": "at",
        "SOURCES__VENDOR__THINGS__SINCE__INITIAL_VALUE": "2024-01-02",
    },
    fails_here=[1],
    differs="a cursor that only settings know is refused; `incremental` of `sources.yaml` names it.",
)
def from_settings(run: int) -> Any:  # noqa: ARG001 - the only run
    """Settings give a cursor to an argument whose default is `dlt.config.value`."""

    @dlt.resource
    def things(since: cursor[str] = dlt.config.value) -> Any:  # noqa: ARG001 - dlt fills it
        yield [{"at": "2024-01-01"}, {"at": "2024-01-02"}]

    return [things]


@behaviour(
    {"things": [{"n": 2}]},
    fails_here=[1, 2],
    differs="a replace with a cursor is refused, because it could leave only the rows after the cursor.",
)
def replace_starts_anew(run: int) -> Any:
    """A replace forgets the stored value, so each load takes all rows from the initial value on."""
    rows = rows_of(2 if run == 2 else 5)
    return [dlt.resource(rows, name="things", write_disposition="replace", incremental=cursor("n"))]


@behaviour({"things": [{"n": 1, "key": "1"}, {"n": 2, "key": "2"}]})
def after_maps(run: int) -> Any:
    """The cursor looks at rows after maps and filters, so a map may make its column."""
    rows = [{"key": str(number)} for number in range(1, run + 1)]
    things = dlt.resource(rows, name="things", incremental=cursor("n"))
    return [things.add_map(lambda row: {**row, "n": int(row["key"])})]


@behaviour({"things": [{"n": 1}, {"n": 2}]})
def in_a_transformer(run: int) -> Any:
    """A transformer has a cursor of its own over the rows that it makes."""
    numbers = dlt.resource(list(range(1, run + 1)), name="numbers", selected=False)

    @dlt.transformer(data_from=numbers)
    def things(number: int, since: cursor[int] = cursor("n")) -> Any:  # noqa: ARG001, B008 - as dlt's users write it
        yield {"n": number}

    return [things]


@behaviour({}, runs=1, fails=[1])
def mixed_types(run: int) -> Any:  # noqa: ARG001 - the only run
    """Values of two types that have no order fail the load."""
    return [dlt.resource([{"n": 1}, {"n": "b"}], name="things", incremental=cursor("n"))]


@behaviour({"things": [{"n": 1}]}, fails=[2])
def failed_load_keeps_the_value(run: int) -> Any:
    """A load that fails while rows are read writes none of them and does not move the stored value."""

    @dlt.resource(incremental=cursor("n"))
    def things() -> Any:
        yield {"n": run}
        if run == 2:
            message = "the vendor is gone"
            raise ValueError(message)

    return [things]


@behaviour({"things": [{"n": 1}, {"n": 2}, {"n": 3}]}, runs=3, fails=[2])
def next_load_after_a_failed_one(run: int) -> Any:
    """The load after a failed one takes what the failed one would have."""

    @dlt.resource(incremental=cursor("n"))
    def things() -> Any:
        yield rows_of(*range(1, run + 1))
        if run == 2:
            message = "the vendor is gone"
            raise ValueError(message)

    return [things]


@behaviour(
    {"things": [{"n": 1}, {"n": 1}, {"n": 2}]},
    fails_here=[2],
    differs="an append that has lost its cursor is refused with the way out.",
    here={"things": [{"n": 1}]},
)
def cursor_that_is_gone(run: int) -> Any:
    """An append whose cursor is taken out adds all rows again."""
    hints: dict[str, Any] = {"incremental": cursor("n")} if run == 1 else {}
    return [dlt.resource(rows_of(*range(1, run + 1)), name="things", **hints)]


@behaviour(
    {"things": [{"n": 1}, {"n": 2}, {"n": 2}, {"n": 3}]},
    runs=3,
    differs="a cursor that is put back begins anew, and its rows replace those of the table from the lowest on.",
    here={"things": [{"n": 1}, {"n": 2}, {"n": 3}]},
)
def cursor_that_is_put_back(run: int) -> Any:
    """A cursor that is put back goes on at its former value, whatever was loaded in between."""
    hints: dict[str, Any] = {"write_disposition": "merge", "primary_key": "n"} if run == 2 else {}
    hints = hints or {"write_disposition": "append", "incremental": cursor("n")}
    return [dlt.resource(rows_of(*range(1, run + 1)), name="things", **hints)]
