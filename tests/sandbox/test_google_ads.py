"""Tests of the sandbox's Google Ads against Google's documentation."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.environment import GOOGLE_ADS, TOKENS
from sandbox.google_ads_access import AUDIENCE, GRANT, SCOPE
from sandbox.google_ads_errors import FAULTS

NL, JP, OLD, CLOSED, LARGE = "1000000011", "1000000021", "1000000013", "1000000032", "1000000099"
GROUP, PARTNERS = "1000000001", "1000000003"
DAILY = "SELECT campaign.id, segments.date, metrics.clicks, metrics.conversions FROM campaign WHERE segments.date"
CHANGES = "SELECT change_event.change_date_time FROM change_event WHERE change_event.change_date_time"
REFRESH = {
    "grant_type": "refresh_token",
    "client_id": GOOGLE_ADS["client_id"],
    "client_secret": TOKENS["google_ads_client"],
    "refresh_token": TOKENS["google_ads"],
}

Ask = Callable[..., requests.Response]


@pytest.fixture(scope="module")
def ads(sandbox_url: str) -> str:
    """Base URL of the sandbox's Google Ads."""
    return f"{sandbox_url}/google_ads"


def get_token(ads: str, **options: str) -> requests.Response:
    """Requests an access token."""
    return requests.post(f"{ads}/token", data={**REFRESH, **options}, timeout=10)


@pytest.fixture(scope="module")
def token(ads: str) -> str:
    """An access token for all tests."""
    return str(get_token(ads).json()["access_token"])


@pytest.fixture
def ask(ads: str, token: str) -> Ask:
    """A function that sends a query to an account."""

    def post(customer: str, query: str, login: str | None = GROUP, **more: Any) -> requests.Response:
        where = f"{ads}{more.get('on', '')}/{more.get('version', 'v25')}"
        headers = {
            "Authorization": f"Bearer {more.get('token', token)}",
            **({"login-customer-id": login} if login else {}),
        }
        url = f"{where}/customers/{customer}/googleAds:{more.get('method', 'searchStream')}"
        return requests.post(url, json={"query": query, **more.get("body", {})}, headers=headers, timeout=30)

    return post


def rows_of(answer: requests.Response) -> list[dict[str, Any]]:
    """Returns the rows of all messages of a stream."""
    assert answer.status_code == 200, answer.text
    return [row for piece in answer.json() for row in piece.get("results", ())]


def error_of(answer: requests.Response) -> tuple[int, str]:
    """Returns the status of a response, and the error code of its GoogleAdsFailure."""
    content = answer.json()
    (detail,) = (content[0] if isinstance(content, list) else content)["error"]["details"]
    assert detail["@type"].endswith(".errors.GoogleAdsFailure")
    assert answer.headers["request-id"] == detail["requestId"]
    (word,) = detail["errors"][0]["errorCode"].values()
    return answer.status_code, word


def test_a_row_is_written_as_google_writes_one(ask: Ask) -> None:
    """Keys are in camel case, 64-bit integers are text, resources have their names, and unset fields are omitted."""
    query = "SELECT campaign.id, campaign.end_date_time, campaign_budget.amount_micros, campaign.status FROM campaign"
    first, *_, last = rows_of(ask(NL, query))
    assert first == {
        "campaign": {"resourceName": f"customers/{NL}/campaigns/{NL}00", "id": f"{NL}00", "status": "ENABLED"},
        "campaignBudget": {"resourceName": f"customers/{NL}/campaignBudgets/{NL}00", "amountMicros": "25000000"},
    }
    assert last["campaign"]["endDateTime"] == "2026-12-30 23:59:59"
    assert ask(NL, query).json()[0]["fieldMask"].split(",")[1:3] == [
        "campaign.endDateTime",
        "campaignBudget.amountMicros",
    ]


def test_a_manager_has_all_accounts_below_it_as_clients(ask: Ask) -> None:
    """The clients are direct and indirect ones and the manager, with any status; other accounts have none."""
    query = "SELECT customer_client.id, customer_client.level, customer_client.manager FROM customer_client"
    found = {row["customerClient"]["id"]: row["customerClient"]["level"] for row in rows_of(ask(GROUP, query))}
    assert found == {GROUP: "0", NL: "1", "1000000012": "1", OLD: "1", "1000000014": "1", "1000000002": "1", JP: "2"}
    assert rows_of(ask(NL, query)) == []


def test_conversions_are_added_and_clicks_are_removed(ask: Ask) -> None:
    """On a later date, the same days have more conversions and fewer rows."""
    seen = []
    for today in ("2026-10-10", "2026-10-20", "2026-11-30"):
        rows = rows_of(ask(JP, f"{DAILY} BETWEEN '2026-09-01' AND '2026-10-10'", on=f"/on/{today}"))
        seen.append({row["segments"]["date"]: row["metrics"]["conversions"] for row in rows})
    assert set(seen[0]) > set(seen[1]) >= set(seen[2])
    assert all(seen[0][day] <= seen[1][day] <= seen[2][day] for day in seen[2])
    assert seen[0] != seen[1] != seen[2]


def test_no_row_is_later_than_today(ask: Ask) -> None:
    """Today's date in the URL is the last day with rows."""
    rows = rows_of(ask(NL, f"{DAILY} BETWEEN '2026-09-28' AND '2026-12-31'", on="/on/2026-10-02"))
    assert max(row["segments"]["date"] for row in rows) == "2026-10-02"


def test_campaigns_are_the_sums_of_their_ad_groups(ask: Ask) -> None:
    """Cost, impressions and clicks of a campaign's day are the sums of its ad groups."""
    between = "segments.date BETWEEN '2026-09-01' AND '2026-10-31'"
    sums: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for resource in ("campaign", "ad_group"):
        query = f"SELECT campaign.id, segments.date, metrics.cost_micros FROM {resource} WHERE {between}"
        for row in rows_of(ask(NL, query)):
            sums[resource][row["segments"]["date"], row["campaign"]["id"]] += int(row["metrics"]["costMicros"])
    assert sums["campaign"] == sums["ad_group"]
    assert len(sums["campaign"]) > 150


def test_the_same_query_has_the_same_rows(ask: Ask) -> None:
    """Rows depend on account and day only."""
    query = f"{DAILY} BETWEEN '2026-10-01' AND '2026-10-31'"
    assert ask(NL, query).text == ask(NL, query).text


def test_a_stream_has_messages_of_ten_thousand_rows(ask: Ask) -> None:
    """Five days of the large account are two messages of a stream, and two pages."""
    query = "SELECT ad_group.id, segments.date FROM ad_group WHERE segments.date BETWEEN '2026-10-01' AND '2026-10-05'"
    pieces = ask(LARGE, query, login=LARGE).json()
    assert [len(piece["results"]) for piece in pieces] == [10_000, 2_500]
    page = ask(LARGE, query, login=LARGE, method="search").json()
    following = ask(LARGE, query, login=LARGE, method="search", body={"pageToken": page["nextPageToken"]}).json()
    assert [*page["results"], *following["results"]] == [row for piece in pieces for row in piece["results"]]
    assert "nextPageToken" not in following


def test_no_rows_are_no_results(ask: Ask) -> None:
    """A stream without rows is one message with the field mask only."""
    (piece,) = ask(NL, f"{DAILY} BETWEEN '2020-01-01' AND '2020-01-31'").json()
    assert sorted(piece) == ["fieldMask", "requestId"]


@pytest.mark.parametrize(
    ("query", "word"),
    [
        pytest.param("SELECT campaign.nmae FROM campaign", "UNRECOGNIZED_FIELD", id="field"),
        pytest.param("SELECT campaign.id FROM campain", "BAD_RESOURCE_TYPE_IN_FROM_CLAUSE", id="resource"),
        pytest.param("SELECT * FROM campaign", "UNEXPECTED_INPUT", id="star"),
        pytest.param("SELECT campaign.id FROM campaign WHERE campaign.id ~ 1", "UNEXPECTED_INPUT", id="condition"),
        pytest.param("SELECT segments.date FROM campaign", "EXPECTED_FILTERS_ON_DATE_RANGE", id="no-dates"),
        pytest.param(f"{DAILY} >= '2026-10-01'", "EXPECTED_FILTERS_ON_DATE_RANGE", id="half-a-range"),
        pytest.param(f"{CHANGES} >= '2026-10-10' LIMIT 5", "CHANGE_DATE_RANGE_INFINITE", id="changes-half-a-range"),
        pytest.param(
            f"{CHANGES} BETWEEN '2026-10-10' AND '2026-10-09' LIMIT 5", "CHANGE_DATE_RANGE_NEGATIVE", id="turned"
        ),
        pytest.param(
            f"{CHANGES} BETWEEN '2026-09-10' AND '2026-10-09' LIMIT 5", "START_DATE_TOO_OLD", id="changes-too-old"
        ),
        pytest.param(f"{CHANGES} BETWEEN '2026-10-10' AND '2026-10-20'", "LIMIT_NOT_SPECIFIED", id="changes-no-limit"),
        pytest.param(
            f"{CHANGES} BETWEEN '2026-10-10' AND '2026-10-20' LIMIT 10001",
            "INVALID_LIMIT_CLAUSE",
            id="changes-too-many",
        ),
    ],
)
def test_a_wrong_query_is_refused(ask: Ask, query: str, word: str) -> None:
    """Each mistake has Google's error code."""
    assert error_of(ask(NL, query)) == (400, word)


@pytest.mark.parametrize(
    ("customer", "login", "expected"),
    [
        pytest.param(NL, None, (403, "USER_PERMISSION_DENIED"), id="client-without-its-manager"),
        pytest.param(NL, PARTNERS, (403, "USER_PERMISSION_DENIED"), id="another-manager"),
        pytest.param(NL, "1000000002", (403, "USER_PERMISSION_DENIED"), id="manager-without-access"),
        pytest.param(CLOSED, PARTNERS, (403, "USER_PERMISSION_DENIED"), id="no-permission"),
        pytest.param(OLD, GROUP, (403, "CUSTOMER_NOT_ENABLED"), id="canceled"),
        pytest.param("1999999999", GROUP, (401, "CUSTOMER_NOT_FOUND"), id="nobody"),
        pytest.param("123-456-7890", GROUP, (400, "INVALID_CUSTOMER_ID"), id="dashes"),
    ],
)
def test_an_account_is_read_through_its_manager_only(
    ask: Ask, customer: str, login: str | None, expected: tuple[int, str]
) -> None:
    """Without the right login-customer-id, permission or status, the refusal names the reason."""
    assert error_of(ask(customer, "SELECT customer.id FROM customer", login)) == expected


def test_managers_have_no_metrics(ask: Ask) -> None:
    """A manager has clients, but no metrics."""
    answer = ask(GROUP, f"{DAILY} BETWEEN '2026-10-01' AND '2026-10-02'")
    assert error_of(answer) == (400, "REQUESTED_METRICS_FOR_MANAGER")


def test_old_and_unknown_versions_are_refused(ask: Ask) -> None:
    """Four versions are accepted; older ones are refused by name, unknown ones return an HTML page."""
    answers = {number: ask(NL, "SELECT campaign.id FROM campaign", version=f"v{number}") for number in (22, 23, 26, 27)}
    assert error_of(answers[22]) == (400, "UNSUPPORTED_VERSION")
    assert [answers[number].status_code for number in (23, 26, 27)] == [200, 200, 404]
    assert answers[27].headers["Content-Type"].startswith("text/html")


def test_a_page_size_is_refused(ask: Ask) -> None:
    """Pages have ten thousand rows, and a page_size is refused."""
    answer = ask(NL, "SELECT campaign.id FROM campaign", method="search", body={"pageSize": 10})
    assert error_of(answer) == (400, "PAGE_SIZE_NOT_SUPPORTED")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"refresh_token": "wrong"}, (400, "invalid_grant")),
        ({"client_secret": "wrong"}, (401, "invalid_client")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type")),
    ],
    ids=["refresh-token", "client", "grant"],
)
def test_wrong_credentials_give_no_token(ads: str, options: dict[str, str], expected: tuple[int, str]) -> None:
    """Each mistake has OAuth's error code."""
    answer = get_token(ads, **options)
    assert (answer.status_code, answer.json()["error"]) == expected


def test_a_token_may_have_a_limited_number_of_uses(ads: str, ask: Ask) -> None:
    """After its last use a token has expired; an unknown token is refused."""
    token = get_token(ads, refresh_token=f"{TOKENS['google_ads']};uses=2").json()["access_token"]
    query = "SELECT customer.id FROM customer"
    assert [ask(NL, query, token=token).status_code for _ in range(2)] == [200, 200]
    assert error_of(ask(NL, query, token=token)) == (401, "OAUTH_TOKEN_EXPIRED")
    assert error_of(ask(NL, query, token="ya29.wrong")) == (401, "OAUTH_TOKEN_INVALID")


def test_a_token_may_have_a_limited_lifetime(ads: str, ask: Ask) -> None:
    """The token expires after `expires_in` seconds."""
    given = get_token(ads, refresh_token=f"{TOKENS['google_ads']};seconds=0").json()
    assert given["expires_in"] == 0
    answer = ask(NL, "SELECT customer.id FROM customer", token=given["access_token"])
    assert error_of(answer) == (401, "OAUTH_TOKEN_EXPIRED")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({}, (200, None), id="right"),
        pytest.param({"aud": "https://elsewhere.example"}, (400, "invalid_grant"), id="audience"),
        pytest.param({"iss": "nobody@sandbox.example"}, (400, "invalid_grant"), id="nobody"),
        pytest.param({"scope": "https://www.googleapis.com/auth/drive"}, (400, "invalid_scope"), id="scope"),
        pytest.param({"exp": 4_000_000_000}, (400, "invalid_scope"), id="too-long"),
    ],
)
def test_a_service_account_gets_a_token_for_a_signed_claim(
    ads: str, change: dict[str, Any], expected: tuple[int, str | None]
) -> None:
    """A claim signed with the account's key, for this URL and scope, gives a token; others are refused."""
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    account = {"email": "loader@sandbox.example", "public_key": public.decode()}
    requests.post(f"{ads}/service_accounts", json=account, timeout=10).raise_for_status()
    now = int(time.time())
    claim = {"iss": account["email"], "scope": SCOPE, "aud": AUDIENCE, "iat": now, "exp": now + 3600}
    assertion = jwt.encode(claim | change, key, "RS256")
    answer = requests.post(f"{ads}/token", data={"grant_type": GRANT, "assertion": assertion}, timeout=10)
    assert (answer.status_code, answer.json().get("error")) == expected


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_of_its_own_is_answered_once(ask: Ask, arm_fault: Callable[..., None], fault: str) -> None:
    """Each fault is Google's response to one request; the next request succeeds."""
    query = "SELECT customer.id FROM customer"
    arm_fault("/google_ads/v25/", fault, times=1)
    refused, fine = ask(NL, query), ask(NL, query)
    assert (refused.status_code, refused.json()) == (FAULTS[fault].status, FAULTS[fault].body)
    assert [row["customer"]["id"] for row in rows_of(fine)] == [NL]
