"""Tests of the source exchange_rate, on the sandbox's Frankfurter."""

from collections.abc import Callable
from datetime import date

import dlt
import pytest
import requests

from dlthub.exchange_rate.data import get_exchange_rate_history, get_exchange_rates


@pytest.fixture
def base_url(sandbox_url: str) -> str:
    """Base URL of the sandbox's Frankfurter."""
    return f"{sandbox_url}/frankfurter/v1"


def test_latest_rates_are_those_of_frankfurter(base_url: str) -> None:
    """Every currency of /latest becomes one row; all rates are decimals."""
    [rows] = get_exchange_rates("USD", base_url=base_url)
    latest = requests.get(f"{base_url}/latest?base=USD", timeout=10).json()
    assert {row["currency"]: row["rate"] for row in rows} == latest["rates"]
    assert {(row["date"], row["base"], type(row["rate"])) for row in rows} == {(latest["date"], "USD", float)}


def test_history_is_read_in_windows_of_ninety_days(base_url: str) -> None:
    """A year is read in five windows, whose rows together are Frankfurter's rates of the year, without duplicates."""
    windows = list(get_exchange_rate_history("2024-01-01", "2025-01-01", base_url=base_url))
    assert len(windows) == 5
    found = {(row["date"], row["currency"]): row["rate"] for rows in windows for row in rows}
    assert len(found) == sum(map(len, windows))
    whole = requests.get(f"{base_url}/2024-01-01..2024-12-31", timeout=10).json()["rates"]
    del whole["2023-12-29"]
    assert found == {(day, code): rate for day, rates in whole.items() for code, rate in rates.items()}


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        pytest.param("2024-01-05", "2024-01-06", {"2024-01-05"}, id="one-day"),
        pytest.param("2024-01-05T00:00:00+00:00", "2024-01-06T00:00:00+00:00", {"2024-01-05"}, id="timestamps"),
        pytest.param("2024-01-06", "2024-01-08", set(), id="weekend"),
        pytest.param("2024-01-07", "2024-01-09", {"2024-01-08"}, id="sunday-and-monday"),
        pytest.param("2024-01-05", "2024-01-05", set(), id="nothing-asked"),
        pytest.param("2998-01-01", "2998-02-01", set(), id="not-found"),
    ],
)
def test_history_has_the_days_from_start_until_before_end(base_url: str, start: str, end: str, days: set[str]) -> None:
    """A day without rates has no rows, although Frankfurter answers with another day's rates or with 404."""
    rows = [row for page in get_exchange_rate_history(start, end, base_url=base_url) for row in page]
    assert {row["date"] for row in rows} == days


def test_a_wrong_address_is_not_a_day_without_rates(sandbox_url: str) -> None:
    """A 404 that does not come from Frankfurter is an error."""
    with pytest.raises(requests.HTTPError, match="404"):
        list(get_exchange_rate_history("2024-01-01", "2024-01-03", base_url=f"{sandbox_url}/nothing"))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param("503", requests.HTTPError, id="503"),
        pytest.param("reset", requests.ConnectionError, id="reset"),
        pytest.param("html", requests.JSONDecodeError, id="html"),
        pytest.param("truncated", requests.JSONDecodeError, id="truncated"),
    ],
)
def test_a_fault_reaches_the_caller(
    base_url: str, arm_fault: Callable[..., None], fault: str, error: type[Exception]
) -> None:
    """An error in the second window is raised after the rows of the first window."""
    arm_fault("/frankfurter", fault, after=1)
    windows = get_exchange_rate_history("2024-01-01", "2024-06-01", base_url=base_url)
    assert next(windows)
    with pytest.raises(error):
        next(windows)


@pytest.mark.usefixtures("sandbox_settings")
def test_settings_come_from_the_section_of_the_folder() -> None:
    """The base URL is taken from SOURCES__EXCHANGE_RATE__BASE_URL."""
    rows = list(dlt.resource(get_exchange_rates, name="exchange_rate", section="exchange_rate")("GBP"))
    assert {row["base"] for row in rows} == {"GBP"}
    assert date.fromisoformat(rows[0]["date"])
