"""Tests of the history of google_ads: loads day by day, failures and days that Google removes."""

import logging
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from data_foundation.errors import LoadError
from data_foundation.loading.task import LoadOptions
from dlthub.google_ads.history import Span
from tests.sources.google_ads import (
    CLOSED,
    FIRST,
    GROUP,
    JP,
    LARGE,
    LAST,
    NL,
    PARTNERS,
    READABLE,
    UK,
    US,
    Ads,
    since,
    whole,
)

Arm = Callable[..., None]


@pytest.fixture
def ads(sandbox_url: str, tmp_path: Path) -> Ads:
    """The source, reading from the sandbox, with a DuckDB of its own."""
    return Ads(sandbox_url, tmp_path)


def test_a_day_whose_rows_are_all_removed_is_deleted(ads: Ads) -> None:
    """If Google removes the only row of a day, the load deletes the day from the table and leaves no marker row."""
    settings = {"customer_ids": JP, "login_customer_id": GROUP}
    early, late, days = date(2026, 10, 10), date(2026, 10, 20), "SELECT date FROM raw.google_ads_campaign_metrics"
    ads.load("campaign_metrics", str(early), since(FIRST, early), **settings)
    before = {day for (day,) in ads.query(days)}
    ads.load("campaign_metrics", str(late), since(FIRST, late), **settings)
    assert before - {day for (day,) in ads.query(days)}
    assert ads.query(f"{days} WHERE is_gone IS NOT NULL") == []


def test_an_account_that_failed_for_long_leaves_no_gap(ads: Ads, arm_fault: Arm) -> None:
    """An account that fails for longer than `reload_days` is read from the first day that failed."""
    short = {"reload_days": 2}
    ads.load("campaign_metrics", str(FIRST), since(FIRST, FIRST, **short))
    for days in (5, 10, 15):
        day = FIRST + timedelta(days=days)
        arm_fault(f"/google_ads/on/{day}/v25/customers/{US}/", "denied")
        result = ads.load("campaign_metrics", str(day), since(FIRST, day, **short))
        assert list(result.failed_parts) == [US]
    last = day + timedelta(days=1)
    assert ads.load("campaign_metrics", str(last), since(FIRST, last, **short)).failed_parts == {}
    days_of = f"SELECT DISTINCT date FROM raw.google_ads_campaign_metrics WHERE customer_id = '{US}'"
    found = {at for (at,) in ads.query(days_of)}
    assert found == {row[0] for row in whole(ads, "campaign_metrics", last) if row[1] == US}
    assert len(found) > 14


def test_a_new_account_is_read_from_the_first_day(ads: Ads) -> None:
    """An account that is added to customer_ids gets its whole history; the others continue after their last day."""
    ads.load("campaign_metrics", str(LAST), since(FIRST, LAST), customer_ids=NL, login_customer_id=GROUP)
    ads.load("campaign_metrics", str(LAST), since(FIRST, LAST), customer_ids=GROUP)
    firsts = dict(ads.query("SELECT customer_id, min(date) FROM raw.google_ads_campaign_metrics GROUP BY 1"))
    assert sorted(firsts) == READABLE
    assert max(firsts.values()) <= FIRST + timedelta(days=2)


def test_a_sample_and_a_range_do_not_move_the_cursor(ads: Ads) -> None:
    """A range or a sample reads the requested days only; the next run continues as if neither had happened."""
    ads.load("campaign_metrics", str(LAST), since(FIRST, LAST, reload_days=3))
    long_ago = LoadOptions(start="2026-09-22", end="2026-09-24")
    assert ads.load("campaign_metrics", str(LAST), long_ago).rows == len(
        ads.query("FROM raw.google_ads_campaign_metrics WHERE date IN ('2026-09-22', '2026-09-23')")
    )
    assert ads.load("campaign_metrics", str(LAST), LoadOptions(limit=3)).rows == 3
    later = LAST + timedelta(days=2)
    assert ads.load("campaign_metrics", str(later), since(FIRST, later, reload_days=3)).rows < 100
    dates = ads.query("SELECT min(date) FROM raw.google_ads_campaign_metrics WHERE _dlt_load_id = (SELECT "
                      "max(_dlt_load_id) FROM raw.google_ads_campaign_metrics)")  # fmt: skip
    assert dates == [(LAST - timedelta(days=4),)]


TODAY = date(2026, 10, 31)
STANDS = date(2026, 10, 30)
SPANS = [
    pytest.param("2025-01-01", "2026-11-01", "", None, "2025-01-01", id="first-run"),
    pytest.param("2025-01-01", "2026-11-01", "", STANDS, "2026-09-30", id="next-run"),
    pytest.param("2025-01-01", "2026-11-01", "", date(2025, 1, 10), "2025-01-01", id="next-run-at-the-beginning"),
    pytest.param("2026-10-30", "2026-10-31", "range", STANDS, "2026-09-30", id="newest-partition"),
    pytest.param("2026-10-30", "2026-10-31", "range", None, "2026-09-30", id="newest-partition-of-a-new-account"),
    pytest.param("2026-10-30", "2026-10-31", "range", date(2026, 8, 1), "2026-08-01", id="newest-after-failures"),
    pytest.param("2026-03-01", "2026-04-01", "range", STANDS, "2026-03-01", id="old-partitions"),
    pytest.param(
        "2026-03-01", "2026-04-01", "range", date(2026, 2, 1), "2026-03-01", id="old-partitions-before-it-stands"
    ),
    pytest.param("2025-01-01", "2026-11-01", "range", STANDS, "2024-12-02", id="all-partitions"),
    pytest.param("2025-01-01", "2026-11-01", "sample", STANDS, "2025-01-01", id="sample"),
]


@pytest.mark.parametrize(("start", "end", "requested", "stands", "begin"), SPANS)
def test_the_first_day_that_is_read(start: str, end: str, requested: str, stands: date | None, begin: str) -> None:
    """A run begins thirty days before the account's last day, at the start of a requested range, or at a failed day."""
    span = Span(date.fromisoformat(start), date.fromisoformat(end), requested, TODAY, 30, 92)
    assert str(span.begin(stands)) == begin


def test_years_are_read_in_windows_that_are_logged(
    ads: Ads, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request is for a quarter at most, the log shows its number, and no day is requested twice."""
    caplog.set_level(logging.INFO, "dlthub.google_ads")
    monkeypatch.setattr("dlthub.google_ads.history.TELL_EVERY", 0.0)
    span = Span(date(2024, 1, 1), date(2026, 11, 1), "", TODAY, 30, 92)
    windows = list(span.windows(date(2024, 1, 1)))
    assert len(windows) == 12
    assert windows[0][0] == date(2024, 1, 1)
    assert windows[-1][1] == TODAY + timedelta(days=1)
    assert all(stop == first for (_, stop), (first, _) in pairwise(windows))
    ads.read("campaign_metrics", {"window_days": 3})
    assert f"account {NL}, window 3 of 3: 2026-10-07 to 2026-10-07" in caplog.text
    assert "campaign_metrics: 13 requests to Google Ads for 7 accounts" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": None}, "'{{ partition.start }}'"),
        ({"reload_days": 91}, "reload_days: got 91; accepted: 0 to 90"),
        ({"reload_days": -1}, "reload_days: got -1; accepted: 0 to 90"),
        ({"window_days": 0}, "window_days: got 0; accepted: 1 or more"),
    ],
    ids=["no-start", "reload-too-long", "reload-negative", "no-window"],
)
def test_settings_of_days_that_are_invalid_are_refused(ads: Ads, arguments: dict[str, Any], message: str) -> None:
    """Wrong values are refused before anything is read, with the accepted values."""
    reading = ads.read("campaign_metrics", arguments)
    assert message in str(reading.error)
    assert reading.rows == []


def test_changes_are_loaded_once_and_lost_days_are_reported(ads: Ads) -> None:
    """Each change is loaded once; after more than thirty days, a warning names the days that are lost."""
    for day in ("2026-10-05", "2026-10-06", "2026-10-20"):
        assert ads.load("changes", day).warnings == ()
    names = [name for (name,) in ads.query("SELECT resource_name FROM raw.google_ads_changes ORDER BY 1")]
    assert len(names) == len(set(names)) > 50
    late = ads.load("changes", "2026-11-25")
    assert len(late.warnings) == len(READABLE)
    assert (
        late.warnings[0]
        == f"account {NL}: changes from 2026-10-19 to 2026-10-26 are lost: Google returns only the last 30 days"
    )


def test_more_changes_than_fit_into_an_answer_are_read(ads: Ads, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading continues at the time of the last change; too many changes at one time are an error."""
    known = ads.read("changes").rows
    monkeypatch.setattr("dlthub.google_ads.changes.Changes.__init__.__defaults__", (4,))
    assert ads.read("changes").rows == known
    monkeypatch.setattr("dlthub.google_ads.changes.Changes.__init__.__defaults__", (1,))
    assert "changes at 2026-10-" in str(ads.read("changes").error)


def test_entities_are_a_mirror_of_each_account(ads: Ads, arm_fault: Arm) -> None:
    """Rows that Google no longer has are deleted with the next load; an account that fails keeps its rows."""
    ads.load("ads")
    ads.query("UPDATE raw.google_ads_ads SET ad_id = ad_id || '-old'")
    arm_fault(f"/google_ads/v25/customers/{US}/", "denied")
    result = ads.load("ads")
    assert list(result.failed_parts) == [US]
    old = ads.query("SELECT DISTINCT customer_id FROM raw.google_ads_ads WHERE ad_id LIKE '%-old'")
    assert old == [(US,)]
    assert result.row_count == 34


def test_an_exhausted_daily_quota_fails_the_load_at_once(ads: Ads, arm_fault: Arm) -> None:
    """The load does not wait for eleven hours and does not retry; the error has the required wait."""
    arm_fault("/google_ads/v25/", "quota_of_the_day")
    with pytest.raises(LoadError, match="requires a wait of 40,591 s"):
        ads.load("campaigns")
    assert ads.clock.slept == []


def test_accounts_of_several_managers_land_in_one_table(ads: Ads) -> None:
    """Each account is read once, with its manager; an account without permission is listed but not read."""
    ads.load("customers", customer_ids=f"{GROUP},{PARTNERS},{LARGE}")
    found = dict(ads.query("SELECT customer_id, manager_id FROM raw.google_ads_customers"))
    assert len(found) == 11
    assert (found[UK], found[CLOSED], found[LARGE]) == (PARTNERS, PARTNERS, LARGE)
