"""Where a cursor begins and ends: ranges, order of rows, lag, rows without a value."""

from datetime import date, datetime
from itertools import count
from typing import Any

import dlt

from tests.compat.behaviours.case import behaviour

cursor = dlt.sources.incremental


def rows_of(*numbers: int | None) -> list[dict[str, Any]]:
    """Returns a row for each number."""
    return [{"n": number} for number in numbers]


def numbered(rows: Any, **options: Any) -> Any:
    """Returns a resource with a cursor over `n`."""
    return [dlt.resource(rows, name="things", incremental=cursor("n", **options))]


@behaviour({"things": [{"n": 2}, {"n": 3}]}, runs=1)
def range_of_values(run: int) -> Any:  # noqa: ARG001 - the only run
    """A range takes the rows from `initial_value` on and before `end_value`."""
    return numbered(rows_of(1, 2, 3, 4), initial_value=2, end_value=4)


@behaviour({"things": [{"n": 2}, {"n": 3}, {"n": 4}]}, runs=1)
def closed_end(run: int) -> Any:  # noqa: ARG001 - the only run
    """`range_end="closed"` takes the rows at `end_value` too."""
    return numbered(rows_of(1, 2, 3, 4, 5), initial_value=2, end_value=4, range_end="closed")


@behaviour({"things": [{"n": 3}]}, runs=1)
def open_start(run: int) -> Any:  # noqa: ARG001 - the only run
    """`range_start="open"` leaves out the rows at `initial_value`."""
    return numbered(rows_of(2, 3), initial_value=2, range_start="open")


@behaviour({"things": [{"n": 1}, {"n": 2}]})
def open_start_in_the_next_load(run: int) -> Any:
    """With `range_start="open"` a later load leaves out all rows at the stored value, new ones too."""
    return numbered(rows_of(1) if run == 1 else rows_of(1, 1, 2), range_start="open")


@behaviour({"things": [{"n": 5}, {"n": 1}, {"n": 6}]}, runs=3)
def range_keeps_the_cursor(run: int) -> Any:
    """A range neither reads nor moves the stored value, so it may load the past between two loads of what is new."""
    if run == 2:
        return numbered(rows_of(1, 5, 9), initial_value=1, end_value=2)
    return numbered(rows_of(5) if run == 1 else rows_of(1, 5, 6))


@behaviour(
    {"things": [{"n": 1}, {"n": 1}]},
    differs="the rows of a range replace those that the table has of it.",
    here={"things": [{"n": 1}]},
)
def range_twice(run: int) -> Any:  # noqa: ARG001 - each run brings the same
    """An append of the same range adds its rows again."""
    return numbered(rows_of(1, 2), initial_value=1, end_value=2)


@behaviour({}, runs=1, fails=[1])
def end_without_start(run: int) -> Any:  # noqa: ARG001 - the only run
    """An `end_value` without an `initial_value` is refused."""

    @dlt.resource
    def things(since: cursor[int] = cursor("n", end_value=2)) -> Any:  # noqa: ARG001, B008 - as dlt's users write it
        yield rows_of(1, 2)

    return [things]


@behaviour({}, runs=1, fails=[1])
def end_before_start(run: int) -> Any:  # noqa: ARG001 - the only run
    """An `end_value` below the `initial_value` is refused."""

    @dlt.resource
    def things(since: cursor[int] = cursor("n", initial_value=3, end_value=2)) -> Any:  # noqa: ARG001, B008 - as above
        yield rows_of(1, 2)

    return [things]


@behaviour({"things": [{"n": 7}, {"n": 8}]}, runs=1)
def descending_order(run: int) -> Any:  # noqa: ARG001 - the only run
    """`row_order="desc"` stops the generator at the first page with a row before the start."""
    return numbered(([{"n": number}] for number in count(8, -1)), initial_value=7, row_order="desc")


@behaviour({"things": [{"n": 1}, {"n": 2}]}, runs=1)
def ascending_order(run: int) -> Any:  # noqa: ARG001 - the only run
    """`row_order="asc"` stops the generator at the first page with a row behind the end."""
    return numbered(([{"n": number}] for number in count(1)), initial_value=1, end_value=3, row_order="asc")


@behaviour({"things": [{"n": 12}, {"n": 11}, {"n": 10}]}, runs=1)
def start_out_of_range(run: int) -> Any:  # noqa: ARG001 - the only run
    """`start_out_of_range` tells the code that rows before the start have come."""

    @dlt.resource
    def things(since: cursor[int] = cursor("n", initial_value=10)) -> Any:  # noqa: B008 - as dlt's users write it
        for number in count(12, -1):
            yield {"n": number}
            if since.start_out_of_range:
                return

    return [things]


@behaviour({"things": [{"n": 1}, {"n": 2}]}, runs=1)
def end_out_of_range(run: int) -> Any:  # noqa: ARG001 - the only run
    """`end_out_of_range` tells the code that rows behind the end have come."""

    @dlt.resource
    def things(since: cursor[int] = cursor("n", initial_value=1, end_value=3)) -> Any:  # noqa: B008 - as dlt's users write it
        for number in count(1):
            yield {"n": number}
            if since.end_out_of_range:
                return

    return [things]


@behaviour({"things": [{"n": 0}, {"n": 1}, {"n": 2}, {"n": 3}]})
def limit_with_order(run: int) -> Any:
    """A limit with `row_order="asc"` loads a long table in pieces, and each load takes the next piece."""

    @dlt.resource
    def things(since: cursor[int] = cursor("n", initial_value=-1, row_order="asc")) -> Any:  # noqa: B008 - as above
        assert since.start_value is not None
        yield from ({"n": number} for number in range(since.start_value + 1, 9))

    assert run
    return [things.add_limit(2)]


@behaviour({"things": [{"n": 9, "id": 2}, {"n": 12, "id": 3}, {"n": 10, "id": 1, "v": 2}]})
def lag_of_a_merge(run: int) -> Any:
    """`lag` reads the rows of a window before the stored value again, so a merge gets what came late."""
    first = [{"n": 10, "id": 1, "v": 1}]
    rows = first if run == 1 else [{"n": 7, "id": 9}, {"n": 9, "id": 2}, {"n": 10, "id": 1, "v": 2}, {"n": 12, "id": 3}]
    things = dlt.resource(rows, name="things", write_disposition="merge", primary_key="id")
    things.apply_hints(incremental=cursor("n", lag=2))
    return [things]


@behaviour(
    {"things": [{"n": 10}, {"n": 9}, {"n": 10}]},
    differs="the rows of the window are replaced by those of the load, so that none is there twice.",
    here={"things": [{"n": 9}, {"n": 10}]},
)
def lag_of_an_append(run: int) -> Any:
    """`lag` with append adds the rows of the window again."""
    return numbered(rows_of(10) if run == 1 else rows_of(7, 9, 10), lag=2)


@behaviour({"things": [{"at": "2024-01-01T10:00:30Z"}, {"at": "2024-01-01T10:00:25Z"}]})
def lag_of_times(run: int) -> Any:
    """`lag` counts seconds where the cursor is a time or its text."""
    at = f"2024-01-01T10:00:{'30' if run == 1 else '25'}Z"
    start: Any = cursor("at", initial_value="2024-01-01T00:00:00Z", lag=10)
    return [dlt.resource([{"at": at}], name="things", write_disposition="merge", primary_key="at", incremental=start)]


@behaviour({"things": [{"at": "2024-01-09"}, {"at": "2024-01-07"}]})
def lag_of_dates(run: int) -> Any:
    """`lag` counts days where the cursor is a date."""
    days = [date(2024, 1, 9)] if run == 1 else [date(2024, 1, 6), date(2024, 1, 7)]
    rows = [{"at": day} for day in days]
    start: Any = cursor("at", lag=2)
    return [dlt.resource(rows, name="things", write_disposition="merge", primary_key="at", incremental=start)]


@behaviour({"things": [{"n": 10}]})
def lag_stops_at_the_start(run: int) -> Any:
    """`lag` does not reach before `initial_value`."""
    rows = rows_of(10) if run == 1 else rows_of(9)
    start: Any = cursor("n", lag=5, initial_value=10)
    return [dlt.resource(rows, name="things", write_disposition="merge", primary_key="n", incremental=start)]


@behaviour({}, runs=1, fails=[1])
def missing_value(run: int) -> Any:  # noqa: ARG001 - the only run
    """A row without the cursor's column fails the load."""
    return numbered([{"n": 1}, {"other": 1}])


@behaviour({}, runs=1, fails=[1])
def null_value(run: int) -> Any:  # noqa: ARG001 - the only run
    """A row with NULL in the cursor's column fails the load."""
    return numbered(rows_of(1, None))


@behaviour({"things": [{"n": 1, "id": 1}, {"id": 2}, {"id": 3}]}, runs=1)
def missing_included(run: int) -> Any:  # noqa: ARG001 - the only run
    """`on_cursor_value_missing="include"` takes rows without a value, whether it is NULL or absent."""
    return numbered([{"n": 1, "id": 1}, {"n": None, "id": 2}, {"id": 3}], on_cursor_value_missing="include")


@behaviour({"things": [{"n": 1, "id": 1}]}, runs=1)
def missing_excluded(run: int) -> Any:  # noqa: ARG001 - the only run
    """`on_cursor_value_missing="exclude"` leaves out rows without a value."""
    return numbered([{"n": 1, "id": 1}, {"n": None, "id": 2}, {"id": 3}], on_cursor_value_missing="exclude")


@behaviour(
    {"things": [{"n": 1}, {"id": 2}, {"id": 2}]},
    differs="an append adds each row without a value once.",
    here={"things": [{"n": 1}, {"id": 2}]},
)
def missing_twice(run: int) -> Any:  # noqa: ARG001 - each run brings the same
    """An append takes rows without a value again in each load."""
    return numbered([{"n": 1}, {"id": 2}], on_cursor_value_missing="include")


@behaviour({"things": [{"n": 1}, {"n": 2}, {"n": 7}]}, runs=1)
def default_by_a_map(run: int) -> Any:  # noqa: ARG001 - the only run
    """A map may set a value where the cursor's column has none."""
    things = numbered(rows_of(1, None, 2))[0]
    return [things.add_map(lambda row: row if row["n"] else {"n": 7})]


@behaviour({"things": [{"at": "2024-01-01T10:00:00Z"}, {"at": "2024-01-01T09:00:00Z"}]}, runs=1)
def zones(run: int) -> Any:  # noqa: ARG001 - the only run
    """A time without a zone is compared with one in UTC."""
    rows = [{"at": datetime(2024, 1, 1, hour)} for hour in (8, 9, 10)]  # noqa: DTZ001 - a time without zone is meant
    return [dlt.resource(rows, name="things", incremental=cursor("at", initial_value=datetime(2024, 1, 1, 9)))]  # noqa: DTZ001 - the same
