"""Insights of the Marketing API: the results of an ad on a day, as reported on another day.

Delivery is counted for three days. Conversions are attributed to the day of the click for 28 days. Some results are
later removed: a row, or all rows of a day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from zlib import crc32

from sandbox.models.facebook_ads import BIG_ACCOUNT, Row, accounts, ad_sets, ads, campaigns
from sandbox.models.people import ANCHOR, DAYS

FIRST_DAY = ANCHOR.date() - timedelta(days=DAYS)
ATTRIBUTION_DAYS = 28
GONE_DAY = ("1003", FIRST_DAY + timedelta(days=20))
"""An account and a day whose rows are all removed after five days."""

BREAKDOWNS = {
    "publisher_platform": ("facebook", "instagram"),
    "impression_device": ("desktop", "iphone", "android_smartphone"),
}
WINDOWS = ("1d_view", "1d_click", "7d_click", "28d_click")
METRICS = ("impressions", "reach", "clicks", "spend", "actions", "action_values")
NAMES = ("account_id", "account_name", "account_currency", "campaign_id", "campaign_name", "adset_id", "adset_name")
FIELDS = (*NAMES, "ad_id", "ad_name", "objective", *METRICS)


@dataclass(frozen=True)
class Query:
    """The query of a report: days from `since` to `until`, inclusive, and breakdowns."""

    account: str
    since: date
    until: date
    breakdowns: tuple[str, ...] = ()
    windows: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The maximum number of rows."""
        parts = 1
        for name in self.breakdowns:
            parts *= len(BREAKDOWNS[name])
        return max((self.until - self.since).days + 1, 0) * count_ads(self.account) * parts


def count_ads(account: str) -> int:
    """Return an account's number of ads; a big account has it in its id."""
    return int(account[1:]) if account.startswith(BIG_ACCOUNT) else len(ads(account))


def find_rows(query: Query, today: date, start: int, count: int) -> list[Row]:
    """Return `count` of a report's rows from position `start`, as reported on a day."""
    if query.account.startswith(BIG_ACCOUNT):
        return [_big_row(query, position) for position in range(start, min(start + count, query.size))]
    return list(islice(_rows(query, today), start, start + count))


def _rows(query: Query, today: date) -> Iterator[Row]:
    day = max(query.since, FIRST_DAY)
    names = {row["id"]: row["name"] for row in (*campaigns(query.account), *ad_sets(query.account))}
    while day <= min(query.until, today):
        for ad in ads(query.account):
            names_of_ad = _names(query.account, ad, names)
            for values in _combinations(query.breakdowns):
                if metrics := _metrics(f"{ad['id']} {day} {values}", query, day, (today - day).days):
                    yield {**names_of_ad, **metrics, "date_start": str(day), "date_stop": str(day), **values}
        day += timedelta(days=1)


def _combinations(breakdowns: tuple[str, ...]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = [{}]
    for name in breakdowns:
        found = [{**values, name: value} for values in found for value in BREAKDOWNS[name]]
    return found


def _names(account: str, ad: Row, names: dict[str, str]) -> Row:
    known = accounts()[account]
    return {
        "account_id": account,
        "account_name": known["name"],
        "account_currency": known["currency"],
        "campaign_id": ad["campaign_id"],
        "campaign_name": names[ad["campaign_id"]],
        "adset_id": ad["adset_id"],
        "adset_name": names[ad["adset_id"]],
        "ad_id": ad["id"],
        "ad_name": ad["name"],
        "objective": ad["campaign"]["objective"],
    }


def _metrics(key: str, query: Query, day: date, age: int) -> Row | None:
    """Return the numbers that are reported at an age in days, or None if there is no row."""
    chance = crc32(key.encode())
    is_idle, is_taken_back = chance % 11 == 0, chance % 17 == 0 and age > chance % 9
    if is_idle or is_taken_back or ((query.account, day) == GONE_DAY and age >= 5):
        return None
    counted = (70, 96)[age] if age < 2 else 100
    impressions = (800 + chance % 4_000) * counted // 100
    clicks = impressions // (25 + chance % 40)
    conversions = clicks * min(age + 1, ATTRIBUTION_DAYS) // (6 * ATTRIBUTION_DAYS)
    kind = "lead" if chance % 2 else "purchase"
    return {
        "impressions": str(impressions),
        "reach": str(impressions * 4 // 5),
        "clicks": str(clicks),
        # Graph omits trailing zeros of amounts.
        "spend": f"{(Decimal(impressions * (3 + chance % 5) // 10) / 100).normalize():f}",
        **_actions({"link_click": clicks, kind: conversions}, query.windows),
    }


def _actions(counts: dict[str, int], windows: tuple[str, ...]) -> dict[str, list[Row]]:
    """Return actions in Graph's format: `value` for the default window, a key for each requested window, no zeros."""
    actions, values = [], []
    for kind, count in counts.items():
        if not count:
            continue
        shares = {"1d_view": count // 5, "1d_click": count // 2, "7d_click": count * 4 // 5, "28d_click": count}
        numbers = {"value": count, **{window: shares[window] for window in windows if shares[window]}}
        actions.append({"action_type": kind, **{name: str(number) for name, number in numbers.items()}})
        if kind == "purchase":
            values.append({"action_type": kind, **{name: f"{number * 20}.50" for name, number in numbers.items()}})
    return {name: rows for name, rows in (("actions", actions), ("action_values", values)) if rows}


def _big_row(query: Query, position: int) -> Row:
    day, ad = divmod(position, query.size // ((query.until - query.since).days + 1))
    at = str(query.since + timedelta(days=day))
    return {
        "account_id": query.account,
        "account_name": "Duckyards World",
        "account_currency": "EUR",
        "campaign_id": f"{query.account}20",
        "campaign_name": "Everything",
        "adset_id": f"{query.account}30",
        "adset_name": "Everywhere",
        "ad_id": f"{query.account}{ad:07}",
        "ad_name": f"Ad {ad}",
        "objective": "OUTCOME_SALES",
        "impressions": str(100 + position % 1_000),
        "reach": str(90 + position % 1_000),
        "clicks": str(position % 100),
        "spend": f"{position % 10_000 / 100:.2f}",
        "actions": [{"action_type": "purchase", "value": str(position % 7 + 1)}],
        "date_start": at,
        "date_stop": at,
        **{name: values[0] for name, values in BREAKDOWNS.items() if name in query.breakdowns},
    }
