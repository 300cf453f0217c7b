"""Tests of the sandbox against the vendors' documentation, and of its faults."""

import ast
import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

import sandbox
from sandbox.environment import TOKENS

ROOT = Path(__file__).parents[2]
NAME = {"User-Agent": "tests/1.0"}

LATEST = "/frankfurter/v1/latest"
COMMITS = "/github/repos/dlt-hub/dlt/commits"
AIRPORTS = "/socrata/resource/airp-0001.json"
WEATHER = "/socrata/resource/wthr-0001.csv"
TAGGED = "/facebook/v23.0/duckyards/tagged"
SEARCH = "/reddit/search?q=duckyards"
RECENT = "/x/2/tweets/search/recent?query=duckyards"
ITEMS = "/apify/v2/datasets/x-posts/items"
CAMPAIGNS = "/facebook_ads/v26.0/act_1001/campaigns?fields=name"
ORDERS = "/shop/orders"
ENDPOINTS = (LATEST, COMMITS, AIRPORTS, WEATHER, TAGGED, SEARCH, RECENT, ITEMS, CAMPAIGNS, ORDERS)

Rows = list[dict[str, Any]]


def get(url: str, headers: dict[str, str] | None = None, /, **parameters: Any) -> requests.Response:
    """Sends a request to the sandbox, by default with the vendor's token."""
    vendor = url.split("/")[3]
    token = {"Authorization": f"Bearer {TOKENS[vendor]}"} if vendor in TOKENS and vendor != "socrata" else {}
    return requests.get(url, params=parameters, headers={**NAME, **token, **(headers or {})}, timeout=10)


def walk_github(base: str, **headers: str) -> Iterator[Rows]:
    """Follows the Link header."""
    url: str | None = f"{base}{COMMITS}?per_page=100"
    while url:
        response = get(url, headers)
        yield response.json()
        url = response.links.get("next", {}).get("url")


def walk_socrata_json(base: str, **headers: str) -> Iterator[Rows]:
    """Increments $offset until a page is empty."""
    offset = 0
    while rows := get(f"{base}{AIRPORTS}", headers, **{"$limit": 1000, "$offset": offset, "$order": "iata"}).json():
        yield rows
        offset += 1000


def walk_socrata_csv(base: str, **headers: str) -> Iterator[Rows]:
    """Increments $offset until a page is empty; every page has its own header."""
    offset = 0
    while True:
        text = get(f"{base}{WEATHER}", headers, **{"$limit": 400, "$offset": offset}).text
        rows = list(csv.DictReader(io.StringIO(text)))
        if not rows:
            return
        yield rows
        offset += 400


def walk_facebook(base: str, **headers: str) -> Iterator[Rows]:
    """Follows the cursor while there is a next page."""
    parameters: dict[str, Any] = {"limit": 50, "fields": "id,created_time,from"}
    while True:
        page = get(f"{base}{TAGGED}", headers, **parameters).json()
        yield page["data"]
        if "next" not in page["paging"]:
            return
        parameters["after"] = page["paging"]["cursors"]["after"]


def walk_reddit(base: str, **headers: str) -> Iterator[Rows]:
    """Follows the name of the last link."""
    after = None
    while True:
        listing = get(f"{base}{SEARCH}", headers, limit=50, sort="new", after=after).json()["data"]
        yield [child["data"] for child in listing["children"]]
        after = listing["after"]
        if after is None:
            return


def walk_x(base: str, **headers: str) -> Iterator[Rows]:
    """Follows next_token."""
    parameters: dict[str, Any] = {"max_results": 50, "tweet.fields": "author_id,created_at"}
    while True:
        page = get(f"{base}{RECENT}", headers, **parameters).json()
        yield page["data"]
        if "next_token" not in page["meta"]:
            return
        parameters["next_token"] = page["meta"]["next_token"]


def walk_apify(base: str, **headers: str) -> Iterator[Rows]:
    """Increments the offset up to the total in the header."""
    offset, total = 0, 1
    while offset < total:
        response = get(f"{base}{ITEMS}", headers, offset=offset, limit=50)
        yield response.json()
        total = int(response.headers["X-Apify-Pagination-Total"])
        offset += 50


Walk = Callable[..., Iterator[Rows]]
WALKS = [
    pytest.param(walk_github, "sha", 640, id="github"),
    pytest.param(walk_socrata_json, "iata", 3376, id="socrata-json"),
    pytest.param(walk_socrata_csv, "date", 1461, id="socrata-csv"),
    pytest.param(walk_facebook, "id", 420, id="facebook"),
    pytest.param(walk_reddit, "name", 380, id="reddit"),
    pytest.param(walk_x, "id", 460, id="x"),
    pytest.param(walk_apify, "id", 320, id="apify"),
]


@pytest.mark.parametrize(("walk", "key", "count"), WALKS)
def test_paging_returns_every_row_once(sandbox_url: str, walk: Walk, key: str, count: int) -> None:
    """Following the vendor's paging gives all rows, without duplicates."""
    found = [row[key] for page in walk(sandbox_url) for row in page]
    assert len(found) == len(set(found)) == count


@pytest.mark.parametrize(("walk", "key", "count"), WALKS)
def test_a_repeated_page_has_the_first_rows(sandbox_url: str, walk: Walk, key: str, count: int) -> None:
    """With `repeated`, the second page is the first page again, for any kind of paging."""
    del count
    pages = walk(sandbox_url, **{"X-Sandbox-Fault": "repeated"})
    first, second = next(pages), next(pages)
    assert [row[key] for row in first] == [row[key] for row in second]


@pytest.mark.parametrize(("walk", "key", "count"), WALKS)
def test_a_next_page_that_is_this_page_never_ends(sandbox_url: str, walk: Walk, key: str, count: int) -> None:
    """With `self_next`, a client that follows the pointer receives the same rows for ever."""
    del count
    pages = walk(sandbox_url, **{"X-Sandbox-Fault": "self_next"})
    met = Counter(next(pages)[0][key] for _ in range(5))
    assert max(met.values()) >= 4


def test_two_servers_have_the_same_rows(sandbox_url: str) -> None:
    """Rows depend on the seed only: not on the start, the order of requests or the hash seed."""
    with sandbox.serve_in_background({"PYTHONHASHSEED": "7"}) as other:
        for param in reversed(WALKS):
            walk: Any = param.values[0]
            assert list(walk(other)) == list(walk(sandbox_url))


def test_frankfurter_returns_the_banks_rates(sandbox_url: str) -> None:
    """For the euro, the rates are those of the European Central Bank, for every working day since 1999."""
    day = get(f"{sandbox_url}/frankfurter/v1/1999-01-04").json()
    assert day["date"] == "1999-01-04"
    assert (day["rates"]["USD"], day["rates"]["JPY"]) == (1.1789, 133.73)
    assert "CYP" in day["rates"]


def test_frankfurter_computes_cross_rates(sandbox_url: str) -> None:
    """For another base, the rates are cross rates, rounded as by Frankfurter, without the base itself."""
    day = get(f"{sandbox_url}/frankfurter/v1/1999-01-04", base="USD", symbols="EUR,JPY,USD").json()
    assert day == {"amount": 1.0, "base": "USD", "date": "1999-01-04", "rates": {"EUR": 0.84825, "JPY": 113.44}}


def test_frankfurter_begins_a_range_with_the_last_working_day(sandbox_url: str) -> None:
    """A range that begins on a weekend begins with Friday, as with Frankfurter."""
    found = get(f"{sandbox_url}/frankfurter/v1/2024-01-06..2024-01-08").json()
    assert list(found["rates"]) == ["2024-01-05", "2024-01-08"]
    assert (found["start_date"], found["end_date"]) == ("2024-01-05", "2024-01-08")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("2999-01-01..2999-01-31", 404, id="future"),
        pytest.param("1990-01-01..1990-01-31", 404, id="before-1999"),
        pytest.param("1990-01-01", 404, id="day-before-1999"),
        pytest.param("latest?base=XXX", 404, id="unknown-base"),
        pytest.param("tomorrow", 400, id="no-date"),
    ],
)
def test_frankfurter_refuses_with_its_message(sandbox_url: str, path: str, status: int) -> None:
    """Unknown dates and currencies are a 404 with Frankfurter's message."""
    response = get(f"{sandbox_url}/frankfurter/v1/{path}")
    assert (response.status_code, list(response.json())) == (status, ["message"])


def test_github_links_every_direction(sandbox_url: str) -> None:
    """The Link header of a middle page has its neighbours and both ends, with all other parameters unchanged."""
    links = get(f"{sandbox_url}{COMMITS}", per_page=10, page=3, since="2024-06-01T00:00:00Z").links
    assert {name: link["url"].rsplit("page=", 1)[1] for name, link in links.items() if name != "last"} == {
        "prev": "2",
        "first": "1",
        "next": "4",
    }
    assert "since=2024-06-01T00%3A00%3A00Z" in links["last"]["url"]
    assert "per_page=10" in links["last"]["url"]


def test_github_filters_by_since(sandbox_url: str) -> None:
    """`since` includes commits by committer date and issues by the time of their last update."""
    since = "2026-06-01T00:00:00Z"
    commits = get(f"{sandbox_url}{COMMITS}", per_page=100, since=since)
    assert "next" not in commits.links
    assert min(row["commit"]["committer"]["date"] for row in commits.json()) >= since
    url = f"{sandbox_url}/github/repos/dlt-hub/dlt/issues"
    issues = get(url, per_page=100, state="all", sort="updated", direction="asc", since=since)
    times = [row["updated_at"] for row in issues.json()]
    assert times == sorted(times)
    assert times[0] >= since
    again = get(url, per_page=100, state="all", since=times[-1].replace("Z", "+00:00")).json()
    assert times[-1] in {row["updated_at"] for row in again}


def test_github_lists_pull_requests_among_issues(sandbox_url: str) -> None:
    """Every pull request is an issue of the same number; other issues have no `pull_request`."""
    root = f"{sandbox_url}/github/repos/dlt-hub/dlt"
    pages = [get(f"{root}/issues", state="all", per_page=100, page=page).json() for page in range(1, 6)]
    issues = [issue for page in pages for issue in page]
    pulls = [pull for page in (1, 2) for pull in get(f"{root}/pulls", state="all", per_page=100, page=page).json()]
    assert {pull["number"] for pull in pulls} == {issue["number"] for issue in issues if "pull_request" in issue}
    assert len(pulls) < len(issues)
    assert all(issue["state"] == "open" for issue in get(f"{root}/issues").json())


def test_socrata_spells_numbers_as_text_and_leaves_nulls_out(sandbox_url: str) -> None:
    """In JSON of SODA 2.1, numbers are text and empty fields are omitted; a header has the types."""
    response = get(f"{sandbox_url}{AIRPORTS}", **{"$limit": 5000})
    rows = {row["iata"]: row for row in response.json()}
    assert rows["00M"]["latitude"] == "31.95376472"
    assert "state" not in rows["ROR"]
    fields, types = (json.loads(response.headers[f"X-SODA2-{name}"]) for name in ("Fields", "Types"))
    assert dict(zip(fields, types, strict=True))["latitude"] == "number"


def test_socrata_orders_and_refuses_unknown_columns(sandbox_url: str) -> None:
    """`$order` sorts both ways; an unknown column is a 400 with Socrata's message."""
    names = [row["iata"] for row in get(f"{sandbox_url}{AIRPORTS}", **{"$limit": 3, "$order": "iata desc"}).json()]
    assert names == sorted(names, reverse=True)
    refused = get(f"{sandbox_url}{AIRPORTS}", **{"$order": "nothing"})
    assert (refused.status_code, refused.json()["code"]) == (400, "query.soql.no-such-column")


def test_facebook_returns_the_requested_fields(sandbox_url: str) -> None:
    """Fields are selected by name, with sub-fields and modifiers; `id` is always included."""
    fields = "created_time,reactions.limit(0).summary(total_count),attachments{title,unshimmed_url}"
    rows = get(f"{sandbox_url}{TAGGED}", fields=fields, limit=100).json()["data"]
    assert set().union(*rows) == {"id", "created_time", "reactions", "attachments"}
    assert get(f"{sandbox_url}/facebook/v23.0/duckyards/posts").json()["data"] == []


def test_facebook_has_a_cursor_but_no_next_on_the_last_page(sandbox_url: str) -> None:
    """The end is a missing `next`, not a missing cursor; the page after it is empty."""
    since = "2026-10-30T00:00:00+0000"
    page = get(f"{sandbox_url}{TAGGED}", limit=100, since=since).json()
    assert "next" not in page["paging"]
    assert all(row["created_time"] >= since for row in page["data"])
    after = page["paging"]["cursors"]["after"]
    assert get(f"{sandbox_url}{TAGGED}", limit=100, since=since, after=after).json() == {"data": []}


def test_reddit_throttles_default_user_agents(sandbox_url: str) -> None:
    """A library's default User-Agent receives 429."""
    token = {"Authorization": f"Bearer {TOKENS['reddit']}"}
    assert requests.get(f"{sandbox_url}{SEARCH}", headers=token, timeout=10).status_code == 429


def test_x_returns_few_fields_by_default(sandbox_url: str) -> None:
    """Without tweet.fields and expansions a post has id, text and edit history; with them also its author."""
    bare = get(f"{sandbox_url}{RECENT}").json()
    assert set(bare["data"][0]) == {"id", "text", "edit_history_tweet_ids"}
    assert "includes" not in bare
    parameters = {"tweet.fields": "author_id", "expansions": "author_id", "user.fields": "verified"}
    full = get(f"{sandbox_url}{RECENT}", **parameters).json()
    users = {user["id"]: user for user in full["includes"]["users"]}
    assert {row["author_id"] for row in full["data"]} == set(users)
    assert set(full["includes"]["users"][0]) == {"id", "name", "username", "verified"}


def test_apify_describes_the_page_in_headers(sandbox_url: str) -> None:
    """The body is a plain array; the headers have offset, count, limit and total."""
    response = get(f"{sandbox_url}{ITEMS}", offset=310, limit=50)
    paging = {name: response.headers[f"X-Apify-Pagination-{name}"] for name in ("Total", "Offset", "Count", "Limit")}
    assert paging == {"Total": "320", "Offset": "310", "Count": "10", "Limit": "50"}
    assert len(response.json()) == 10


REFUSALS = [
    pytest.param("/github/repos/dlt-hub/dlt/commits", 401, ("message",), "Bad credentials", id="github"),
    pytest.param(TAGGED, 401, ("error", "code"), 190, id="facebook"),
    pytest.param(CAMPAIGNS, 401, ("error", "code"), 190, id="facebook-ads"),
    pytest.param(SEARCH, 401, ("message",), "Unauthorized", id="reddit"),
    pytest.param(RECENT, 401, ("title",), "Unauthorized", id="x"),
    pytest.param(ITEMS, 401, ("error", "type"), "user-or-token-not-found", id="apify"),
    pytest.param(AIRPORTS, 403, ("message",), "Invalid app_token specified", id="socrata"),
]


@pytest.mark.parametrize(("path", "status", "where", "says"), REFUSALS)
def test_a_wrong_token_is_refused_in_the_vendors_format(
    sandbox_url: str, path: str, status: int, where: tuple[str, ...], says: object
) -> None:
    """A wrong token gives the vendor's status and body."""
    response = get(f"{sandbox_url}{path}", {"Authorization": "Bearer wrong", "X-App-Token": "wrong"})
    assert response.status_code == status
    body = response.json()
    for key in where:
        body = body[key]
    assert body == says


@pytest.mark.parametrize("path", [TAGGED, SEARCH, RECENT, ITEMS])
def test_a_missing_token_is_refused(sandbox_url: str, path: str) -> None:
    """These vendors refuse requests without a token."""
    assert requests.get(f"{sandbox_url}{path}", headers=NAME, timeout=10).status_code == 401


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/github/repos/dlt-hub/nothing/commits", 404, id="github-repository"),
        pytest.param("/github/repos/dlt-hub/dlt/commits?per_page=1000", 400, id="github-per-page"),
        pytest.param("/github/repos/dlt-hub/dlt/commits?since=yesterday", 422, id="github-since"),
        pytest.param("/socrata/resource/none-0000.json", 404, id="socrata-dataset"),
        pytest.param("/socrata/resource/airp-0001.json?$limit=many", 400, id="socrata-limit"),
        pytest.param("/facebook/v23.0/somebody/tagged", 404, id="facebook-page"),
        pytest.param("/facebook/v23.0/duckyards/tagged?after=nonsense", 400, id="facebook-cursor"),
        pytest.param("/facebook/v23.0/duckyards/tagged?since=yesterday", 400, id="facebook-since"),
        pytest.param("/reddit/search?q=a&after=t3_none", 404, id="reddit-after"),
        pytest.param("/reddit/search", 400, id="reddit-no-query"),
        pytest.param("/x/2/tweets/search/recent?query=a&max_results=5", 400, id="x-max-results"),
        pytest.param("/x/2/tweets/search/recent?query=a&next_token=nonsense", 400, id="x-token"),
        pytest.param("/apify/v2/datasets/nothing/items", 404, id="apify-dataset"),
        pytest.param("/apify/v2/datasets/x-posts/items?limit=0", 400, id="apify-limit"),
    ],
)
def test_an_invalid_request_is_refused_in_the_vendors_format(sandbox_url: str, path: str, status: int) -> None:
    """An unknown path or an invalid parameter gives the vendor's body, never FastAPI's."""
    response = get(f"{sandbox_url}{path}")
    assert response.status_code == status
    assert "detail" not in response.json() or "x" in path.split("/")


def test_x_errors_are_problem_details(sandbox_url: str) -> None:
    """X returns errors as application/problem+json."""
    response = get(f"{sandbox_url}{RECENT}", max_results=5)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["type"].endswith("/invalid-request")


@pytest.mark.parametrize(
    ("path", "status", "headers"),
    [
        pytest.param(COMMITS, 403, {"X-RateLimit-Limit": "2", "X-RateLimit-Remaining": "0"}, id="github"),
        pytest.param(SEARCH, 429, {"X-Ratelimit-Remaining": "0.0", "X-Ratelimit-Used": "2"}, id="reddit"),
        pytest.param(RECENT, 429, {"x-rate-limit-limit": "2", "x-rate-limit-remaining": "0"}, id="x"),
        pytest.param(TAGGED, 403, {}, id="facebook"),
        pytest.param(CAMPAIGNS, 403, {}, id="facebook-ads"),
        pytest.param(LATEST, 429, {}, id="frankfurter"),
    ],
)
def test_the_limit_is_enforced_in_the_vendors_format(
    limited_url: str, path: str, status: int, headers: dict[str, str]
) -> None:
    """With a limit of two, the third request has the vendor's status; every response has the remaining requests."""
    answers = [get(f"{limited_url}{path}") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, status]
    assert {name: answers[2].headers[name] for name in headers} == headers
    if "X-RateLimit-Reset" in answers[2].headers:
        assert int(answers[2].headers["X-RateLimit-Reset"]) > 0
    if path == TAGGED:
        assert json.loads(answers[2].headers["X-App-Usage"])["call_count"] == 100


@pytest.fixture(scope="module")
def limited_url() -> Iterator[str]:
    """A server that allows two requests in each vendor's window."""
    with sandbox.serve_in_background({"SANDBOX_RATE_LIMIT": "2"}) as url:
        yield url


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("fault", ["429", "500", "503"])
def test_every_vendor_fails_in_its_own_format(sandbox_url: str, path: str, fault: str) -> None:
    """The fault of a status has that status and the vendor's body; 429 has the time of the next attempt."""
    response = get(f"{sandbox_url}{path}", {"X-Sandbox-Fault": f"{fault};seconds=3"})
    assert response.status_code == int(fault)
    assert response.json()
    assert response.headers.get("Retry-After") == ("3" if fault == "429" else None)


@pytest.mark.parametrize("path", [COMMITS, AIRPORTS, TAGGED, SEARCH, RECENT, ITEMS, CAMPAIGNS])
def test_a_token_can_expire(sandbox_url: str, path: str) -> None:
    """With `expired`, the right token is refused like a wrong one."""
    expired = get(f"{sandbox_url}{path}", {"X-Sandbox-Fault": "expired"})
    wrong = get(f"{sandbox_url}{path}", {"Authorization": "Bearer wrong", "X-App-Token": "wrong"})
    assert (expired.status_code, expired.json()) == (wrong.status_code, wrong.json())


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_connection_can_be_reset(sandbox_url: str, path: str) -> None:
    """With `reset`, the connection is reset before the first byte of the response."""
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        get(f"{sandbox_url}{path}", {"X-Sandbox-Fault": "reset"})


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_body_can_stop_half_way(sandbox_url: str, path: str) -> None:
    """With `truncated`, the response is complete HTTP with half of the body."""
    whole, half = get(f"{sandbox_url}{path}"), get(f"{sandbox_url}{path}", {"X-Sandbox-Fault": "truncated"})
    assert half.status_code == 200
    assert half.headers["Content-Type"] == whole.headers["Content-Type"]
    # Facebook's response contains the requested URL; those of others are the same.
    assert whole.text.startswith(half.text)
    assert abs(len(whole.content) - 2 * len(half.content)) <= 1


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_page_can_be_html(sandbox_url: str, path: str) -> None:
    """With `html`, status 200 has an HTML page."""
    response = get(f"{sandbox_url}{path}", {"X-Sandbox-Fault": "html"})
    assert (response.status_code, response.text[:15]) == (200, "<!doctype html>")
    assert response.headers["Content-Type"].startswith("text/html")


def test_a_response_can_be_slow(sandbox_url: str) -> None:
    """With `slow`, the same bytes take the requested time."""
    began = time.monotonic()
    slow = get(f"{sandbox_url}{LATEST}", {"X-Sandbox-Fault": "slow;seconds=0.4"})
    assert time.monotonic() - began >= 0.4
    assert slow.json() == get(f"{sandbox_url}{LATEST}").json()


def test_a_fault_can_be_counted(sandbox_url: str) -> None:
    """`after` lets requests through first, `times` ends the fault, and each path is counted separately."""
    fault = {"X-Sandbox-Fault": "500;after=1;times=2"}
    assert [get(f"{sandbox_url}{COMMITS}", fault).status_code for _ in range(4)] == [200, 500, 500, 200]
    assert get(f"{sandbox_url}{AIRPORTS}", fault).status_code == 200


def test_a_fault_can_be_requested_by_a_parameter(sandbox_url: str) -> None:
    """The parameter `sandbox_fault` has the same effect as the header."""
    assert get(f"{sandbox_url}{LATEST}", sandbox_fault="503").status_code == 503


def test_a_fault_can_be_armed_for_a_path(sandbox_url: str, arm_fault: Callable[..., None]) -> None:
    """An armed fault affects the paths with its prefix only, the armed number of times, and is listed."""
    arm_fault("/github/repos/dlt-hub/dlt/issues", "503", times=1)
    issues = f"{sandbox_url}/github/repos/dlt-hub/dlt/issues"
    assert get(f"{sandbox_url}{COMMITS}").status_code == 200
    assert [get(issues).status_code for _ in range(2)] == [503, 200]
    assert [fault["name"] for fault in requests.get(f"{sandbox_url}/_faults", timeout=10).json()["armed"]] == ["503"]
    arm_fault("/github/repos/dlt-hub/dlt/issues", "503", times=1)
    assert [get(issues).status_code for _ in range(2)] == [503, 200]


def test_a_fault_can_be_armed_for_the_process() -> None:
    """SANDBOX_FAULT arms faults from the start, with or without a path."""
    with sandbox.serve_in_background({"SANDBOX_FAULT": "/github=500;times=1, /x=503"}) as url:
        assert [get(f"{url}{COMMITS}").status_code for _ in range(2)] == [500, 200]
        assert [get(f"{url}{RECENT}").status_code for _ in range(2)] == [503, 503]
        assert get(f"{url}{LATEST}").status_code == 200


@pytest.mark.parametrize("spec", ["nonsense", "500;often=1"])
def test_an_unknown_fault_is_refused(sandbox_url: str, spec: str) -> None:
    """A misspelt fault is a 400 that lists the faults, never a request that succeeds."""
    response = get(f"{sandbox_url}{LATEST}", {"X-Sandbox-Fault": spec})
    assert response.status_code == 400
    assert "accepted" in response.json()["message"]


def test_an_unknown_fault_cannot_be_armed(sandbox_url: str) -> None:
    """An unknown name is refused."""
    assert requests.post(f"{sandbox_url}/_faults", json={"fault": "nonsense"}, timeout=10).status_code == 400


def test_a_server_with_an_unknown_fault_does_not_start() -> None:
    """An unknown name in SANDBOX_FAULT ends the server, and the waiting parent gets its error."""
    with pytest.raises(RuntimeError, match="did not start"), sandbox.serve_in_background({"SANDBOX_FAULT": "nonsense"}):
        pass


def test_posts_are_numerous(sandbox_url: str) -> None:
    """Every platform has several hundred posts over sixty days, with repeated authors and links."""
    posts = [row for page in walk_reddit(sandbox_url) for row in page]
    days = {int(row["created_utc"] // 86_400) for row in posts}
    assert 55 <= max(days) - min(days) <= 60
    links = Counter(row["url"] for row in posts if not row["is_self"])
    assert links.most_common(1)[0][1] >= 10
    authors = Counter(row["author"] for row in posts)
    assert authors.most_common(1)[0][1] >= 10
    users = [row["author"]["userName"] for page in walk_apify(sandbox_url) for row in page]
    assert len(set(users) & set(authors)) >= 20


@pytest.mark.parametrize(
    ("dataset", "key", "walk", "known"),
    [
        pytest.param("facebook-posts", "postId", walk_facebook, lambda row: row["id"].split("_")[1], id="facebook"),
        pytest.param("reddit-posts", "id", walk_reddit, lambda row: row["name"], id="reddit"),
        pytest.param("x-posts", "id", walk_x, lambda row: row["id"], id="x"),
    ],
)
def test_scraped_items_are_semi_structured(
    sandbox_url: str, dataset: str, key: str, walk: Walk, known: Callable[[dict[str, Any]], str]
) -> None:
    """Keys are missing, counts and times have mixed types, and some of the items are posts of the API."""
    items = get(f"{sandbox_url}/apify/v2/datasets/{dataset}/items").json()
    assert len({frozenset(item) for item in items}) > 5
    kinds = {name: {type(item[name]) for item in items if name in item} for name in set().union(*items)}
    assert sum(kind == {int, str} for kind in kinds.values()) >= 3
    assert any("K" in str(value) for item in items for value in item.values())
    shared = {item[key] for item in items} & {known(row) for page in walk(sandbox_url) for row in page}
    assert len(shared) == 150


def test_the_app_does_not_import_packages_of_data() -> None:
    """The start is fast, because packages that contain data are read as files and never imported."""
    code = "import sys, sandbox.app as a; a.build_app(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not {"pandas", "numpy", "vega_datasets", "currency_converter"} & set(loaded.split())


def test_docs_and_health_answer(sandbox_url: str) -> None:
    """/docs documents the protocols, and /_health reports that the server runs."""
    assert requests.get(f"{sandbox_url}/docs", timeout=10).status_code == 200
    paths = requests.get(f"{sandbox_url}/openapi.json", timeout=10).json()["paths"]
    vendors = requests.get(f"{sandbox_url}/_health", timeout=10).json()["vendors"]
    assert all(any(path.startswith(vendor) for path in paths) for vendor in vendors)


def test_every_setting_is_an_argument_of_its_source() -> None:
    """Each setting of the sandbox is an argument of a source, and includes every argument without a default."""
    taken, needed = set(), set()
    for file in (ROOT / "dlthub").glob("*/data.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                arguments = node.args.args
                names = [f"SOURCES__{file.parent.name}__{argument.arg}".upper() for argument in arguments]
                taken |= set(names)
                defaults = zip(reversed(names), reversed(node.args.defaults), strict=False)
                needed |= {name for name, default in defaults if ast.unparse(default).endswith(".value")}
    settings = set(sandbox.settings("http://sandbox"))
    configured = {"SOURCES__MENTIONS__QUERY", "SOURCES__MENTIONS__REDDIT_USER_AGENT"}
    assert settings <= taken
    assert needed - settings == configured


def run_sandbox(*arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Runs `python -m sandbox` until it exits."""
    command = [sys.executable, "-m", "sandbox", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60, **options)


def test_exec_runs_a_command_with_a_sandbox_and_stops_it() -> None:
    """The command has a healthy sandbox in its settings; its exit code is returned; the server is then stopped."""
    code = (
        "import os, sys, urllib.request as u\n"
        "url = os.environ['SOURCES__EXCHANGE_RATE__BASE_URL']\n"
        "u.urlopen(url + '/latest').read(); print(url); sys.exit(7)"
    )
    done = run_sandbox("exec", "--", sys.executable, "-c", code)
    assert (done.returncode, done.stderr) == (7, "")
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{done.stdout.strip()}/latest", timeout=10)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], 128 + 9, id="killed"),
        pytest.param(["no-such-program"], 127, id="not-found"),
        pytest.param([], 2, id="none"),
    ],
)
def test_exec_returns_the_exit_code_of_the_command(command: list[str], code: int) -> None:
    """A signal, a missing program and no program each have the exit code that a shell would return."""
    assert run_sandbox("exec", "--", *command).returncode == code


def test_an_interrupted_exec_lets_the_command_end_first() -> None:
    """Ctrl-C reaches the command; exec waits for it, keeps the server running, and returns the command's exit code."""
    code = (
        "import os, signal, sys, time, urllib.request as u\n"
        "def stop(*_):\n"
        "    u.urlopen(os.environ['SOURCES__EXCHANGE_RATE__BASE_URL'] + '/latest').read(); sys.exit(5)\n"
        "signal.signal(signal.SIGINT, stop); print('ready', flush=True); time.sleep(30)"
    )
    command = [sys.executable, "-m", "sandbox", "exec", "--", sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=30) == 5


def is_healthy(url: str) -> bool:
    """Returns whether a server answers at the URL."""
    try:
        return requests.get(f"{url}/_health", timeout=10).ok
    except requests.ConnectionError:
        return False


def test_the_server_ends_with_its_parent() -> None:
    """If the parent is killed, the server ends too."""
    code = "import sandbox, time\nwith sandbox.serve_in_background() as url: print(url, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert requests.get(f"{url}/_health", timeout=10).status_code == 200
        process.kill()
    deadline = time.monotonic() + 10
    while is_healthy(url) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_healthy(url)


def test_env_prints_the_settings() -> None:
    """`env` prints the variables of `settings`, one in each line."""
    lines = run_sandbox("env", "--url", "http://localhost:1/").stdout.splitlines()
    assert dict(line.split("=", 1) for line in lines) == sandbox.settings("http://localhost:1")
