"""Exchange rates from Frankfurter: the latest, and every day of a range."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import dlt
import requests

from . import MOST_DAYS, NO_RATES_BODY, NO_RATES_STATUS, TIMEOUT

Rows = list[dict[str, Any]]


def get_exchange_rates(base: str = "EUR", base_url: str = dlt.config.value) -> Iterator[Rows]:
    """Latest reference rate of every currency.

    Args:
        base: the currency whose one unit is priced.
        base_url: Frankfurter's address, version included.

    Yields:
        One list of rows: date, base, currency, rate (units of `currency` for one `base`).
    """
    with requests.Session() as session:
        response = session.get(f"{base_url}/latest", params={"base": base}, timeout=TIMEOUT)
        response.raise_for_status()
        latest = response.json()
    yield _to_rows(latest["date"], base, latest["rates"])


def get_exchange_rate_history(
    start: str, end: str, base: str = "EUR", base_url: str = dlt.config.value
) -> Iterator[Rows]:
    """Reference rate of every currency on every working day.

    Args:
        start: first day, as a date or a timestamp in ISO 8601.
        end: the day after the last.
        base: the currency whose one unit is priced.
        base_url: Frankfurter's address, version included.

    Yields:
        One list of rows for at most 90 days: date, base, currency, rate. Days without rates (weekends, holidays,
        the future) have no rows.
    """
    first, after = (date.fromisoformat(day[:10]) for day in (start, end))
    with requests.Session() as session:
        while first < after:
            stop = min(first + timedelta(days=MOST_DAYS), after)
            last = stop - timedelta(days=1)
            response = session.get(f"{base_url}/{first}..{last}", params={"base": base}, timeout=TIMEOUT)
            yield [
                row
                for day, rates in _read_days(response).items()
                # A range that begins on a day without rates is answered from the working day before it.
                if first <= date.fromisoformat(day) < stop
                for row in _to_rows(day, base, rates)
            ]
            first = stop


def _read_days(response: requests.Response) -> dict[str, dict[str, float]]:
    if response.status_code == NO_RATES_STATUS and response.text.strip() == NO_RATES_BODY:
        return {}
    response.raise_for_status()
    days: dict[str, dict[str, float]] = response.json()["rates"]
    return days


def _to_rows(day: str, base: str, rates: dict[str, float]) -> Rows:
    # Large rates come as whole numbers: one column, one type.
    return [{"date": day, "base": base, "currency": code, "rate": float(rate)} for code, rate in rates.items()]
