"""Tests of the marts of both ad platforms: spend in one currency, by campaign."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.dbt_builds import Build, run_dbt

# A build takes time: the tests that need one share a worker.
pytestmark = pytest.mark.xdist_group("loaded_warehouse")

MODELS = ["fct_exchange_rate_daily", "conversion_rates", "fct_ad_spend_daily", "dim_campaign"]
RATES = """
CREATE SCHEMA staging;
CREATE TABLE staging.stg_exchange_rate__history (rate_date DATE, base_currency TEXT, currency TEXT, rate DOUBLE);
INSERT INTO staging.stg_exchange_rate__history VALUES
    ('2026-01-02', 'EUR', 'USD', 1.25), ('2026-01-05', 'EUR', 'USD', 1.6),
    ('2026-01-02', 'EUR', 'GBP', 0.8), ('2026-01-05', 'EUR', 'GBP', 0.5);
CREATE TABLE staging.stg_exchange_rate__latest AS
    FROM staging.stg_exchange_rate__history WHERE rate_date = '2026-01-05';
"""
SPEND = """
CREATE TABLE staging.stg_facebook_ads__insights (spend_date DATE, account_id TEXT, campaign_id TEXT, campaign_name TEXT,
    currency TEXT, spend DECIMAL(20, 6), impressions BIGINT, clicks BIGINT, conversions DOUBLE);
CREATE TABLE staging.stg_google_ads__campaign_metrics AS
    SELECT * EXCLUDE (campaign_name) FROM staging.stg_facebook_ads__insights;
INSERT INTO staging.stg_facebook_ads__insights VALUES
    ('2026-01-03', 'a', '1', 'One', 'EUR', 60, 10, 2, 0.5), ('2026-01-03', 'a', '1', 'One', 'EUR', 40, 5, 1, 1),
    ('2026-01-06', 'a', '1', 'One', 'EUR', 10, 1, 0, 0),
    ('2026-01-11', 'b', '3', 'Winter', 'GBP', 5, 1, 0, 0), ('2026-01-12', 'b', '3', 'Spring', 'GBP', 5, 1, 0, 0);
INSERT INTO staging.stg_google_ads__campaign_metrics VALUES
    ('2026-01-04', 'g', '1', 'GBP', 8, 4, 3, 2), ('2020-01-01', 'h', '2', 'USD', 5, 1, 1, 1),
    ('2026-01-05', 'i', '4', 'ISK', 900, 1, 1, 0), ('2026-01-06', 'i', '4', 'ISK', 0, 1, 0, 0);
"""
CAMPAIGNS = """
CREATE TABLE staging.stg_facebook_ads__campaigns (campaign_id TEXT, campaign_name TEXT, account_id TEXT,
    account_name TEXT, status TEXT, channel TEXT, started_on DATE);
CREATE TABLE staging.stg_google_ads__campaigns AS FROM staging.stg_facebook_ads__campaigns;
INSERT INTO staging.stg_facebook_ads__campaigns VALUES
    ('1', 'Now one', 'a', 'Shop', 'active', 'outcome_sales', '2025-12-01');
INSERT INTO staging.stg_google_ads__campaigns VALUES
    ('1', 'Search', 'g', 'Office', 'enabled', 'search', '2026-01-01'),
    ('2', 'Old', 'h', 'States', 'removed', 'video', '2019-01-01'),
    ('5', 'Planned', 'g', 'Office', 'paused', 'display', '2027-01-01');
"""


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The output of dbt, and the warehouse with the marts that it built from rows in dollars that the test wrote."""
    folder = tmp_path_factory.mktemp("by_hand")
    path = folder / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(RATES + SPEND + CAMPAIGNS)
    # Cautious selection: tests that read tables of raw which do not exist here are left out.
    options = ["--indirect-selection", "cautious", "--vars", "{reporting_currency: USD}"]
    return run_dbt(["build", "--select", *MODELS, *options], folder, DBT_DUCKDB_PATH=str(path)), path


@contextmanager
def reading(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yields a read-only connection."""
    with duckdb.connect(str(path), read_only=True) as connection:
        yield connection


def test_spend_is_converted_with_the_rate_of_its_day(by_hand: tuple[str, Path]) -> None:
    """Weekends have Friday's rate, gaps up to six days the last one; unconverted rows are kept."""
    with reading(by_hand[1]) as connection:
        found = connection.execute(
            "SELECT campaign_key, spend_date, spend, reporting_spend, rate_published_on"
            " FROM marts.fct_ad_spend_daily ORDER BY ALL"
        ).fetchall()
        currencies = connection.execute("SELECT DISTINCT reporting_currency FROM marts.fct_ad_spend_daily").fetchall()
    friday, monday = date(2026, 1, 2), date(2026, 1, 5)
    expected: list[tuple[str, date, int, str | None, date | None]] = [
        ("facebook_ads:1", date(2026, 1, 3), 100, "125", friday),
        ("facebook_ads:1", date(2026, 1, 6), 10, "16", monday),
        ("facebook_ads:3", date(2026, 1, 11), 5, "16", monday),
        ("facebook_ads:3", date(2026, 1, 12), 5, None, None),
        ("google_ads:1", date(2026, 1, 4), 8, "12.5", friday),
        ("google_ads:2", date(2020, 1, 1), 5, "5", None),
        ("google_ads:4", date(2026, 1, 5), 900, None, None),
        ("google_ads:4", date(2026, 1, 6), 0, None, None),
    ]
    assert found == [(*row[:3], row[3] and Decimal(row[3]), row[4]) for row in expected]
    assert currencies == [("USD",)]


def test_ads_of_a_campaign_are_added_up(by_hand: tuple[str, Path]) -> None:
    """Two ads of one campaign and day become one row."""
    with reading(by_hand[1]) as connection:
        found = connection.execute(
            "SELECT spend, impressions, clicks, conversions FROM marts.fct_ad_spend_daily"
            " WHERE campaign_key = 'facebook_ads:1' AND spend_date = '2026-01-03'"
        ).fetchall()
    assert found == [(100, 15, 3, 1.5)]


def test_spend_without_a_rate_is_a_warning(by_hand: tuple[str, Path]) -> None:
    """One test warns of two currencies without a rate on some day; all other tests pass."""
    output = by_hand[0]
    assert "every_spend_is_converted" in output
    assert "Got 2 results, configured to warn if != 0" in output
    assert "WARN=1 ERROR=0 SKIP=0" in output


def test_a_campaign_that_is_no_longer_listed_is_kept(by_hand: tuple[str, Path]) -> None:
    """A campaign has a row if it is listed or had costs, with its last known name."""
    with reading(by_hand[1]) as connection:
        found = connection.execute(
            "SELECT campaign_key, campaign_name, account_id, status, first_spend_on, last_spend_on, is_listed"
            " FROM marts.dim_campaign ORDER BY campaign_key"
        ).fetchall()
    assert found == [
        ("facebook_ads:1", "Now one", "a", "active", date(2026, 1, 3), date(2026, 1, 6), True),
        ("facebook_ads:3", "Spring", "b", None, date(2026, 1, 11), date(2026, 1, 12), False),
        ("google_ads:1", "Search", "g", "enabled", date(2026, 1, 4), date(2026, 1, 4), True),
        ("google_ads:2", "Old", "h", "removed", date(2020, 1, 1), date(2020, 1, 1), True),
        ("google_ads:4", None, "i", None, date(2026, 1, 5), date(2026, 1, 5), False),
        ("google_ads:5", "Planned", "g", "paused", None, None, True),
    ]


def test_the_spend_of_the_sandbox_equals_a_second_computation(built: Build) -> None:
    """The mart has the spend of raw for every campaign and day, in euro at the last rate published by that day."""
    published: dict[str, list[tuple[date, float]]] = defaultdict(list)
    for row in built.records("raw.exchange_rate_history"):
        published[row["currency"]].append((row["date"], row["rate"]))
    rates = {currency: sorted(found) for currency, found in published.items()}

    def in_euro(currency: str, day: date, spend: Decimal) -> float:
        if currency == "EUR":
            return float(spend)
        known = rates[currency]
        return float(spend) / known[bisect_right(known, (day, float("inf"))) - 1][1]

    expected: dict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    for row in built.records("raw.facebook_ads_insights"):
        expected["facebook_ads", row["campaign_id"], row["date_start"], row["account_currency"]] += row["spend"]
    for row in built.records("raw.google_ads_campaign_metrics"):
        spend = Decimal(row["cost_micros"]) / 1_000_000
        expected["google_ads", row["campaign_id"], row["date"], row["currency_code"]] += spend
    found = {
        (row["platform"], row["campaign_id"], row["spend_date"], row["currency"]): (
            row["spend"],
            row["reporting_spend"],
        )
        for row in built.records("marts.fct_ad_spend_daily")
    }
    assert {key[3] for key in expected} >= {"EUR", "USD", "GBP", "JPY"}
    assert {key: spend for key, (spend, _) in found.items()} == expected
    for (*_, day, currency), (spend, converted) in found.items():
        assert float(converted) == pytest.approx(in_euro(currency, day, spend), abs=1e-6)
