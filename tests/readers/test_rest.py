"""Tests of REST endpoints, from `sources.yaml` to the warehouse."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from data_foundation.errors import ConfigError, EntryError, FoundationError, LoadError, SettingMissing
from data_foundation.process_wide.redaction import redact
from sandbox.environment import TOKENS
from tests.support.rest_server import Answer, ReceivedRequest, RestServer, serve
from tests.support.trees import Tree

ENTRY = "data_foundation.readers.rest.get_endpoint"
PREFIX = "SOURCES__SHOP__API__"
ROWS = [{"id": n, "name": f"row {n}"} for n in range(1, 8)]


class RestTree(Tree):
    """A checkout with the source `shop`, which has no Python code."""

    def read(self, *more: dict[str, Any], **kwargs: Any) -> None:
        """Writes the source: `raw.landed` reads the endpoint of `kwargs`; `more` are further resources."""
        settings = kwargs.pop("settings", {})
        landed = {
            "entry": ENTRY,
            "kwargs": {"connection": "api", "endpoint": "/rows", **kwargs},
            "destination": "raw.landed",
            "retries": {"max": 1, "backoff": 0.01},
            **settings,
        }
        folder = self.root / "dlthub" / "shop"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sources.yaml").write_text(yaml.safe_dump({"resources": [landed, *more]}))


@pytest.fixture(scope="module")
def server() -> Iterator[RestServer]:
    """One server for all tests."""
    with serve() as running:
        yield running


@pytest.fixture
def api(server: RestServer, monkeypatch: pytest.MonkeyPatch) -> RestServer:
    """The server without requests so far; the source `shop` knows it as the connection `api`."""
    monkeypatch.setenv(f"{PREFIX}BASE_URL", server.url)
    server.requests.clear()
    server.answer = lambda _request: ROWS
    return server


@pytest.fixture
def shop(tmp_path: Path) -> RestTree:
    """An empty checkout."""
    return RestTree(tmp_path)


def landed(tree: Tree) -> list[Any]:
    """Returns the loaded ids, in order."""
    return tree.query("select id from raw.landed order by id")


# -- Pagination -------------------------------------------------------------------------------------------------------


def by_offset(request: ReceivedRequest) -> Any:
    """Paging by offset and limit in the query string."""
    start, size = int(request.params.get("offset", 0)), int(request.params.get("limit", 99))
    return {"found": {"rows": ROWS[start : start + size]}, "total": len(ROWS)}


def by_page(request: ReceivedRequest) -> Any:
    """Pages of three rows, numbered from 1."""
    start = (int(request.params.get("page", 1)) - 1) * 3
    return {"found": {"rows": ROWS[start : start + 3]}, "pages": 3, "more": start + 3 < len(ROWS)}


def by_posted_page(request: ReceivedRequest) -> Any:
    """Pages of three rows, numbered from 0, with the number in the body of the request."""
    page = request.body["paging"]["page"]
    return {"found": {"rows": ROWS[page * 3 : page * 3 + 3]}}


def by_cursor(request: ReceivedRequest) -> Any:
    """A cursor in the response, empty after the last page."""
    start = int(request.params.get("after", 0))
    return {"found": {"rows": ROWS[start : start + 3]}, "next": str(start + 3) if start + 3 < len(ROWS) else ""}


def by_posted_cursor(request: ReceivedRequest) -> Any:
    """A cursor in the response, sent in the body of the next request."""
    start = request.body.get("after", 0)
    return {"found": {"rows": ROWS[start : start + 3]}, "next": start + 3 if start + 3 < len(ROWS) else None}


def by_link(request: ReceivedRequest) -> Any:
    """A relative URL in the Link header."""
    start = int(request.params.get("from", 0))
    more = {"Link": f'</rows?from={start + 3}>; rel="next"'} if start + 3 < len(ROWS) else {}
    return Answer({"found": {"rows": ROWS[start : start + 3]}}, headers=more)


def by_url(request: ReceivedRequest) -> Any:
    """A URL in the response, empty after the last page."""
    start = int(request.params.get("from", 0))
    following = f"http://{request.headers['Host']}/rows?from={start + 3}" if start + 3 < len(ROWS) else ""
    return {"found": {"rows": ROWS[start : start + 3]}, "paging": {"next": following}}


def all_at_once(_request: ReceivedRequest) -> Any:
    """All rows in one response."""
    return {"found": {"rows": ROWS}}


PAGINGS: dict[str, tuple[Callable[[ReceivedRequest], Any], dict[str, Any], int]] = {
    "none": (all_at_once, {}, 1),
    "offset": (by_offset, {"pagination": "offset", "page_size": 3}, 4),
    "offset-total": (by_offset, {"pagination": {"type": "offset", "total_path": "total"}, "page_size": 3}, 3),
    "page": (by_page, {"pagination": "page"}, 4),
    "page-total": (by_page, {"pagination": {"type": "page", "has_more_path": "more"}}, 3),
    "page-in-dlt's-words": (by_page, {"pagination": {"type": "page_number", "has_more_path": "more"}}, 3),
    "page-posted": (by_posted_page, {"method": "post", "json": {"paging": {}},
                    "pagination": {"type": "page", "page_body_path": "paging.page", "base_page": 0}}, 4),
    "cursor": (by_cursor, {"pagination": {"type": "cursor", "cursor_path": "next", "cursor_param": "after"}}, 3),
    "cursor-posted": (by_posted_cursor, {"method": "POST", "json": {"a": 1},
                      "pagination": {"type": "cursor", "cursor_path": "next", "cursor_body_path": "after"}}, 3),
    "link-header": (by_link, {"pagination": "link header"}, 3),
    "next-url": (by_url, {"pagination": {"type": "next url", "next_url_path": "paging.next"}}, 3),
}  # fmt: skip


def by_odata(request: ReceivedRequest) -> Any:
    """OData's keys, which contain dots and an @, and are not paths."""
    answer = by_url(request)
    return {"value": answer["found"]["rows"], "@odata.nextLink": answer["paging"]["next"]}


@pytest.mark.parametrize("path", ["@odata.nextLink", '"@odata.nextLink"'])
def test_a_key_with_a_dot_is_found(shop: RestTree, api: RestServer, path: str) -> None:
    """@ is the response itself in JSONPath; if the key were not found, the paging would end after one page."""
    api.answer = by_odata
    shop.read(data_selector="value", pagination={"type": "next_url", "next_url_path": path})
    assert shop.load("shop.landed").rows == len(ROWS)


@pytest.mark.parametrize(("answer", "kwargs", "count"), PAGINGS.values(), ids=PAGINGS)
def test_every_page_is_read_once(
    shop: RestTree, api: RestServer, answer: Callable[[ReceivedRequest], Any], kwargs: dict[str, Any], count: int
) -> None:
    """All rows are loaded, without an unnecessary request, whatever the kind of paging."""
    api.answer = answer
    shop.read(data_selector="found.rows", **kwargs)
    assert shop.load("shop.landed").rows == len(ROWS)
    assert landed(shop) == [row["id"] for row in ROWS]
    assert len(api.requests) == count


GITHUB = {"endpoint": "/repos/dlt-hub/dlt/commits", "pagination": {"type": "link_header", "limit_param": "per_page"}}
VENDORS: dict[str, tuple[str, dict[str, str], dict[str, Any], str]] = {
    "github": ("/github", {"AUTH__TOKEN": TOKENS["github"]}, {**GITHUB, "page_size": 100}, "sha"),
    "socrata": (
        "/socrata",
        {"HEADERS": json.dumps({"X-App-Token": TOKENS["socrata"]})},
        {"endpoint": "/resource/airp-0001.json", "page_size": 1000,
         "pagination": {"type": "offset", "offset_param": "$offset", "limit_param": "$limit"}},
        "iata",
    ),
    "reddit": (
        "/reddit",
        {"AUTH__TYPE": "bearer", "AUTH__TOKEN": TOKENS["reddit"]},
        {"endpoint": "search", "params": {"q": "duckyards"}, "data_selector": "data.children[*].data", "page_size": 100,
         "pagination": {"type": "cursor", "cursor_path": "data.after", "cursor_param": "after"}},
        "name",
    ),
    "facebook": (
        "/facebook",
        {"AUTH__TOKEN": TOKENS["facebook"]},
        {"endpoint": "/v23.0/duckyards/tagged", "data_selector": "data", "page_size": 100,
         "pagination": {"type": "next_url", "next_url_path": "paging.next"}},
        "id",
    ),
}  # fmt: skip
COUNTS = {"github": 640, "socrata": 3376, "reddit": 380, "facebook": 420}


@pytest.fixture
def vendor_at(sandbox_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A function that points the connection `api` at one of the sandbox's vendors."""

    def point(vendor: str) -> None:
        prefix, settings, *_ = VENDORS[vendor]
        for name, value in {"BASE_URL": f"{sandbox_url}{prefix}", **settings}.items():
            monkeypatch.setenv(f"{PREFIX}{name}", value)

    return point


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendor_needs_no_code(vendor_at: Callable[[str], None], shop: RestTree, vendor: str) -> None:
    """GitHub, Socrata, Reddit and Facebook are read completely with `sources.yaml` alone."""
    _, _, kwargs, key = VENDORS[vendor]
    vendor_at(vendor)
    # Reddit's `edited` is false or a time.
    shop.read(settings={"columns": {"edited": {"data_type": "text"}}} if vendor == "reddit" else {}, **kwargs)
    shop.load("shop.landed")
    assert shop.query(f"select count(*), count(distinct {key}) from raw.landed") == [(COUNTS[vendor], COUNTS[vendor])]


@pytest.mark.parametrize("fault", ["self_next", "repeated"])
@pytest.mark.parametrize("vendor", VENDORS)
def test_paging_in_circles_is_refused(
    vendor_at: Callable[[str], None], shop: RestTree, arm_fault: Callable[..., None], vendor: str, fault: str
) -> None:
    """A repeated page, or a pointer to the page itself, is an error instead of an endless loop."""
    prefix, _, kwargs, _ = VENDORS[vendor]
    vendor_at(vendor)
    arm_fault(prefix, fault)
    shop.read(**kwargs)
    with pytest.raises(LoadError, match=r"pagination \w+ never ends: (a page has the rows of an|the next page was)"):
        shop.load("shop.landed")


# -- Authentication ---------------------------------------------------------------------------------------------------

SECRET = "s3cret/of:the+shop"
KEYS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "bearer": ({"AUTH__TOKEN": SECRET}, {"Authorization": f"Bearer {SECRET}"}),
    "api-key": ({"AUTH__API_KEY": SECRET, "AUTH__NAME": "X-Api-Key"}, {"X-Api-Key": SECRET}),
    "basic": (
        {"AUTH__TYPE": "basic", "AUTH__USERNAME": "me", "AUTH__PASSWORD": SECRET},
        {"Authorization": "Basic bWU6czNjcmV0L29mOnRoZStzaG9w"},
    ),
    "headers": ({"HEADERS": json.dumps({"X-Token": SECRET, "Accept": "text/json"})},
                {"X-Token": SECRET, "Accept": "text/json"}),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "headers"), KEYS.values(), ids=KEYS)
def test_credentials_are_sent_as_the_kind_of_auth_requires(
    shop: RestTree, api: RestServer, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], headers: dict[str, str]
) -> None:
    """Each kind of auth sends what the vendor requires; the kind is optional if its keys are unambiguous."""
    for name, value in settings.items():
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    shop.read(headers={"X-More": "1"})
    shop.load("shop.landed")
    assert {**headers, "X-More": "1"}.items() <= api.requests[0].headers.items()


def test_a_key_may_stand_in_the_address(shop: RestTree, api: RestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """`location: query` sends the key as a parameter with every page."""
    for name, value in {"API_KEY": SECRET, "NAME": "key", "LOCATION": "query"}.items():
        monkeypatch.setenv(f"{PREFIX}AUTH__{name}", value)
    api.answer = by_url
    shop.read(pagination={"type": "next_url", "next_url_path": "paging.next"}, data_selector="found.rows")
    shop.load("shop.landed")
    assert [request.params["key"] for request in api.requests] == [SECRET] * 3


def token_or_rows(request: ReceivedRequest) -> Any:
    """A vendor that issues tokens at /token."""
    if request.path == "/token":
        fits = request.body.get("client_secret") == SECRET and request.body.get("scope") == "read"
        return {"access_token": "t0ken-of-an-hour", "expires_in": 3600} if fits else Answer({"error": "no"}, 401)
    fits = request.headers.get("Authorization") == "Bearer t0ken-of-an-hour"
    return by_page(request) if fits else Answer({"error": "no"}, 401)


OAUTH = {"ACCESS_TOKEN_URL": "", "CLIENT_ID": "me", "CLIENT_SECRET": SECRET,
         "ACCESS_TOKEN_REQUEST_DATA": '{"scope": "read"}'}  # fmt: skip


def test_client_credentials_are_exchanged_for_a_token(
    shop: RestTree, api: RestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OAuth2: one token is used for all pages, and is masked like the client secret."""
    for name, value in {**OAUTH, "ACCESS_TOKEN_URL": f"{api.url}/token"}.items():
        monkeypatch.setenv(f"{PREFIX}AUTH__{name}", value)
    api.answer = token_or_rows
    shop.read(pagination="page", data_selector="found.rows")
    shop.load("shop.landed")
    assert landed(shop) == [row["id"] for row in ROWS]
    assert [request.path for request in api.requests] == ["/token", "/rows", "/rows", "/rows", "/rows"]
    assert redact(f"x t0ken-of-an-hour {SECRET}") == "x *** ***"


def test_a_refused_token_request_shows_no_secret(
    shop: RestTree, api: RestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the endpoint that refused; it contains neither id nor secret, although the response does."""
    for name, value in {"API_KEY": SECRET, "NAME": "key", "LOCATION": "query"}.items():
        monkeypatch.setenv(f"{PREFIX}AUTH__{name}", value)
    api.answer = lambda request: Answer({"message": f"no such key: {request.params['key']}"}, 401)
    shop.read()
    with pytest.raises(LoadError, match=r"(?s)401 Unauthorized for http.*the vendor refuses the credentials") as caught:
        shop.load("shop.landed")
    assert SECRET not in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_credentials_are_not_sent_to_another_host(
    shop: RestTree, api: RestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A next page on another host is refused; a redirect to another host is followed without the key."""
    monkeypatch.setenv(f"{PREFIX}AUTH__API_KEY", SECRET)
    monkeypatch.setenv(f"{PREFIX}AUTH__NAME", "X-Api-Key")
    with serve() as other:
        api.answer = lambda _request: {"rows": ROWS, "next": f"{other.url}/rows"}
        shop.read(pagination="next_url", data_selector="rows")
        with pytest.raises(EntryError, match=r"leads to http://127.*the credentials for http://127.* may be secret"):
            shop.load("shop.landed")
        assert other.requests == []
        api.answer = lambda _request: Answer(
            status=302, headers={"Location": f"{other.url.replace('127.0.0.1', 'localhost')}/rows"}
        )
        other.answer = lambda _request: ROWS
        shop.read()
        shop.load("shop.landed")
        assert "X-Api-Key" in api.requests[-1].headers
        assert "X-Api-Key" not in other.requests[-1].headers


MISSING: dict[str, tuple[dict[str, str], list[str]]] = {
    "address": ({}, ["BASE_URL"]),
    "token": ({"AUTH__TYPE": "bearer"}, ["BASE_URL", "AUTH__TOKEN"]),
    "half-a-pair": ({"BASE_URL": "http://x", "AUTH__USERNAME": "me"}, ["AUTH__PASSWORD"]),
    "oauth": ({"BASE_URL": "http://x", "AUTH__TYPE": "oauth2", "AUTH__CLIENT_ID": "me"},
              ["AUTH__ACCESS_TOKEN_URL", "AUTH__CLIENT_SECRET"]),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "missing"), MISSING.values(), ids=MISSING)
def test_settings_that_are_missing_are_named(
    shop: RestTree, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], missing: list[str]
) -> None:
    """The error names the variable of every missing setting."""
    for name, value in settings.items():
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    shop.read()
    with pytest.raises(SettingMissing, match=r"\[sources.shop.api\]") as caught:
        shop.load("shop.landed")
    assert list(caught.value.settings) == [f"{PREFIX}{name}" for name in missing]


WRONG_SETTINGS: dict[str, tuple[dict[str, str], str]] = {
    "address": ({"BASE_URL": "api.example.com"}, "base_url: got 'api.example.com'; accepted is a URL"),
    "kind": ({"AUTH__TYPE": "baerer"}, "auth.type: got 'baerer'; accepted: none, bearer, .* Did you mean 'bearer'"),
    "location": ({"AUTH__API_KEY": SECRET, "AUTH__LOCATION": "body"}, "location: got 'body'; accepted: header, query"),
    "headers": ({"HEADERS": "X-Key: 1"}, "headers: accepted is a table, or in the environment a JSON object"),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "message"), WRONG_SETTINGS.values(), ids=WRONG_SETTINGS)
def test_an_invalid_setting_is_refused(
    shop: RestTree, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], message: str
) -> None:
    """The error shows the accepted values."""
    for name, value in {"BASE_URL": "http://127.0.0.1:9", **settings}.items():
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    shop.read()
    with pytest.raises(EntryError, match=message):
        shop.load("shop.landed")


# -- Incremental loads ------------------------------------------------------------------------------------------------

MERGE = {"write_disposition": "merge", "primary_key": "id",
         "incremental": {"cursor_path": "changed", "initial_value": "2024-01-01T00:00:00Z"}}  # fmt: skip
CHANGED = [{"id": n, "changed": f"2024-01-0{n}T00:00:00Z"} for n in range(1, 8)]


def since(request: ReceivedRequest) -> Any:
    """A vendor that returns the rows changed in a range."""
    first, end = request.params.get("since", ""), request.params.get("until", "9")
    return [row for row in CHANGED if first <= str(row["changed"]) < end]


@pytest.mark.parametrize(
    "kwargs", [{"start_param": "since", "end_param": "until"}, {"params": {"since": "{{ partition.start }}"}}],
    ids=["start_param", "template"],
)  # fmt: skip
def test_the_cursor_is_sent(shop: RestTree, api: RestServer, kwargs: dict[str, Any]) -> None:
    """The first run requests rows from the initial value, the next from the cursor; no row is loaded twice."""
    api.answer = since
    shop.read(settings=MERGE, **kwargs)
    assert shop.load("shop.landed").rows == 7
    assert shop.load("shop.landed").row_count == 7
    assert [request.params["since"] for request in api.requests] == ["2024-01-01T00:00:00Z", "2024-01-07T00:00:00Z"]
    assert all("until" not in request.params for request in api.requests)


def test_a_requested_range_is_sent(shop: RestTree, api: RestServer) -> None:
    """A backfill sends both ends; the cursor does not move."""
    api.answer = since
    shop.read(settings=MERGE, start_param="since", end_param="until")
    shop.load("shop.landed", start="2024-01-02", end="2024-01-04")
    assert landed(shop) == [2, 3]
    assert api.requests[0].params == {"since": "2024-01-02T00:00:00Z", "until": "2024-01-04T00:00:00Z"}


def test_a_cursor_without_a_value_is_not_sent(shop: RestTree, api: RestServer) -> None:
    """Without an initial value, the first run requests all rows."""
    incremental = {"cursor_path": "changed"}
    api.answer = since
    for kwargs in ({"start_param": "since"}, {"params": {"since": "{{ partition.start }}"}}):
        shop.read(settings={**MERGE, "incremental": incremental}, **kwargs)
        shop.load("shop.landed", refresh="state")
        assert api.requests[-1].params == {}


# -- Endpoints below others -------------------------------------------------------------------------------------------


def orders_and_lines(request: ReceivedRequest) -> Any:
    """A vendor with orders, and the lines of each order."""
    if request.path == "/orders":
        return [{"id": "a/1", "customer": {"id": 7}}, {"id": "b 2", "customer": {"id": 8}}]
    return [{"line": 1}, {"line": 2}] if request.path == "/orders/a%2F1/lines" else [{"line": 3}]


ORDERS = {"entry": ENTRY, "kwargs": {"connection": "api", "endpoint": "/orders"}, "destination": "raw.orders"}


def test_an_endpoint_is_read_for_each_row_of_its_parent(shop: RestTree, api: RestServer) -> None:
    """`{id}` is the parent's field, percent-encoded in a path; `include_from_parent` adds parent fields to each row."""
    api.answer = orders_and_lines
    shop.read(
        ORDERS,
        endpoint="/orders/{id}/lines",
        params={"customer": "{customer.id}", "tag": "of {id}"},
        include_from_parent=["id", "customer.id"],
        settings={"data_from": "orders"},
    )
    shop.load("shop.landed")
    assert shop.query("select line, _orders_id, _orders_customer__id from raw.landed order by line") == [
        (1, "a/1", 7), (2, "a/1", 7), (3, "b 2", 8),
    ]  # fmt: skip
    assert [request.params for request in api.requests[1:]] == [
        {"customer": "7", "tag": "of a/1"}, {"customer": "8", "tag": "of b 2"},
    ]  # fmt: skip


def test_a_field_of_the_child_is_not_replaced(shop: RestTree, api: RestServer) -> None:
    """A child may have a field of the name that the parent's field gets: refused, with the setting to change."""
    api.answer = lambda request: [{"id": 7}] if request.path == "/orders" else [{"_orders_id": 1}]
    shop.read(ORDERS, endpoint="/orders/{id}/lines", include_from_parent=["id"], settings={"data_from": "orders"})
    with pytest.raises(LoadError, match="a row has a field _orders_id of its own, which the parent's would replace"):
        shop.load("shop.landed")


def test_a_posted_field_keeps_its_type(shop: RestTree, api: RestServer) -> None:
    """In a body, a text that is only a field becomes the field's value; other braces are kept."""
    api.answer = lambda request: [{"id": 7, "n": None}] if request.path == "/orders" else [{"n": 1}]
    body = {"query": "{orders{id}}", "variables": {"id": "{id}"}}
    shop.read(ORDERS, method="POST", json=body, settings={"data_from": "orders"})
    shop.load("shop.landed")
    assert api.requests[-1].body == {"query": "{orders{id}}", "variables": {"id": 7}}


def test_a_parent_may_be_any_entry(shop: RestTree, api: RestServer) -> None:
    """A generator of rows, pages or frames can be the parent."""
    api.answer = lambda request: [{"path": request.path}]
    folder = shop.root / "dlthub" / "shop"
    for given in ('[{"id": 1}, {"id": 2}]', 'pa.table({"id": [1, 2]})', 'pa.table({"id": [1, 2]}).to_pandas()'):
        orders = {**ORDERS, "entry": "data.get_orders", "kwargs": {}}
        shop.read(orders, endpoint="/orders/{id}", settings={"data_from": "orders", "write_disposition": "replace"})
        (folder / "data.py").write_text(f"import pyarrow as pa\n\n\ndef get_orders():\n    yield {given}\n")
        shop.load("shop.landed")
        assert shop.query("select path from raw.landed order by path") == ["/orders/1", "/orders/2"]


def test_one_token_serves_all_rows_of_a_parent(
    shop: RestTree, api: RestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client is created once for each run, not once for each parent."""
    for name, value in {**OAUTH, "ACCESS_TOKEN_URL": f"{api.url}/token"}.items():
        monkeypatch.setenv(f"{PREFIX}AUTH__{name}", value)
    api.answer = token_or_rows
    orders = {**ORDERS, "entry": "data.get_orders", "kwargs": {}}
    shop.read(orders, endpoint="/rows/{id}", data_selector="found.rows", settings={"data_from": "orders"})
    (shop.root / "dlthub" / "shop" / "data.py").write_text(
        "def get_orders():\n    yield {'id': 1}\n    yield {'id': 2}\n"
    )
    shop.load("shop.landed")
    assert [request.path for request in api.requests] == ["/token", "/rows/1", "/rows/2"]


PARENTS: dict[str, tuple[Any, str]] = {
    "no-such-field": ({"idd": 1}, "the parent's row has no 'id'; it has idd. Did you mean 'idd'"),
    "empty": ({"id": None}, "'id' of the parent's row is empty"),
    "no-row": ("text", "the parent yielded a str; accepted are rows with fields"),
}


@pytest.mark.parametrize(("row", "message"), PARENTS.values(), ids=PARENTS)
def test_a_parent_that_lacks_the_field_is_refused(shop: RestTree, api: RestServer, row: Any, message: str) -> None:
    """No request is sent with an empty field in its URL."""
    orders = {**ORDERS, "entry": "data.get_orders", "kwargs": {}}
    shop.read(orders, endpoint="/orders/{id}", settings={"data_from": "orders"})
    (shop.root / "dlthub" / "shop" / "data.py").write_text(f"def get_orders():\n    yield {row!r}\n")
    with pytest.raises(LoadError, match=message):
        shop.load("shop.landed")
    assert api.requests == []


# -- Errors -----------------------------------------------------------------------------------------------------------

ANSWERS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "html": (Answer(text="<html>Log in</html>", headers={"Content-Type": "text/html"}), {},
             "returned text/html, not JSON: <html>Log in</html>"),
    "blanks": (Answer(text=" "), {}, "not JSON"),
    "404": (Answer({"message": "no such thing"}, 404), {}, "404 Not Found for .*no such thing"),
    "selects-nothing": ({"rowz": []}, {"data_selector": "rows"},
                        "data_selector 'rows' matches nothing in the response; it has rowz. Did you mean 'rowz'"),
    "selects-nothing-of-a-list": ([], {"data_selector": "rows"}, "matches nothing in the response; it is a list"),
    "no-total": ({"rows": [{"id": 1}]}, {"data_selector": "rows", "pagination": {"type": "page", "total_path": "n"}},
                 "Total .* not found in the response"),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "kwargs", "message"), ANSWERS.values(), ids=ANSWERS)
def test_an_invalid_response_is_refused(
    shop: RestTree, api: RestServer, answer: Any, kwargs: dict[str, Any], message: str
) -> None:
    """The load fails at once with the vendor's response, and nothing is written."""
    api.answer = lambda _request: answer
    shop.read(**kwargs)
    with pytest.raises(LoadError, match=message):
        shop.load("shop.landed")
    assert len(api.requests) == 1


def test_a_missing_selector_may_mean_no_rows(shop: RestTree, api: RestServer) -> None:
    """With `data_selector_required: false` a response without the key has no rows; an empty list always has none."""
    api.answer = lambda _request: {"meta": {"count": 0}}
    shop.read(data_selector="data", data_selector_required=False)
    assert shop.load("shop.landed").rows == 0
    api.answer = lambda _request: {"data": {"children": []}}
    shop.read(data_selector="data.children[*].data")
    assert shop.load("shop.landed").rows == 0


def test_without_a_selector_the_list_in_an_answer_is_found(shop: RestTree, api: RestServer) -> None:
    """Rows are found as dlt finds them; `$` makes the whole response one row."""
    api.answer = lambda _request: {"meta": {"tags": []}, "results": ROWS}
    shop.read(settings={"write_disposition": "replace"})
    assert shop.load("shop.landed").rows == len(ROWS)
    api.answer = lambda _request: {"id": 1, "items": [{"n": 1}]}
    shop.read(data_selector="$", settings={"write_disposition": "replace"})
    assert shop.load("shop.landed").rows == 1


FAULTS: dict[str, tuple[Answer, int]] = {
    "429": (Answer({}, 429, {"Retry-After": "0"}), 2),
    "503": (Answer({}, 503), 2),
    "cut-off": (Answer(text='{"rows": [{"id"'), 2),
    "401": (Answer({}, 401), 1),
}


@pytest.mark.parametrize(("answer", "count"), FAULTS.values(), ids=FAULTS)
def test_retries_are_those_of_the_resource(shop: RestTree, api: RestServer, answer: Answer, count: int) -> None:
    """`retries: {max: 1}` allows two requests, independent of dlt's session; a permanent error is not retried."""
    api.answer = lambda _request: answer
    shop.read()
    with pytest.raises(FoundationError):
        shop.load("shop.landed")
    assert len(api.requests) == count


def test_a_temporary_fault_loses_no_row(shop: RestTree, api: RestServer) -> None:
    """A page that fails once is requested again, and no row is loaded twice."""
    faults = [Answer({}, 503)]
    api.answer = lambda request: faults.pop() if request.params.get("page") == "2" and faults else by_page(request)
    shop.read(pagination="page", data_selector="found.rows")
    shop.load("shop.landed")
    assert landed(shop) == [row["id"] for row in ROWS]


def test_a_vendor_with_a_smaller_page_size_is_an_error(shop: RestTree, api: RestServer) -> None:
    """Pages of two rows instead of three are an error, because the rows between them would be missing."""
    api.answer = lambda request: ROWS[int(request.params["offset"]) :][:2]
    shop.read(pagination="offset", page_size=3)
    with pytest.raises(LoadError, match=r"3 rows were requested, a page had 2.*`page_size: 2`"):
        shop.load("shop.landed")


def test_an_array_is_loaded_unchanged(shop: RestTree, api: RestServer) -> None:
    """A top-level array of rows is parsed without loss: large integers, texts and nested lists are unchanged."""
    api.answer = lambda _request: Answer(text='[{"id": 9007199254740993, "n": "é", "l": [{"a": 1}, {"a": 2}]}]')
    shop.read()
    assert shop.load("shop.landed").rows == 1
    assert shop.query("select id, n from raw.landed") == [(9007199254740993, "é")]
    assert shop.query("select a from raw.landed__l order by a") == [1, 2]


# -- What `foundation check` finds ------------------------------------------------------------------------------------

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "pagination": ({"pagination": "ofset"}, r"kwargs\.pagination: got 'ofset'; accepted: none, .* mean 'offset'"),
    "detail": ({"pagination": {"type": "page", "offset_param": "x"}},
               "pagination page has no key 'offset_param'; accepted: limit_param, page_param"),
    "unknown-detail": ({"pagination": {"type": "page", "page_parm": "x"}}, "unknown key 'page_parm'.*'page_param'"),
    "two-places": (
        {"pagination": {"type": "page", "page_param": "x", "page_body_path": "y"}},
        "got page_param and page_body_path; accepted is one of them",
    ),
    "path": ({"data_selector": "a["}, r"kwargs\.data_selector: got 'a\['; accepted is a JSONPath"),
    "method": ({"method": "PUT"}, "kwargs.method: got 'PUT'; accepted: GET, POST"),
    "size": ({"pagination": "offset", "page_size": 0}, "kwargs.page_size: got 0"),
    "size-of-none": ({"page_size": 10}, "page_size needs `pagination`"),
    "body-of-get": ({"json": {"a": 1}}, "json is the body of a POST request"),
    "address": ({"endpoint": "https://api.example.com/rows"}, "accepted is a path below base_url"),
    "no-parent": ({"endpoint": "/orders/{id}"}, "'id' is a field of a parent; name that resource in `data_from`"),
    "unknown": ({"selector": "a"}, "unexpected keyword argument 'selector'"),
}  # fmt: skip


@pytest.mark.parametrize(("kwargs", "message"), BAD.values(), ids=BAD)
def test_a_check_finds_invalid_arguments(shop: RestTree, kwargs: dict[str, Any], message: str) -> None:
    """The error is at the resource's line; no setting, connection or code is needed."""
    shop.read(**kwargs)
    with pytest.raises(ConfigError, match=message):
        shop.check("shop")


def test_a_template_is_checked_at_run_time(shop: RestTree, api: RestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """`{{ env.NAME }}` can stand for any value, so it is checked when the resource runs."""
    monkeypatch.setenv("SHOP_PAGE", "many")
    shop.read(pagination="offset", page_size="{{ env.SHOP_PAGE }}")
    shop.check("shop")
    with pytest.raises(EntryError, match=r"kwargs\.page_size: got 'many'"):
        shop.load("shop.landed")
    assert api.requests == []


@pytest.mark.parametrize(
    ("text", "kwargs"),
    [
        ('[{"id": 1, "netAmount": DIGITS, "f": 0.1}]', {}),
        ('{"rows": [{"id": 1, "netAmount": DIGITS, "f": 0.1}]}', {}),
        ('{"a": [{"rows": [{"id": 1, "netAmount": DIGITS, "f": 0.1}]}]}', {"data_selector": "a[*].rows"}),
    ],
    ids=["array", "found list", "selected list"],
)
@pytest.mark.parametrize("has_parent", [False, True], ids=["alone", "with a parent"])
def test_a_declared_decimal_keeps_its_digits(
    api: RestServer, shop: RestTree, text: str, kwargs: dict[str, Any], *, has_parent: bool
) -> None:
    """Wherever the rows are in the response; other numbers with a fraction are doubles."""
    text = text.replace("DIGITS", "1234567890123456.78")
    api.answer = lambda request: Answer(text=text) if request.path == "/rows" else [{"key": 1}]
    settings: dict[str, Any] = {"columns": {"netAmount": {"data_type": "decimal", "precision": 20, "scale": 2}}}
    parent = {"entry": ENTRY, "kwargs": {"connection": "api", "endpoint": "/keys"}, "destination": "raw.keys"}
    if has_parent:
        shop.read(parent, settings={**settings, "data_from": "keys"}, params={"key": "{key}"},
                  include_from_parent=["key"], **kwargs)  # fmt: skip
    else:
        shop.read(settings=settings, **kwargs)
    shop.load("shop.landed")
    assert shop.query("select net_amount, f from raw.landed") == [(Decimal("1234567890123456.78"), 0.1)]
