"""Holds the order of cursor values to that of what lands, and refuses what has none."""

import datetime as dt
from datetime import UTC
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from data_foundation.errors import ValueRefused
from data_foundation.loading.cursor.landed_order import LandedOrder

TWICE = dt.datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Amsterdam"))
"""In an hour that comes twice."""

ORDERED: list[tuple[str | None, Any, Any]] = [
    (None, "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.5Z"),
    (None, "2024-01-01T00:00:00.95Z", "2024-01-01T00:00:00.955Z"),
    (None, "2024-01-01T23:00:00+02:00", "2024-01-01T22:00:00Z"),
    (None, "2024-10-27T02:45:00+02:00", "2024-10-27T02:15:00+01:00"),
    (None, "2024-01-01T10:00:00Z", "2024-01-01 10:00:01"),
    (None, "2024-01-01T10:00:00+0000", "2024-01-01T10:00:00.1+00:00"),
    (None, dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, 0, 0, 1, tzinfo=UTC)),  # noqa: DTZ001 - the case
    (None, TWICE, TWICE.replace(minute=15, fold=1)),
    ("timestamp", dt.date(2024, 1, 1), "2024-01-01T00:00:01Z"),
    ("date", "2024-01-31", dt.date(2024, 2, 1)),
    ("date", dt.date(2024, 1, 31), dt.datetime(2024, 2, 1)),  # noqa: DTZ001 - the case
    ("bigint", "9", "10"),
    ("bigint", 9, "10"),
    ("decimal", "9.5", Decimal("10.25")),
    (None, 5, "6"),
    (None, 1.5, 2),
    (None, "2024-01-01", "2024-01-02"),
    (None, "2024-01-31", "2024-02-01T00:00:00Z"),
    (None, "20240131", "20240201"),
    (None, "A009", "A010"),
    (None, "apple", "pear"),
    (None, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "01BX5ZZKBKACTAV9WEVGEMMVRZ"),
    (None, "018f3c2a-7b1c-7000-8000-00000000000a", "018f3c2a-7b1d-7000-8000-000000000001"),
    ("text", "2024-01-01T10:00:00Z", "2024-01-01T11:00:00Z"),
]  # fmt: skip


@pytest.mark.parametrize(("data_type", "earlier", "later"), ORDERED)
@pytest.mark.parametrize("is_descending", [False, True])
def test_later_is_what_lands_later(data_type: str | None, earlier: Any, later: Any, is_descending: bool) -> None:  # noqa: FBT001 - a parameter
    """Moments are instants, numbers numbers, and texts texts; a cursor that runs down turns it around."""
    order = LandedOrder("at", data_type, is_descending=is_descending)
    first, second = order.key(earlier), order.key(later)
    assert order.is_later(second, first) is not is_descending
    assert order.is_later(first, second) is is_descending
    assert not order.is_later(first, order.key(earlier))


REFUSED: list[tuple[str | None, Any, Any, str]] = [
    (None, "9", "10", "got '10' and '9' as text; numbers are not ordered by their text"),
    (None, "9.75", "10.5", "numbers are not ordered"),
    (None, "-1", "-2", "numbers are not ordered"),
    (None, "row-9", "row-10", "numbers inside a text are not ordered"),
    (None, "v9.10", "v10.9", "numbers inside a text are not ordered"),
    (None, "12/31/2023", "01/15/2024", "got '12/31/2023' as text; a date whose text does not begin with the year"),
    (None, "31.12.2023", "15.01.2024", "a date whose text does not begin with the year"),
    (None, "Sun, 31 Dec 2023 00:00:00 GMT", "Mon, 01 Jan 2024 00:00:00 GMT", "does not begin with the year"),
    ("text", "2024-01-01T23:00:00+02:00", "2024-01-01T22:00:00Z", "moments in two spellings are not ordered"),
    ("text", "2024-01-01T23:00:00+02:00", "2024-01-01T21:00:00Z", "moments in two spellings are not ordered"),
    (None, "2024-01-01T00:00:00Z", "yesterday", "got 'yesterday', and the column is timestamp; accepted is a time in"),
    (None, 5, "many", "got 'many', and the column is decimal; accepted is a number"),
    (None, 5, float("nan"), "got nan, and the column is decimal; accepted is a number"),
    ("timestamp", 5, 6, "got 5, and the column is timestamp"),
]


@pytest.mark.parametrize(("data_type", "earlier", "later", "message"), REFUSED)
def test_what_has_no_order_is_refused(data_type: str | None, earlier: Any, later: Any, message: str) -> None:
    """The error names the cursor and the values, and what to write."""
    order = LandedOrder("at", data_type)
    with pytest.raises(ValueRefused, match=r"^cursor at: ") as refused:
        order.is_later(order.key(later), order.key(earlier)) if order.key(earlier) else None
    assert message in str(refused.value)
    assert "accepted is" in str(refused.value)
