"""What values become in the warehouse."""

import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import dlt

from tests.compat.behaviours.case import behaviour

HALF = {"whole": 1, "share": 0.5}


@behaviour({"things": [{"b": True, "i": 1, "f": 1.5, "t": "x", "n": "2.5"}]}, runs=1)
def scalars(run: int) -> Any:
    """Booleans, integers, fractions, text and decimals get columns of their types."""
    return [dlt.resource([{"b": True, "i": run, "f": 1.5, "t": "x", "n": Decimal("2.5")}], name="things")]


@behaviour({"things": [{"at": "2024-01-01T10:00:00Z", "on": "2024-01-01", "of": "10:00:00"}]}, runs=1)
def moments(run: int) -> Any:  # noqa: ARG001 - the only run
    """Times, dates and times of the day get columns of their types."""
    return [
        dlt.resource(
            [{"at": datetime(2024, 1, 1, 10, tzinfo=UTC), "on": date(2024, 1, 1), "of": time(10)}], name="things"
        )
    ]


@behaviour({"things": [{"at": "2024-01-01T10:00:00Z"}]}, runs=1)
def zones(run: int) -> Any:  # noqa: ARG001 - the only run
    """A time with an offset is stored as that moment."""
    at = datetime(2024, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    return [dlt.resource([{"at": at}], name="things")]


@behaviour({"things": [{"at": "2024-01-01T10:00:00Z", "on": "2024-01-01"}]}, runs=1)
def texts_of_times(run: int) -> Any:  # noqa: ARG001 - the only run
    """Text of an ISO time becomes a time; text of a date stays text."""
    return [dlt.resource([{"at": "2024-01-01T10:00:00Z", "on": "2024-01-01"}], name="things")]


@behaviour({"things": [{"id": "c0ffee00-0000-4000-8000-000000000000"}]}, runs=1)
def uuids(run: int) -> Any:  # noqa: ARG001 - the only run
    """A UUID becomes text."""
    return [dlt.resource([{"id": uuid.UUID("c0ffee00-0000-4000-8000-000000000000")}], name="things")]


@behaviour({"things": [{"b": b"\x00\x01"}]}, runs=1)
def binary(run: int) -> Any:  # noqa: ARG001 - the only run
    """Bytes stay bytes."""
    return [dlt.resource([{"b": b"\x00\x01"}], name="things")]


@behaviour({"things": [{"v": 1}, {"v__v_text": "x"}]}, runs=1)
def two_types(run: int) -> Any:
    """A value of another type within a load goes to a column of its own."""
    return [dlt.resource([{"v": run}, {"v": "x"}], name="things")]


@behaviour({"things": [{"v": "x"}, {"v": "1"}]}, runs=1)
def number_in_text(run: int) -> Any:
    """A number in a column of text becomes text."""
    return [dlt.resource([{"v": "x"}, {"v": run}], name="things")]


@behaviour({"things": [{"v": 1.5}, {"v": 2.0}]}, runs=1)
def integer_among_fractions(run: int) -> Any:  # noqa: ARG001 - the only run
    """An integer in a column of fractions becomes one."""
    return [dlt.resource([{"v": 1.5}, {"v": 2}], name="things")]


@behaviour(
    {"things": [{"v": 1}, {"v__v_double": 1.5}]},
    runs=1,
    differs="a new column that has integers and fractions is one of doubles, wherever the first fraction comes.",
    here={"things": [{"v": 1.0}, {"v": 1.5}]},
)
def fraction_among_integers(run: int) -> Any:
    """A fraction after integers goes to a column of its own."""
    return [dlt.resource([{"v": run}, {"v": 1.5}], name="things")]


@behaviour({"things": [{"v": "a\n'\"\\\u20ac\U0001f600"}]}, runs=1)
def any_text(run: int) -> Any:  # noqa: ARG001 - the only run
    """Quotes, newlines, backslashes and emoji land as they are."""
    return [dlt.resource([{"v": "a\n'\"\\\u20ac\U0001f600"}], name="things")]


@behaviour({"things": [{"id": 1}, {"id": 1}]}, runs=1)
def equal_rows(run: int) -> Any:
    """Equal rows of an append all land."""
    return [dlt.resource([{"id": run}, {"id": run}], name="things")]


@behaviour({"things": [{"v": ""}, {"v": " "}]}, runs=1)
def empty_text(run: int) -> Any:  # noqa: ARG001 - the only run
    """Empty text is not NULL, and blanks stay."""
    return [dlt.resource([{"v": ""}, {"v": " "}], name="things")]


@behaviour(
    {"things": [{"id": 1}]},
    runs=1,
    differs="NaN lands as NaN.",
    here={"things": [{"id": 1, "v": "nan"}]},
)
def not_a_number(run: int) -> Any:
    """NaN becomes NULL."""
    return [dlt.resource([{"id": run, "v": float("nan")}], name="things")]
