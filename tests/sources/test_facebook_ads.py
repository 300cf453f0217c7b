"""Holds the source facebook_ads to the sandbox's Marketing API."""

import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

import sandbox
from data_foundation import Refusal
from data_foundation.landed import LoadResult
from sandbox.environment import TOKENS
from sandbox.models.facebook_insights import FIRST_DAY, GONE_DAY
from tests.facebook_ads import AFTER, FIRST, Vendor, open_vendor, spell
from tests.trees import Tree

ROOT = Path(__file__).parents[2]
NODES = ("act_1001", "act_1002", "act_1003")


@pytest.fixture
def vendor(sandbox_url: str) -> Iterator[Vendor]:
    """The sandbox's Marketing API, asked on a clock that nobody waits for."""
    with open_vendor(sandbox_url) as found:
        yield found


@pytest.mark.parametrize(
    ("kind", "count"), [("accounts", 1), ("campaigns", 3), ("ad_sets", 6), ("ads", 12), ("ad_creatives", 12)]
)
def test_every_object_comes_once(vendor: Vendor, kind: str, count: int) -> None:
    """All pages of all accounts are followed, the archive included."""
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
    """Without a list every account that the token may see is read."""
    assert [row["id"] for row in vendor.objects("accounts", accounts=accounts)] == found


def test_the_token_is_never_part_of_an_address(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    """It travels in a header, whatever address the vendor gives for the next page."""
    caplog.set_level(logging.DEBUG)
    vendor.objects("ads", page_size=2)
    assert "after=" in caplog.text
    assert TOKENS["facebook_ads"] not in caplog.text


def test_insights_are_by_day_ad_and_breakdown(vendor: Vendor) -> None:
    """Each row has a day, an ad and the values of its breakdowns, and no two have the same; money is exact."""
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


def test_actions_are_counted_by_the_windows_that_were_asked_for(vendor: Vendor) -> None:
    """Actions have Meta's own value and one for each window."""
    rows = vendor.insights(attribution_windows=["7d_click"])
    assert set().union(*(action for row in rows for action in row["actions"])) == {"action_type", "value", "7d_click"}


def test_a_day_without_rows_is_told(vendor: Vendor) -> None:
    """So that what the table has of it can go."""
    rows = vendor.insights("2026-08-30", "2026-09-02")
    assert [(row["account_id"], row["date_start"]) for row in rows if row.get("is_gone")] == [
        (account, day) for account in ("1001", "1002") for day in ("2026-08-30", "2026-08-31")
    ]


def test_windows_are_bounded_and_told(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    """A long range is asked for in windows, and the log says which one has come."""
    caplog.set_level(logging.INFO, "dlthub")
    vendor.insights("2026-09-01", "2026-09-11", window_days=4, accounts=["1001"])
    told = [message for message in caplog.messages if "window" in message]
    assert told == [
        "act_1001: window 1 of 3: 2026-09-01 to 2026-09-04",
        "act_1001: window 2 of 3: 2026-09-05 to 2026-09-08",
        "act_1001: window 3 of 3: 2026-09-09 to 2026-09-10",
    ]


def test_questions_whether_a_report_is_done_become_rarer(vendor: Vendor) -> None:
    """The pause between them doubles."""
    vendor.insights("2026-09-01", "2026-09-02", accounts=["1001"], poll_seconds=2.0)
    assert vendor.clock.slept == [2, 4, 8, 16]


def test_a_report_that_failed_is_begun_anew(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    """One that fails twice is asked for a third time, and the rows are all there."""
    expected = spell(vendor.insights())
    with vendor.arm("60*", "failed", times=2):
        assert spell(vendor.insights()) == expected
    assert "Job Failed at 37 %; begun anew" in caplog.text


def test_a_report_that_is_stuck_is_begun_anew(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    """Without progress for half an hour it is given up, and asked for again."""
    expected = spell(vendor.insights(accounts=["1001"]))
    with vendor.arm("60*", "stuck", times=70):
        assert spell(vendor.insights(accounts=["1001"])) == expected
    assert "stuck at 37 % (Job Running); begun anew" in caplog.text
    assert 1800 < sum(vendor.clock.slept) < 4000


def test_a_window_that_is_too_large_is_halved(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    """Until its parts are small enough."""
    caplog.set_level(logging.INFO, "dlthub")
    rows = vendor.insights("2026-10-24", "2026-10-28", accounts=["9006000"], page_size=5000)
    assert len(rows) == 4 * 6_000
    assert "report of 2026-10-24 to 2026-10-27: code 100, subcode 1487534" in caplog.text
    assert "window 2 of 2: 2026-10-26 to 2026-10-27" in caplog.messages[-2]


@pytest.mark.parametrize("fault", ["failed", "stuck"])
def test_a_day_that_cannot_be_halved_is_told(vendor: Vendor, fault: str) -> None:
    """A report of one day that never comes ends with what can be done about it."""
    advice = "2026-09-01 alone is too much for a report: .* at 37 %.*; ask for fewer breakdowns or windows"
    with vendor.arm("60*", fault), pytest.raises(Refusal, match=advice):
        vendor.insights("2026-09-01", "2026-09-03", accounts=["1001"])


def test_half_a_window_never_comes(vendor: Vendor) -> None:
    """What fails on its last page has given no row, as half a day would take the place of a whole one."""
    with vendor.arm("60*/insights", "permission", after=2, times=1):
        rows = vendor.insights(accounts=["1001", "1002"], window_days=10, page_size=50)
    assert {row["account_id"] for row in rows} == {"1002"}
    assert vendor.metrics["failed_parts"].keys() == {"act_1001"}


def test_leads_have_personal_answers_in_columns(vendor: Vendor) -> None:
    """What can be hashed or marked stands in a column of its own, everything else in one."""
    leads = vendor.leads()
    assert len(leads) == len({lead["id"] for lead in leads}) == 2 * 4 * 30
    lead = next(lead for lead in leads if lead["full_name"] == "Kenji Fischer")
    assert (lead["email"], lead["phone_number"]) == ("kenji_fischer@example.com", "+31200001034")
    assert lead["answers"].keys() == {"how_many_tables?"}
    assert "field_data" not in lead


def test_leads_of_forms_take_fewer_calls(vendor: Vendor) -> None:
    """The same leads come by form, with a call for a page in place of one for an ad."""
    by_ad = spell(vendor.leads(accounts=["1001"]))
    calls = len(vendor.session.statuses)
    assert spell(vendor.leads(forms=["100160"], page_size=200)) == by_ad
    assert len(vendor.session.statuses) - calls == 2 < calls


def test_only_leads_of_the_range_are_asked_for(vendor: Vendor) -> None:
    """Those of the last two days and, as the account's zone may be ahead, of the day before."""
    leads = vendor.leads("2026-10-29")
    assert {lead["created_time"][:10] for lead in leads} <= {"2026-10-28", "2026-10-29", "2026-10-30", "2026-10-31"}
    assert leads


def test_one_account_fails_alone(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    """The rows of the others come, and the part that failed is told with its reason."""
    expected = spell(vendor.insights(accounts=["1001", "1003"]))
    with vendor.arm("act_1002", "permission"):
        assert spell(vendor.insights(accounts=["1001", "1002", "1003"])) == expected
    assert list(vendor.metrics["failed_parts"]) == ["act_1002"]
    assert "code 200: (#200) Ad account owner" in vendor.metrics["failed_parts"]["act_1002"]
    assert "act_1002 failed after 1 calls" in caplog.text


def test_where_every_account_fails_the_load_does(vendor: Vendor) -> None:
    """Nothing is told as a part that failed alone."""
    with vendor.arm("act_*", "permission"), pytest.raises(Refusal, match="give the token's user access"):
        vendor.objects("campaigns")
    assert "failed_parts" not in vendor.metrics


def test_a_token_that_expires_says_what_to_do(vendor: Vendor) -> None:
    """What was read before is kept; the rest is named, with what to set."""
    with vendor.arm("act_", "expired", after=2):
        rows = vendor.objects("campaigns")
    assert {row["account_id"] for row in rows} == {"1001"}
    assert vendor.metrics["failed_parts"] == {
        "act_1002": "code 190, subcode 463: Error validating access token: Session has expired. (fbtrace_id "
        "AbCdEfGhIjKlMnOpQrStUvW); make a new token (that of a system user does not expire) and set "
        "sources.facebook_ads.access_token"
    }


def test_a_version_that_will_be_retired_is_warned_of(vendor: Vendor) -> None:
    """Once for all accounts, with the version that Meta answers as; today's says nothing."""
    vendor.objects("campaigns", version="v25.0")
    (warning,) = vendor.metrics["warnings"]
    assert "v26.0" in warning
    assert "Set sources.facebook_ads.version" in warning
    vendor.objects("campaigns")
    assert vendor.metrics["warnings"] == []


def test_a_version_that_is_retired_says_what_to_set(vendor: Vendor) -> None:
    """Meta's refusal comes with the setting."""
    with pytest.raises(Refusal, match=r"code 2635: .*; set sources\.facebook_ads\.version"):
        vendor.objects("campaigns", version="v20.0")


@pytest.fixture(scope="module")
def limited_url() -> Iterator[str]:
    """A sandbox that allows an account sixty calls an hour, which is what development access has."""
    with sandbox.serve_in_background({"SANDBOX_ACCOUNT_LIMIT": "60"}) as url:
        yield url


def test_a_limit_is_never_exceeded(limited_url: str) -> None:
    """For two simulated hours and more of calls by all resources at once, the vendor refuses none."""
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


FAULTS = {
    "429": 1, "500": 2, "503": 2, "reset": 2, "slow": 1, "truncated": 1, "html": 1, "unready": 2,
    "code_4": 1, "code_17": 1, "code_32": 1, "code_613": 1, "code_80000": 1, "code_80001": 1, "code_80002": 1,
    "code_80003": 1, "code_80004": 2,
    "expired": 99, "permission": 99, "retired": 99, "too_much": 1, "reduce": 1, "repeated": 99, "self_next": 99,
    "stuck": 1, "failed": 1, "skipped": 1,
}  # fmt: skip
"""Every fault of the sandbox, and how often it is met."""

SITES = {
    "accounts": "me/adaccounts",
    "account": "act_1001",
    "campaigns": "act_1001/campaigns",
    "lead_ads": "act_1001/ads",
    "leads": "10012003040/leads",
    "create": "act_1001/insights",
    # What begins so is a report, and what is below it its rows.
    "poll": "60*",
    "fetch": "60*/insights",
}
"""Every place of the source that calls, and what it asks."""

LISTS = {"accounts", "campaigns", "lead_ads", "leads", "fetch"}
EXPECTED = {
    **{("expired", site): "code 190.*access_token" for site in SITES},
    **{("permission", site): "code 200.*give the token" for site in SITES},
    **{("retired", site): r"code 2635.*facebook_ads\.version" for site in SITES},
    **{(fault, site): "goes in circles" for fault in ("repeated", "self_next") for site in {*LISTS, "poll"}},
    **{(fault, site): "without a list of data" for fault in ("stuck", "failed", "skipped") for site in LISTS},
    **{(fault, "create"): "gave no number" for fault in ("stuck", "failed", "skipped")},
    **{(fault, "account"): "answered about '6000'" for fault in ("stuck", "failed", "skipped")},
    **{(fault, site): "code 1" for fault in ("too_much", "reduce") for site in ("account", "poll")},
}
"""What is said where a fault cannot be got over; everywhere else the rows are those of an undisturbed reading."""


def read_at(vendor: Vendor, site: str) -> list[str]:
    """Reads by the entry that calls there; two accounts, of which the first meets the fault."""
    if site in {"accounts", "account"}:
        return spell(vendor.objects("accounts", accounts=None if site == "accounts" else ["1001", "1002"]))
    if site in {"lead_ads", "leads"}:
        return spell(vendor.leads("2026-10-20", page_size=3))
    if site == "campaigns":
        return spell(vendor.objects("campaigns", page_size=2))
    return spell(vendor.insights("2026-09-01", "2026-09-04", page_size=20))


WHOLE: dict[str, list[str]] = {}


def undisturbed_at(vendor: Vendor, site: str) -> list[str]:
    """What is read where nothing goes wrong, which is the same every time."""
    if site not in WHOLE:
        WHOLE[site] = read_at(vendor, site)
    return WHOLE[site]


def is_of(row: str, account: str) -> bool:
    """Tells whether a row is of an account."""
    found = json.loads(row)
    return str(found.get("account_id") or found["id"]).startswith(account)


def test_the_table_of_faults_is_the_sandboxes(vendor: Vendor) -> None:
    """Each fault that the sandbox has is met here."""
    shown = requests.get(f"{vendor.url}/_faults", timeout=10).json()
    assert FAULTS.keys() == shown["faults"].keys() | shown["vendors"]["/facebook_ads"].keys()


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_at_every_call(vendor: Vendor, fault: str, site: str) -> None:
    """The rows are the same, or the account that met it is named with the reason and the other one is whole."""
    undisturbed = undisturbed_at(vendor, site)
    reason, said = EXPECTED.get((fault, site)), ""
    with vendor.arm(SITES[site], fault, times=FAULTS[fault], seconds=0.05):
        try:
            rows = read_at(vendor, site)
        except Refusal as refusal:
            rows, said = [], str(refusal)
    failed = vendor.metrics.get("failed_parts", {})
    if reason:
        assert re.search(reason, said or failed["act_1001"])
        assert {*rows} <= {*undisturbed}
        assert said or {*undisturbed} - {*rows} <= {row for row in undisturbed if is_of(row, "1001")}
    else:
        assert (said, failed) == ("", {})
        assert rows == undisturbed


def query(tree: Tree, where: str = "true") -> list[Any]:
    """Rows of the table without what tells loads apart, each with the actions below it."""
    actions = "SELECT list(action_type || value ORDER BY _dlt_list_idx) FROM raw.facebook_ads_insights__actions a"
    return tree.query(
        f"SELECT * EXCLUDE (read_until, _dlt_id, _dlt_load_id), ({actions} WHERE a._dlt_parent_id = i._dlt_id) "
        f"FROM raw.facebook_ads_insights i WHERE {where} ORDER BY date_start, ad_id, breakdown_key"
    )


def ship(root: Path) -> Tree:
    """A checkout that has the source as it ships, with a warehouse of its own."""
    (root / "dlthub").mkdir(parents=True)
    (root / "dlthub" / "facebook_ads").symlink_to(ROOT / "dlthub" / "facebook_ads")
    return Tree(root)


def load(tree: Tree, url: str, first: int, last: int) -> LoadResult:
    """Loads days of the sandbox, by their numbers, as they are known on the last of them."""
    today = FIRST_DAY + timedelta(days=last)
    asked = {"base_url": f"{url}/facebook_ads/as_of/{today}", "poll_seconds": 0, "accounts": ["1001", "1003"]}
    return tree.load(
        "facebook_ads.facebook_ads_insights",
        start=str(FIRST_DAY + timedelta(days=first)),
        end=str(today + timedelta(days=1)),
        kwargs={**asked, "breakdowns": []},
    )


def test_a_month_day_by_day_is_what_one_full_reload_is(
    sandbox_settings: dict[str, str], sandbox_url: str, tmp_path: Path
) -> None:
    """Figures that changed have changed, rows that Meta took back are gone, and so is the day of which all are."""
    assert sandbox_settings
    by_day, at_once = ship(tmp_path / "by_day"), ship(tmp_path / "at_once")
    account, gone = GONE_DAY
    where = f"account_id = '{account}' AND date_start = '{gone}'"
    seen = []
    for number in range(31):
        load(by_day, sandbox_url, max(number - 28, 0), number)
        seen += by_day.query(f"SELECT count(*) FROM raw.facebook_ads_insights WHERE {where}")
    load(at_once, sandbox_url, 0, 30)
    assert max(seen) > 0
    assert seen[-1] == 0
    assert query(by_day) == query(at_once)
    assert len(query(by_day)) > 500
    # Nothing is left of what was below the rows that went.
    counts = [tree.query("SELECT count(*) FROM raw.facebook_ads_insights__actions") for tree in (by_day, at_once)]
    assert counts[0] == counts[1]


def test_an_account_that_failed_for_days_leaves_no_gap(
    sandbox_settings: dict[str, str],
    sandbox_url: str,
    arm_fault: Callable[..., None],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It keeps the rows that it had, and once it answers again it is read from where it began to fail."""
    assert sandbox_settings
    failing, whole = ship(tmp_path / "failing"), ship(tmp_path / "whole")
    for tree in (failing, whole):
        load(tree, sandbox_url, 0, 5)
    caplog.set_level(logging.INFO)
    before = query(failing, "account_id = '1003'")
    arm_fault("/facebook_ads/*/act_1003", "permission", times=2)
    for first, last in ((4, 10), (8, 15)):
        result = load(failing, sandbox_url, first, last)
        assert result.failed_parts.keys() == {"act_1003"}
    assert query(failing, "account_id = '1003'") == before
    assert len(query(failing, "account_id = '1001' AND date_start > '2026-09-11'")) > 0
    result = load(failing, sandbox_url, 14, 20)
    assert not result.failed_parts
    load(whole, sandbox_url, 4, 20)
    assert query(failing, "account_id = '1003'") == query(whole, "account_id = '1003'")
    assert "act_1003 failed in earlier loads: it is read from 2026-09-05 on, not from 2026-09-15" in caplog.messages


def test_an_ordinary_load_reads_the_last_28_days_again(
    sandbox_settings: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The first goes back to the configured beginning, the next one from the day of the first 28 days back."""
    assert sandbox_settings
    caplog.set_level(logging.INFO)
    tree, today = ship(tmp_path), datetime.now(UTC).date()
    tree.load("facebook_ads.facebook_ads_insights", kwargs={"window_days": 400})
    assert any(f"2026-08-01 to {today}" in message for message in caplog.messages)
    caplog.clear()
    tree.load("facebook_ads.facebook_ads_insights")
    told = {message.partition(": window ")[2] for message in caplog.messages if ": window " in message}
    assert {text.partition(": ")[2] for text in told} == {f"{today - timedelta(days=28)} to {today}"}


def test_an_account_that_is_new_gets_its_history(
    sandbox_settings: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its first ordinary load reads it from the configured beginning, the others from the cursor."""
    assert sandbox_settings
    caplog.set_level(logging.INFO)
    tree = ship(tmp_path)
    tree.load("facebook_ads.facebook_ads_insights", kwargs={"accounts": ["1001"], "window_days": 400})
    tree.load("facebook_ads.facebook_ads_insights", kwargs={"accounts": ["1001", "1002"], "window_days": 400})
    begin = datetime.now(UTC).date() - timedelta(days=28)
    assert f"act_1002 is new: it is read from 2026-08-01 on, not from {begin}" in caplog.messages
    counts = tree.query("SELECT count(DISTINCT date_start) FROM raw.facebook_ads_insights GROUP BY account_id")
    assert len(counts) == 2
    assert counts[0] == counts[1] > 50
    assert not any("act_1001 is new" in message for message in caplog.messages)


def test_a_sample_is_of_rows_that_there_are(sandbox_settings: dict[str, str], tmp_path: Path) -> None:
    """A month without rows before them does not use it up, and it leaves nothing for later loads to catch up."""
    assert sandbox_settings
    tree = ship(tmp_path)
    assert tree.load("facebook_ads.facebook_ads_insights", limit=5).row_count == 5
    result = tree.load("facebook_ads.facebook_ads_insights", start="2026-10-01", end="2026-10-03")
    assert tree.query("SELECT min(date_start)::text FROM raw.facebook_ads_insights WHERE account_id = '1002'") == [
        "2026-10-01"
    ]
    assert not result.failed_parts
