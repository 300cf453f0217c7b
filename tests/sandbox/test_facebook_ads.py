"""Tests of the sandbox's Marketing API against Meta's documentation."""

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import requests

import sandbox
from sandbox.environment import TOKENS
from sandbox.facebook_usage import CLOCK
from sandbox.models.facebook_insights import FIRST_DAY, GONE_DAY
from sandbox.models.people import ANCHOR

TODAY = ANCHOR.date()
FIELDS = "account_id,ad_id,spend,clicks,actions"
Rows = list[dict[str, Any]]
Ask = Callable[..., requests.Response]


def ask_at(url: str) -> Ask:
    """Returns a function that sends a request with the right token; `data` makes it a POST."""

    def ask(path: str, today: str = "", headers: dict[str, str] | None = None, **parameters: Any) -> requests.Response:
        sent = {"Authorization": f"Bearer {TOKENS['facebook_ads']}", **(headers or {})}
        address = f"{url}/facebook_ads{f'/as_of/{today}' if today else ''}{path}"
        if "data" in parameters:
            return requests.post(address, data=parameters["data"], headers=sent, timeout=30)
        return requests.get(address, params=parameters, headers=sent, timeout=30)

    return ask


@pytest.fixture
def ask(sandbox_url: str) -> Ask:
    """A function that sends a request to the sandbox's Marketing API."""
    return ask_at(sandbox_url)


def order(ask: Ask, since: date, until: date, account: str = "1001", **changes: str) -> requests.Response:
    """Creates a report."""
    parameters = {"level": "ad", "time_increment": "1", "fields": FIELDS}
    span = json.dumps({"since": str(since), "until": str(until)})
    return ask(f"/v26.0/act_{account}/insights", data={**parameters, "time_range": span, **changes})


def read(ask: Ask, since: date, until: date, *, today: date = TODAY, account: str = "1001", **changes: str) -> Rows:
    """Returns a report's rows as reported on a day."""
    number = order(ask, since, until, account, **changes).json()["report_run_id"]
    while ask(f"/v26.0/{number}").json()["async_status"] != "Job Completed":
        pass
    rows: Rows = ask(f"/v26.0/{number}/insights", str(today), limit=5000).json()["data"]
    return rows


def test_accounts_have_currencies_of_their_own(ask: Ask) -> None:
    """The three accounts have three currencies, and only the requested fields."""
    rows = ask("/v26.0/me/adaccounts", fields="id,currency").json()["data"]
    assert rows == [
        {"id": "act_1001", "currency": "EUR"},
        {"id": "act_1002", "currency": "USD"},
        {"id": "act_1003", "currency": "GBP"},
    ]


@pytest.mark.parametrize(("edge", "count"), [("campaigns", 3), ("adsets", 6), ("ads", 12), ("adcreatives", 12)])
def test_paging_ends_in_an_empty_page(ask: Ask, edge: str, count: int) -> None:
    """Every page with rows has a next page; following the cursor gives all rows and then an empty page."""
    found: list[str] = []
    parameters = {"limit": 2, "fields": "id,name", "effective_status": '["ACTIVE","PAUSED","ARCHIVED"]'}
    while (page := ask(f"/v26.0/act_1002/{edge}", **parameters).json())["data"]:
        assert page["paging"]["next"]
        found += [row["id"] for row in page["data"]]
        parameters["after"] = page["paging"]["cursors"]["after"]
    assert page == {"data": []}
    assert len(found) == len(set(found)) == count


def test_archived_objects_must_be_requested(ask: Ask) -> None:
    """Without `effective_status`, archived objects are left out."""
    rows = ask("/v26.0/act_1001/campaigns", fields="effective_status", limit=100).json()["data"]
    assert {row["effective_status"] for row in rows} == {"ACTIVE", "PAUSED"}


def test_leads_are_an_ads_or_a_forms(ask: Ask) -> None:
    """A form has the leads of all its ads; `filtering` leaves out older ones."""
    ads = ask("/v26.0/act_1001/ads", fields="id", limit=100).json()["data"]
    of_ads = [lead["id"] for ad in ads for lead in ask(f"/v26.0/{ad['id']}/leads", limit=100).json()["data"]]
    of_form = [lead["id"] for lead in ask("/v26.0/100160/leads", limit=500).json()["data"]]
    assert sorted(of_ads) == sorted(of_form)
    rule = [{"field": "time_created", "operator": "GREATER_THAN", "value": ANCHOR.timestamp() - 86_400 * 3}]
    newest = ask("/v26.0/100160/leads", limit=500, filtering=json.dumps(rule)).json()["data"]
    assert 0 < len(newest) < len(of_form)
    assert {answer["name"] for answer in newest[0]["field_data"]} >= {"email", "phone_number", "full_name"}


def test_a_report_passes_several_statuses(ask: Ask) -> None:
    """A report passes several statuses, up to 100 percent, before it is completed and has rows."""
    number = order(ask, TODAY, TODAY).json()["report_run_id"]
    early = ask(f"/v26.0/{number}/insights")
    assert (early.status_code, early.json()["error"]["code"]) == (400, 2601)
    states = [ask(f"/v26.0/{number}").json() for _ in range(6)]
    assert [(state["async_status"], state["async_percent_completion"]) for state in states] == [
        ("Job Not Started", 0),
        ("Job Started", 0),
        ("Job Running", 60),
        ("Job Running", 100),
        ("Job Completed", 100),
        ("Job Completed", 100),
    ]
    assert set(ask(f"/v26.0/{number}/insights").json()["data"][0]) <= {*FIELDS.split(","), "date_start", "date_stop"}


def test_delivery_settles_and_conversions_grow_for_28_days(ask: Ask) -> None:
    """Spend of a day grows until two days later, attributed conversions for 28 days; then nothing changes."""
    day = FIRST_DAY + timedelta(days=3)

    def total(age: int) -> tuple[float, int]:
        rows = [row for row in read(ask, day, day, today=day + timedelta(days=age)) if row["ad_id"] in lasting]
        actions = [action for row in rows for action in row["actions"] if action["action_type"] != "link_click"]
        return sum(float(row["spend"]) for row in rows), sum(int(action["value"]) for action in actions)

    lasting = {row["ad_id"] for row in read(ask, day, day, today=day + timedelta(days=40))}
    spends, conversions = zip(*(total(age) for age in (0, 1, 2, 14, 27, 40)), strict=True)
    assert spends[0] < spends[1] < spends[2] == spends[3] == spends[4] == spends[5]
    assert conversions[2] < conversions[3] < conversions[4] == conversions[5]


def test_rows_can_be_removed_later(ask: Ask) -> None:
    """Rows are removed later: a row of one ad, or all rows of a day."""
    day = FIRST_DAY + timedelta(days=3)
    first, later = (
        {row["ad_id"] for row in read(ask, day, day, today=day + timedelta(days=age), breakdowns="[]")}
        for age in (0, 20)
    )
    assert later < first
    account, gone = GONE_DAY
    assert read(ask, gone, gone, account=account, today=gone + timedelta(days=4))
    assert read(ask, gone, gone, account=account, today=gone + timedelta(days=5)) == []


def test_windows_and_breakdowns_are_those_of_the_request(ask: Ask) -> None:
    """Actions have a key for each requested window, rows a column for each breakdown."""
    parameters: Any = {"breakdowns": '["publisher_platform"]', "action_attribution_windows": '["1d_click","28d_click"]'}
    rows = read(ask, FIRST_DAY, FIRST_DAY, **parameters)
    assert {row["publisher_platform"] for row in rows} == {"facebook", "instagram"}
    keys = set().union(*(action for row in rows for action in row["actions"]))
    assert keys == {"action_type", "value", "1d_click", "28d_click"}


@pytest.mark.parametrize(
    ("since", "account", "changes", "code"),
    [
        pytest.param(TODAY, "1001", {"level": "campaign"}, 100, id="level"),
        pytest.param(TODAY, "1001", {"fields": "spend,speed"}, 100, id="field"),
        pytest.param(TODAY, "1001", {"breakdowns": '["mood"]'}, 100, id="breakdown"),
        pytest.param(TODAY, "1001", {"action_attribution_windows": '["28d_view"]'}, 100, id="window"),
        pytest.param(TODAY, "1001", {"time_range": "yesterday"}, 100, id="range"),
        pytest.param(TODAY, "4711", {}, 100, id="account"),
        pytest.param(date(2023, 1, 1), "1001", {}, 3018, id="too-long-ago"),
        pytest.param(TODAY - timedelta(days=6), "90040000", {}, 100, id="too-much"),
    ],
)
def test_a_wrong_report_is_refused(ask: Ask, since: date, account: str, changes: dict[str, str], code: int) -> None:
    """Invalid parameters, and values beyond Meta's limits, are refused with their code."""
    response = order(ask, since, TODAY, account, **changes)
    assert response.status_code in {400, 404}
    assert response.json()["error"]["code"] == code
    assert response.json()["error"]["fbtrace_id"]


def test_a_big_account_has_the_ads_of_its_number(ask: Ask) -> None:
    """Rows of an account whose number begins with 9 are generated on request."""
    rows = read(ask, TODAY - timedelta(days=1), TODAY, account="9000003")
    assert [(row["date_start"], row["ad_id"]) for row in rows] == [
        (str(TODAY - timedelta(days=age)), f"9000003{ad:07}") for age in (1, 0) for ad in range(3)
    ]


def test_deprecated_versions_have_a_warning(ask: Ask) -> None:
    """The current version has no warning, the one before it has one, an old one is refused."""
    current, previous, old = (ask(f"/v{number}.0/act_1001", fields="name") for number in (26, 25, 23))
    assert "x-ad-api-version-warning" not in current.headers
    assert previous.headers["facebook-api-version"] == "v26.0"
    assert "v25.0" in previous.headers["x-ad-api-version-warning"]
    assert (old.status_code, old.json()["error"]["code"]) == (400, 2635)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("code_4", 403, 4),
        ("code_17", 400, 17),
        ("code_32", 403, 32),
        ("code_613", 400, 613),
        *((f"code_{code}", 400, code) for code in range(80000, 80005)),
        ("too_much", 400, 100),
        ("reduce", 500, 1),
        ("permission", 403, 200),
        ("retired", 400, 2635),
        ("expired", 401, 190),
    ],
)
def test_refusals_have_their_codes(ask: Ask, fault: str, status: int, code: int) -> None:
    """A fault with each refusal's name returns the status and the code that Meta documents."""
    response = ask("/v26.0/act_1001", headers={"X-Sandbox-Fault": fault})
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


@pytest.fixture(scope="module")
def limited() -> Iterator[Ask]:
    """A sandbox that allows an account four calls an hour."""
    with sandbox.serve_in_background({"SANDBOX_ACCOUNT_LIMIT": "4"}) as url:
        yield ask_at(url)


def test_an_account_has_a_limit_of_its_own(limited: Ask) -> None:
    """Usage is reported in percent; the call beyond the limit is refused with the minutes to wait."""

    def call(account: str, at: int) -> requests.Response:
        return limited(f"/v26.0/act_{account}", headers={CLOCK: str(at)}, fields="name")

    def usage(response: requests.Response, account: str) -> Any:
        return json.loads(response.headers["X-Business-Use-Case-Usage"])[account][0]

    answers = [call("1001", at) for at in (0, 600, 1200, 1800)]
    assert [usage(answer, "1001")["call_count"] for answer in answers] == [25, 50, 75, 100]
    refused = call("1001", 1860)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, 80004)
    assert usage(refused, "1001")["estimated_time_to_regain_access"] == 30
    assert json.loads(refused.headers["X-Ad-Account-Usage"])["acc_id_util_pct"] == 100.0
    assert usage(call("1002", 1860), "1002")["call_count"] == 25
    assert call("1001", 3600).status_code == 200
