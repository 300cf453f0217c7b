"""Tests of the source facebook_ads, on the sandbox's Marketing API."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

import sandbox
from data_foundation import Refusal
from sandbox.environment import TOKENS
from sandbox.models.facebook_insights import FIRST_DAY
from tests.support.facebook_ads import AFTER, FIRST, Vendor, open_vendor, spell

NODES = ("act_1001", "act_1002", "act_1003")


@pytest.mark.parametrize(
    ("kind", "count"), [("accounts", 1), ("campaigns", 3), ("ad_sets", 6), ("ads", 12), ("ad_creatives", 12)]
)
def test_every_object_is_read_once(vendor: Vendor, kind: str, count: int) -> None:
    """All pages of all accounts are read, including archived objects."""
    rows = vendor.objects(kind, page_size=5)
    assert len({row["id"] for row in rows}) == len(rows) == 2 * count
    if kind == "campaigns":
        assert {row["effective_status"] for row in rows} == {"ACTIVE", "PAUSED", "ARCHIVED"}


@pytest.mark.parametrize(
    ("accounts", "found"),
    [
        pytest.param(None, list(NODES), id="all-of-the-token"),
        pytest.param(["act_1003"], ["act_1003"], id="with-prefix"),
        pytest.param(["1002", 1001, "act_1002"], ["act_1002", "act_1001"], id="number-twice"),
    ],
)
def test_accounts_are_those_of_the_settings(vendor: Vendor, accounts: list[str] | None, found: list[str]) -> None:
    """Without a list of accounts, every account that the token can read is read."""
    assert [row["id"] for row in vendor.objects("accounts", accounts=accounts)] == found


def test_the_token_is_never_part_of_a_url(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    """The token is sent in a header, even if the vendor's URL of the next page contains it."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "urllib3")  # a client of Kubernetes in the same process sets another
    vendor.objects("ads", page_size=2)
    assert "after=" in caplog.text
    assert TOKENS["facebook_ads"] not in caplog.text


def test_insights_are_by_day_ad_and_breakdown(vendor: Vendor) -> None:
    """Every row has a day, an ad and breakdown values, which no two rows share; amounts are decimals."""
    rows = vendor.insights(breakdowns=["publisher_platform", "impression_device"])
    keys = Counter((row["date_start"], row["ad_id"], row["breakdown_key"]) for row in rows)
    assert max(keys.values()) == 1
    assert {row["breakdown_key"] for row in rows} == {
        f"{platform}|{device}"
        for platform in ("facebook", "instagram")
        for device in ("desktop", "iphone", "android_smartphone")
    }
    assert {row["date_start"] for row in rows} == {str(FIRST_DAY + timedelta(days=age)) for age in range(10)}
    assert all(isinstance(row["spend"], Decimal) for row in rows)
    assert {row["read_until"] for row in rows} == {"2026-09-10"}


def test_actions_have_a_value_for_each_attribution_window(vendor: Vendor) -> None:
    """Actions have Meta's default value and one for each attribution window."""
    rows = vendor.insights(attribution_windows=["7d_click"])
    assert set().union(*(action for row in rows for action in row["actions"])) == {"action_type", "value", "7d_click"}


def test_a_day_without_rows_yields_a_row_that_deletes_it(vendor: Vendor) -> None:
    """A day without rows yields a row with `is_gone`, so that the load deletes the table's rows of that day."""
    rows = vendor.insights("2026-08-30", "2026-09-02")
    assert [(row["account_id"], row["date_start"]) for row in rows if row.get("is_gone")] == [
        (account, day) for account in ("1001", "1002") for day in ("2026-08-30", "2026-08-31")
    ]


def test_a_long_range_is_read_in_windows_that_are_logged(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    """A long range is read in windows; the log shows the number and the range of each."""
    caplog.set_level(logging.INFO, "dlthub")
    vendor.insights("2026-09-01", "2026-09-11", window_days=4, accounts=["1001"])
    windows = [message for message in caplog.messages if "window" in message]
    assert windows == [
        "act_1001: window 1 of 3: 2026-09-01 to 2026-09-04",
        "act_1001: window 2 of 3: 2026-09-05 to 2026-09-08",
        "act_1001: window 3 of 3: 2026-09-09 to 2026-09-10",
    ]


def test_pauses_between_status_requests_of_a_report_double(vendor: Vendor) -> None:
    """The pause between two status requests doubles."""
    vendor.insights("2026-09-01", "2026-09-02", accounts=["1001"], poll_seconds=2.0)
    assert vendor.clock.slept == [2, 4, 8, 16]


def test_a_report_that_failed_is_created_again(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    """A report that fails twice is created a third time; no row is missing."""
    expected = spell(vendor.insights())
    with vendor.arm("60*", "failed", times=2):
        assert spell(vendor.insights()) == expected
    assert "Job Failed at 37 %; begun anew" in caplog.text


def test_a_report_that_is_stuck_is_created_again(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    """A report without progress for half an hour is abandoned and created again."""
    expected = spell(vendor.insights(accounts=["1001"]))
    with vendor.arm("60*", "stuck", times=70):
        assert spell(vendor.insights(accounts=["1001"])) == expected
    assert "stuck at 37 % (Job Running); begun anew" in caplog.text
    assert 1800 < sum(vendor.clock.slept) < 4000


def test_a_window_that_is_too_large_is_halved(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    """A window with too many rows is halved until its reports are accepted."""
    caplog.set_level(logging.INFO, "dlthub")
    rows = vendor.insights("2026-10-24", "2026-10-28", accounts=["9006000"], page_size=5000)
    assert len(rows) == 4 * 6_000
    assert "report of 2026-10-24 to 2026-10-27: code 100, subcode 1487534" in caplog.text
    assert "window 2 of 2: 2026-10-26 to 2026-10-27" in caplog.messages[-2]


@pytest.mark.parametrize("fault", ["failed", "stuck"])
def test_a_single_day_without_a_report_is_an_error(vendor: Vendor, fault: str) -> None:
    """If the report of a single day fails or is stuck, the error explains what to change."""
    advice = "2026-09-01 alone is too much for a report: .* at 37 %.*; ask for fewer breakdowns or windows"
    with vendor.arm("60*", fault), pytest.raises(Refusal, match=advice):
        vendor.insights("2026-09-01", "2026-09-03", accounts=["1001"])


def test_a_window_that_fails_yields_no_rows(vendor: Vendor) -> None:
    """A window whose last page fails yields no rows, because half a day would replace a whole one."""
    with vendor.arm("60*/insights", "permission", after=2, times=1):
        rows = vendor.insights(accounts=["1001", "1002"], window_days=10, page_size=50)
    assert {row["account_id"] for row in rows} == {"1002"}
    assert vendor.metrics["failed_parts"].keys() == {"act_1001"}


def test_leads_have_personal_answers_in_columns(vendor: Vendor) -> None:
    """Answers with personal data have columns of their own; all other answers are in the column `answers`."""
    leads = vendor.leads()
    assert len(leads) == len({lead["id"] for lead in leads}) == 2 * 4 * 30
    lead = next(lead for lead in leads if lead["full_name"] == "Kenji Fischer")
    assert (lead["email"], lead["phone_number"]) == ("kenji_fischer@example.com", "+31200001034")
    assert lead["answers"].keys() == {"how_many_tables?"}
    assert "field_data" not in lead


def test_leads_of_forms_take_fewer_calls(vendor: Vendor) -> None:
    """Reading by form gives the same leads, with one call for each page instead of one for each ad."""
    by_ad = spell(vendor.leads(accounts=["1001"]))
    calls = len(vendor.session.statuses)
    assert spell(vendor.leads(forms=["100160"], page_size=200)) == by_ad
    assert len(vendor.session.statuses) - calls == 2 < calls


def test_only_leads_of_the_range_are_read(vendor: Vendor) -> None:
    """A run reads the leads since its start, and one day more because the account's time zone may be ahead."""
    leads = vendor.leads("2026-10-29")
    assert {lead["created_time"][:10] for lead in leads} <= {"2026-10-28", "2026-10-29", "2026-10-30", "2026-10-31"}
    assert leads


def test_an_account_that_fails_does_not_stop_the_others(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    """The rows of the other accounts are loaded, and the failed account is reported with the reason."""
    expected = spell(vendor.insights(accounts=["1001", "1003"]))
    with vendor.arm("act_1002", "permission"):
        assert spell(vendor.insights(accounts=["1001", "1002", "1003"])) == expected
    assert list(vendor.metrics["failed_parts"]) == ["act_1002"]
    assert "code 200: (#200) Ad account owner" in vendor.metrics["failed_parts"]["act_1002"]
    assert "act_1002 failed after 1 calls" in caplog.text


def test_a_load_fails_if_every_account_fails(vendor: Vendor) -> None:
    """If every account fails, the load fails, and none is reported as a failed part."""
    with vendor.arm("act_*", "permission"), pytest.raises(Refusal, match="give the token's user access"):
        vendor.objects("campaigns")
    assert "failed_parts" not in vendor.metrics


def test_a_token_that_expires_names_the_setting(vendor: Vendor) -> None:
    """The rows that were read before are kept; the other accounts are failed parts, with the setting to change."""
    with vendor.arm("act_", "expired", after=2):
        rows = vendor.objects("campaigns")
    assert {row["account_id"] for row in rows} == {"1001"}
    assert vendor.metrics["failed_parts"] == {
        "act_1002": "code 190, subcode 463: Error validating access token: Session has expired. (fbtrace_id "
        "AbCdEfGhIjKlMnOpQrStUvW); make a new token (that of a system user does not expire) and set "
        "sources.facebook_ads.access_token"
    }


def test_a_deprecated_version_gives_a_warning(vendor: Vendor) -> None:
    """A deprecated version gives one warning for all accounts; the current version gives none."""
    vendor.objects("campaigns", version="v25.0")
    (warning,) = vendor.metrics["warnings"]
    assert "v26.0" in warning
    assert "Set sources.facebook_ads.version" in warning
    vendor.objects("campaigns")
    assert vendor.metrics["warnings"] == []


def test_a_retired_version_names_the_setting(vendor: Vendor) -> None:
    """The error has Meta's refusal and the setting to change."""
    with pytest.raises(Refusal, match=r"code 2635: .*; set sources\.facebook_ads\.version"):
        vendor.objects("campaigns", version="v20.0")


@pytest.fixture(scope="module")
def limited_url() -> Iterator[str]:
    """A sandbox that allows each account sixty calls an hour, as Meta's development access does."""
    with sandbox.serve_in_background({"SANDBOX_ACCOUNT_LIMIT": "60"}) as url:
        yield url


def test_a_limit_is_never_exceeded(limited_url: str) -> None:
    """In more than two simulated hours of calls by all resources at once, the vendor refuses none."""
    with open_vendor(limited_url) as vendor, ThreadPoolExecutor(4) as threads:

        def work(read: Callable[[], Any]) -> None:
            while vendor.clock.now() < 2.5 * 3600:
                read()

        readings = [
            lambda: vendor.objects("campaigns", accounts=["1001"], page_size=1),
            lambda: vendor.objects("ads", accounts=["1001"], page_size=4),
            lambda: vendor.leads("2026-10-20", accounts=["1001"]),
            lambda: vendor.insights(FIRST, AFTER, accounts=["1001"]),
        ]
        assert list(threads.map(work, readings)) == [None] * 4
        assert set(vendor.session.statuses) == {200}
        assert len(vendor.session.statuses) > 100
