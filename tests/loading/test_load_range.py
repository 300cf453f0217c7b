"""The range of a run: explicit ranges, partitions and ordinary runs, for every type of cursor."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from data_foundation.config.grammar import ResourceConfig
from data_foundation.errors import FoundationError, LoadError
from data_foundation.loading.ranges.load_range import LoadRange, find_range, find_range_warnings
from data_foundation.loading.task import LoadOptions
from data_foundation.orchestration.partitions import time_partitions
from tests.support.trees import Tree

AMSTERDAM = "Europe/Amsterdam"


def resource(*, cursor: bool = True, **settings: Any) -> ResourceConfig:
    """Returns a resource with a cursor whose initial value is `first`, or with `partitions`."""
    first = settings.pop("first", None)
    lag = settings.pop("lag", None)
    incremental = {"cursor_path": "at", "initial_value": first, "lag": lag} if cursor else None
    merge = {"write_disposition": "merge", "primary_key": "id"}
    values = {"entry": "data.get_rows", "destination": "raw.rows", "incremental": incremental, **merge, **settings}
    return ResourceConfig.model_validate(values)


def range_of(config: ResourceConfig, cursor: Any = None, **requested: Any) -> LoadRange:
    """Returns the range of a run."""
    return find_range(config, cursor, LoadOptions(**requested))


SHAPES = [
    pytest.param("2024-01-01", "2024-02-03", "2024-02-03", id="date as text"),
    pytest.param("2024-01-01", "2024-02-03T10:00:00+01:00", "2024-02-03", id="time cut to a date"),
    pytest.param("20240101", "2024-02-03", "20240203", id="compact date"),
    pytest.param("20240101", "20240203", "20240203", id="compact date as it is"),
    pytest.param("2024-01-01T00:00:00Z", "2024-02-03", "2024-02-03T00:00:00Z", id="Z"),
    pytest.param("2024-01-01T00:00:00Z", "2024-02-03T01:00:00+01:00", "2024-02-03T00:00:00Z", id="Z from offset"),
    pytest.param("2024-01-01T00:00:00Z", "2024-02-03T00:00:00Z", "2024-02-03T00:00:00Z", id="Z as it is"),
    pytest.param("2024-01-01T00:00:00.000Z", "2024-02-03", "2024-02-03T00:00:00.000Z", id="milliseconds"),
    pytest.param("2024-01-01T00:00:00+0000", "2024-02-03", "2024-02-03T00:00:00+0000", id="offset"),
    pytest.param("2024-01-01T00:00:00+00:00", "2024-02-03", "2024-02-03T00:00:00+00:00", id="offset with a colon"),
    pytest.param("2024-01-01T00:00:00-05:00", "2024-02-03", "2024-02-02T19:00:00-05:00", id="offset of the rows"),
    pytest.param("2024-01-01T00:00:00", "2024-02-03", "2024-02-03T00:00:00", id="no zone"),
    pytest.param("2024-01-01 00:00:00", "2024-02-03", "2024-02-03 00:00:00", id="a space instead of the T"),
    pytest.param("2024-01", "2024-02", "2024-02", id="month"),
    pytest.param(date(2024, 1, 1), "2024-02-03", date(2024, 2, 3), id="date"),
    pytest.param(datetime(2024, 1, 1, tzinfo=UTC), "2024-02-03", datetime(2024, 2, 3, tzinfo=UTC), id="time"),
    pytest.param(datetime(2024, 1, 1), "2024-02-03", datetime(2024, 2, 3), id="time without a zone"),  # noqa: DTZ001
    pytest.param(1, "17", 17, id="whole number"),
    pytest.param(0.5, "1.5", 1.5, id="number"),
    pytest.param("A001", "B002", "B002", id="any other text"),
]


@pytest.mark.parametrize(("first", "requested", "expected"), SHAPES)
def test_a_range_is_converted_to_the_format_of_the_cursor(first: Any, requested: str, expected: Any) -> None:
    """Start and end are converted to the format of the cursor's values in the rows."""
    found = range_of(resource(first=first), start=requested)
    assert (found.start, found.is_closed, found.has_end) == (expected, True, False)
    found = range_of(resource(first=first), end=requested)
    assert (found.start, found.end, found.is_closed, found.has_end) == (first, expected, True, True)


EMPTY = [
    pytest.param("2024-01-01", "2024-02-01", "2024-01-01", id="date as text"),
    pytest.param("2024-01-01", "2024-02-03T10:00:00", "2024-02-03T12:00:00", id="times of one day"),
    pytest.param("2024-01-01T00:00:00Z", "2024-02-01", "2024-02-01T00:00:00+01:00", id="zones"),
    pytest.param("20240101", "20240201", "2024-01-01", id="two spellings"),
    pytest.param(date(2024, 1, 1), "2024-02-01", "2024-02-01", id="date"),
    pytest.param(datetime(2024, 1, 1, tzinfo=UTC), "2024-02-01", "2024-01-01", id="time"),
    pytest.param(1, "10", "9", id="whole number"),
    pytest.param(0.5, "1.5", "1.5", id="number"),
    pytest.param("A001", "B002", "A002", id="any other text"),
    pytest.param(None, "10", "9", id="unknown type"),
]


@pytest.mark.parametrize(("first", "start", "end"), EMPTY)
def test_an_empty_range_is_refused(first: Any, start: str, end: str) -> None:
    """A start that is not before the end matches no row, whatever the type of the cursor; the error names both."""
    with pytest.raises(FoundationError, match=r"is not before end .*, which is not included"):
        range_of(resource(first=first), start=start, end=end)


@pytest.mark.parametrize(("first", "start", "end"), [(1, "9", "10"), (None, "9", "10"), ("A1", "A9", "B1")])
def test_values_are_compared_as_those_of_the_cursor(first: Any, start: str, end: str) -> None:
    """Numbers are compared as numbers: nine comes before ten."""
    assert range_of(resource(first=first), start=start, end=end).is_closed


@pytest.mark.parametrize(("first", "requested", "expected"), SHAPES)
def test_the_stored_cursor_defines_the_format(first: Any, requested: str, expected: Any) -> None:
    """Without `initial_value` the stored cursor defines the format."""
    assert range_of(resource(), first, start=requested).start == expected


@pytest.mark.parametrize(
    ("first", "requested"),
    [(1, "2024-01-01"), (1.5, "soon"), ("2024-01-01", "soon"), ("2024-01-01T00:00:00Z", "17"), (date(2024, 1, 1), "1")],
)
def test_a_value_of_another_type_is_refused(first: Any, requested: str) -> None:
    """A start or end that cannot be converted to the cursor's type is an error that shows both."""
    with pytest.raises(LoadError, match=f"start/end: got '{requested}'; accepted is a .* like .*{first}"):
        find_range(resource(first=first), None, LoadOptions(start=requested))


@pytest.mark.parametrize("requested", ["2026-13-01", "2026-1-31", "2026/01/31", "2026-01-31T8"])
def test_a_misspelt_date_is_refused_before_a_cursor_is_known(requested: str) -> None:
    """As a text it would be compared with the rows, and the run would be green without any."""
    with pytest.raises(LoadError, match=f"start/end: got '{requested}'; accepted is a date or a time in ISO 8601"):
        range_of(resource(), start=requested)
    assert range_of(resource(), start="2026-01-31").start == "2026-01-31"


@pytest.mark.parametrize("requested", ["yesterday", "today", "2 days ago", "-1d", "A1", "31.01.2026", "Jan 31 2026"])
@pytest.mark.parametrize("column", ["at", "At", "other"])
def test_a_word_is_refused_before_a_cursor_is_known(requested: str, column: str) -> None:
    """It would be compared as a text; a column that is declared as text has values of any form."""
    config = resource(columns={column: {"data_type": "text"}})
    if column == "other":
        with pytest.raises(LoadError, match=f"got '{requested}', and no value of the cursor is known yet; accepted is"):
            range_of(config, start=requested)
    else:
        assert range_of(config, start=requested).start == requested
    assert range_of(config, "A001", start="B2").start == "B2"
    assert range_of(config, start="17").start == "17"


def test_an_append_without_a_cursor_has_no_range(tree: Tree) -> None:
    """It would add all rows again; into a table that is dropped first, it adds each once."""
    tree.add("shop", "resources: [{entry: data.get_rows, destination: raw.orders, write_disposition: append}]")
    tree.give("shop", [{"id": 1}, {"id": 2}])
    tree.load("shop.orders")
    for requested in ({"start": "2024-01-01"}, {"start": "2024-01-01", "end": "2024-02-01"}):
        with pytest.raises(LoadError, match="start and end need `incremental` or `partitions`"):
            tree.load("shop.orders", **requested)
    assert tree.query("select id from raw.orders order by id") == [1, 2]
    assert "start and end are ignored" in " ".join(
        tree.load("shop.orders", start="2024-01-01", refresh="drop").warnings
    )
    assert tree.query("select id from raw.orders order by id") == [1, 2]


def test_an_end_needs_a_start() -> None:
    """An end without start or initial value is refused."""
    with pytest.raises(LoadError, match="end: got '2024-01-01' without a start"):
        find_range(resource(), None, LoadOptions(end="2024-01-01"))


def test_a_range_of_a_resource_without_cursor_is_a_warning() -> None:
    """Start and end of a resource without cursor and partitions are ignored, with a warning."""
    config, options = resource(cursor=False), LoadOptions(start="2024-01-01")
    found = find_range(config, None, options)
    assert found == LoadRange()
    assert list(find_range_warnings(config, None, options, found)) == [
        "start and end are ignored: the resource has neither `incremental` nor `partitions`"
    ]


@pytest.mark.parametrize(
    "first", ["2024-01-01", "2024-01-01T00:00:00Z", date(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC), 7, 1.5, "A1"]
)
def test_an_ordinary_run_starts_at_the_cursor(first: Any) -> None:
    """A run without a range starts at the initial value, and later at the stored cursor."""
    assert (range_of(resource(first=first)).start, range_of(resource(first=first)).is_closed) == (first, False)
    assert range_of(resource(first=first), "whatever is stored").start == "whatever is stored"


@pytest.mark.parametrize(
    ("first", "cursor", "lag", "expected"),
    [
        ("2024-01-01", "2024-01-20", 7, "2024-01-13"),
        ("2024-01-01T00:00:00Z", "2024-01-20T00:00:00Z", 3600, "2024-01-19T23:00:00Z"),
        ("2024-01-01T00:00:00+0000", "2024-01-20T00:00:00+0000", 3600, "2024-01-19T23:00:00+0000"),
        (
            datetime(2024, 1, 1, tzinfo=UTC),
            datetime(2024, 1, 20, tzinfo=UTC),
            60,
            datetime(2024, 1, 19, 23, 59, tzinfo=UTC),
        ),
        (
            "2024-01-01",
            datetime(2024, 1, 20, tzinfo=UTC),
            86400,
            datetime(2024, 1, 19, tzinfo=UTC),
        ),
        ("2024-01-19T12:00:00Z", datetime(2024, 1, 20), 86400, datetime(2024, 1, 19, 12)),  # noqa: DTZ001 - it has no zone
        ("2024-01-01", date(2024, 1, 20), 7, date(2024, 1, 13)),
        ("90", 100, 20, 90),
        (1, 100, 10, 90),
        (95, 100, 10, 95),
        ("2024-01-01", None, 7, "2024-01-01"),
    ],
)
def test_the_range_starts_before_the_cursor_by_the_lag(first: Any, cursor: Any, lag: float, expected: Any) -> None:
    """The range in the templates starts `lag` before the cursor, but not before the initial value."""
    assert range_of(resource(first=first, lag=lag), cursor).start == expected


def test_an_open_range_ends_now_or_tomorrow() -> None:
    """The end in the templates is now, or tomorrow for dates; numbers and other texts have no end."""
    now = datetime.now(UTC)
    assert range_of(resource(first="2024-01-01")).end == (now + timedelta(days=1)).date().isoformat()
    assert range_of(resource(first=date(2024, 1, 1))).end == (now + timedelta(days=1)).date()
    assert abs(range_of(resource(first=now)).end - now) < timedelta(seconds=5)
    text = range_of(resource(first="2024-01-01T00:00:00Z")).end
    assert abs(datetime.fromisoformat(text) - now) < timedelta(seconds=5)
    assert [range_of(resource(first=first)).end for first in (1, 1.5, "A001", None)] == [None] * 4


@pytest.mark.parametrize(
    ("found", "texts"),
    [
        (LoadRange(), ("", "", "")),
        (LoadRange(1, None), ("1", "", "1")),
        (LoadRange(date(2024, 1, 1), date(2024, 1, 2), "2024-01-01"), ("2024-01-01", "2024-01-02", "2024-01-01")),
        (
            LoadRange(datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=1))), datetime(2024, 1, 1)),  # noqa: DTZ001
            ("2023-12-31T23:00:00Z", "2024-01-01T00:00:00", "2023-12-31T23:00:00Z"),
        ),
    ],
)
def test_times_in_templates_are_iso_8601(found: LoadRange, texts: tuple[str, str, str]) -> None:
    """Times are formatted as ISO 8601; unknown values are empty."""
    values = found.template_values()
    assert (values["partition.start"], values["partition.end"], values["partition.key"]) == texts


def window(config: ResourceConfig, key: str) -> dict[str, Any]:
    """Returns the options of a partition's run, as Dagster gives them."""
    assert config.partitions
    found = time_partitions(config.partitions).time_window_for_partition_key(key)
    return {"start": found.start.isoformat(), "end": found.end.isoformat(), "partition_key": key}


@pytest.mark.parametrize(
    ("partitions", "first", "key", "start", "end"),
    [
        (("daily", "UTC"), None, "2024-01-31", "2024-01-31", "2024-02-01"),
        (("daily", AMSTERDAM), None, "2024-03-31", "2024-03-31", "2024-04-01"),
        (("daily", AMSTERDAM), "2024-01-01T00:00:00Z", "2024-03-31", "2024-03-30T23:00:00Z", "2024-03-31T22:00:00Z"),
        (("daily", AMSTERDAM), "2024-01-01T00:00:00Z", "2024-10-27", "2024-10-26T22:00:00Z", "2024-10-27T23:00:00Z"),
        (("daily", AMSTERDAM), date(2024, 1, 1), "2024-10-27", date(2024, 10, 27), date(2024, 10, 28)),
        (("hourly", "UTC"), None, "2024-01-01-23:00", "2024-01-01T23:00:00Z", "2024-01-02T00:00:00Z"),
        (("hourly", AMSTERDAM), None, "2024-03-31-03:00", "2024-03-31T01:00:00Z", "2024-03-31T02:00:00Z"),
        (("hourly", "UTC"), "2024-01-01 00:00:00", "2024-01-01-23:00", "2024-01-01 23:00:00", "2024-01-02 00:00:00"),
        (("weekly", "UTC"), None, "2024-01-07", "2024-01-07", "2024-01-14"),
        (("monthly", "UTC"), "2024-01-01", "2024-02-01", "2024-02-01", "2024-03-01"),
        (("monthly", "UTC"), "2024-01", "2024-02-01", "2024-02", "2024-03"),
    ],
)
def test_a_partition_is_the_range_of_its_window(
    partitions: tuple[str, str], first: Any, key: str, start: Any, end: Any
) -> None:
    """The window has the format of the cursor; days are local days, also at the changes of summer time."""
    settings = {"by": partitions[0], "start": "2024-01-01", "timezone": partitions[1]}
    config = resource(cursor=first is not None, first=first, partitions=settings)
    found = range_of(config, None, **window(config, key))
    assert (found.start, found.end, found.partition_key) == (start, end, key)
    assert found.is_closed
    assert found.has_end


@pytest.mark.parametrize(
    ("by", "start", "expected"),
    [("daily", "2024-01-01", "2024-01-01"), ("hourly", "2024-01-01", "2023-12-31T23:00:00Z")],
)
def test_a_run_without_a_partition_starts_at_the_first(by: str, start: str, expected: str) -> None:
    """A run without a partition starts at the first one, in the time zone of the partitions."""
    partitions = {"by": by, "start": start, "timezone": AMSTERDAM}
    found = range_of(resource(cursor=False, partitions=partitions))
    tomorrow = (datetime.now(ZoneInfo(AMSTERDAM)) + timedelta(days=1)).date().isoformat()
    assert found.start == expected
    assert by == "hourly" or found.end == tomorrow


ROWS_OF_EVERY_SHAPE = """
from datetime import UTC, date, datetime

SHAPES = {
    "text": lambda n: f"2024-01-{n:02}",
    "z": lambda n: f"2024-01-{n:02}T00:00:00Z",
    "offset": lambda n: f"2024-01-{n:02}T00:00:00+0000",
    "time": lambda n: datetime(2024, 1, n, tzinfo=UTC),
    "naive": lambda n: datetime(2024, 1, n),
    "date": lambda n: date(2024, 1, n),
    "number": lambda n: n,
    "float": lambda n: n + 0.0,
    "word": lambda n: f"row-{n:02}",
}


def get_rows(shape):
    for n in range(1, 10):
        yield {"n": n, "at": SHAPES[shape](n)}
"""


@pytest.mark.sampled(11)
@pytest.mark.parametrize(
    ("shape", "first", "start", "end"),
    [
        ("text", '"2024-01-02"', "2024-01-03", "2024-01-05"),
        ("z", '"2024-01-02T00:00:00Z"', "2024-01-03", "2024-01-05"),
        ("offset", '"2024-01-02T00:00:00+0000"', "2024-01-03", "2024-01-05"),
        ("time", "2024-01-02T00:00:00Z", "2024-01-03", "2024-01-05"),
        ("naive", "2024-01-02 00:00:00", "2024-01-03", "2024-01-05"),
        ("date", "2024-01-02", "2024-01-03", "2024-01-05"),
        ("number", "2", "3", "5"),
        ("float", "2.0", "3", "5"),
        ("word", "row-02", "row-03", "row-05"),
    ],
)
def test_ranges_and_samples_do_not_update_the_cursor(tree: Tree, shape: str, first: str, start: str, end: str) -> None:
    """A range loads [start, end) and a sample its rows; the next ordinary run loads all other rows."""
    tree.add(
        "shop",
        f"""
        resources:
          - entry: data.get_rows
            args: [{shape}]
            destination: raw.rows
            write_disposition: merge
            primary_key: n
            incremental: {{cursor_path: at, initial_value: {first}}}
        """,
        ROWS_OF_EVERY_SHAPE,
    )
    assert tree.load("shop.rows", start=start, end=end).cursor == (None, None)
    assert tree.query("select n from raw.rows order by n") == [3, 4]
    assert tree.load("shop.rows", limit=1).cursor == (None, None)
    assert tree.query("select n from raw.rows order by n") == [2, 3, 4]
    assert tree.load("shop.rows", start=end).rows == 5
    assert tree.load("shop.rows").rows == 8
    assert tree.query("select n from raw.rows order by n") == [2, 3, 4, 5, 6, 7, 8, 9]
    assert tree.load("shop.rows").rows == 0
