"""Tests of what a REST endpoint is asked for, and of which of its responses are rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data_foundation.errors import ConfigError, FoundationError, LoadError
from tests.readers.test_rest import MERGE, ORDERS, PREFIX, RestTree
from tests.support.rest_server import Answer, ReceivedRequest, RestServer, serve


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
    server.answer = lambda _request: [{"id": 1}]
    return server


@pytest.fixture
def shop(tmp_path: Path) -> RestTree:
    """An empty checkout."""
    return RestTree(tmp_path)


# -- What is sent -----------------------------------------------------------------------------------------------------


def test_values_are_sent_as_json_has_them(shop: RestTree, api: RestServer) -> None:
    """`true` goes out as `true`, a date as in ISO 8601, a list as several parameters; nothing goes out as `None`."""
    shop.read(
        method="POST",
        params={"paid": True, "open": False, "n": 1.5, "day": "2024-01-31", "none": None, "empty": ""},
        headers={"X-Shop": "7"},
        json={"paid": True, "n": None},
    )
    shop.load("shop.landed")
    assert api.requests[0].params == {"paid": "true", "open": "false", "n": "1.5", "day": "2024-01-31"}
    assert api.requests[0].headers["X-Shop"] == "7"
    assert api.requests[0].body == {"paid": True, "n": None}


def test_a_form_is_sent(shop: RestTree, api: RestServer) -> None:
    """`data` is a form, with the same spelling of values and the same placeholders as parameters."""
    api.answer = lambda request: [{"id": "a b", "paid": True}] if request.path == "/orders" else [{"n": 1}]
    data = {"paid": "{paid}", "q": "of {id}", "all": True}
    shop.read(ORDERS, method="POST", data=data, settings={"data_from": "orders"})
    shop.load("shop.landed")
    assert api.requests[-1].body == {"paid": "true", "q": "of a b", "all": "true"}
    assert api.requests[-1].headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_headers_and_parameters_are_filled(shop: RestTree, api: RestServer) -> None:
    """A field of the parent is filled in headers too, and each value as JSON has it."""
    parent = {"id": 7, "paid": True, "tags": ["a", "b"], "at": {"day": "2024-01-31"}}
    api.answer = lambda request: [parent] if request.path == "/orders" else [{"n": 1}]
    shop.read(
        ORDERS, endpoint="/orders/{id}/{paid}", headers={"X-Order": "{id}", "X-Paid": "is {paid}"},
        params={"paid": "{paid}", "day": "{at.day}"}, settings={"data_from": "orders"},
    )  # fmt: skip
    shop.load("shop.landed")
    assert api.requests[-1].path == "/orders/7/true"
    assert (api.requests[-1].headers["X-Order"], api.requests[-1].headers["X-Paid"]) == ("7", "is true")
    assert api.requests[-1].params == {"paid": "true", "day": "2024-01-31"}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "object": ({"params": {"where": {"a": 1}}}, "params: where: got an object; accepted is a text"),
    "list in a list": ({"params": {"where": [[1]]}}, "params: where: got a list in a list"),
    "dlt's resolve": ({"params": {"id": {"type": "resolve", "resource": "orders", "field": "id"}}},
                      r"got dlt's `type: resolve`; name the resource in `data_from`, and write its field as '\{id\}'"),
    "dlt's incremental": ({"params": {"since": {"type": "incremental", "cursor_path": "at"}}},
                          r"got dlt's `type: incremental`; set `incremental` of the resource, and `start_param`"),
    "form": ({"method": "POST", "data": {"a": {"b": 1}}}, "data: a: got an object"),
    "two bodies": ({"method": "POST", "data": {"a": 1}, "json": {"a": 1}}, "got json and data"),
    "form of a GET": ({"data": {"a": 1}}, "data is the body of a POST request"),
    "header of no parent": ({"headers": {"X-Order": "{id}"}}, "'id' is a field of a parent; name that resource"),
    "parameter of no parent": ({"params": {"order": "{id}"}}, "'id' is a field of a parent; name that resource"),
    "body of no parent": ({"method": "POST", "json": {"a": ["{id}"]}}, "'id' is a field of a parent"),
    "cursor value": ({"params": {"since": "{incremental.first}"}}, "no value of the cursor; accepted: initial_value"),
    "convert": ({"convert": "unix"}, "accepted: epoch, epoch_ms, date, or a format of strftime"),
    "action": ({"response_actions": [{"status_code": 404, "action": "skip"}]}, "got 'skip'; accepted: ignore, raise"),
    "action for all": ({"response_actions": [{"action": "ignore"}]}, "needs status_code or content"),
    "repeated pages without an end": ({"pagination": {"type": "page", "allow_repeated_pages": True}},
                                      "allow_repeated_pages needs an end of the pages: total_path"),
}  # fmt: skip


@pytest.mark.parametrize(("kwargs", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_sent_as_it_is_meant_is_refused(shop: RestTree, kwargs: dict[str, Any], message: str) -> None:
    """`foundation check` finds what would be sent as something else."""
    shop.read(**kwargs)
    with pytest.raises(ConfigError, match=message):
        shop.check("shop")


def test_an_object_of_a_parent_is_no_parameter(shop: RestTree, api: RestServer) -> None:
    """A field whose value is an object is refused before the request."""
    api.answer = lambda _request: [{"id": {"a": 1}}]
    shop.read(ORDERS, params={"order": "{id}"}, settings={"data_from": "orders"})
    with pytest.raises(LoadError, match="a field of the parent's row is an object"):
        shop.load("shop.landed")
    assert [request.path for request in api.requests] == ["/orders"]


# -- The cursor -------------------------------------------------------------------------------------------------------


def test_the_cursor_is_sent_anywhere(shop: RestTree, api: RestServer) -> None:
    """Dlt's placeholders put the cursor into path, parameters, headers and body; the second run sends its new value."""
    api.answer = lambda _request: [{"id": 1, "changed": "2024-01-05T00:00:00Z"}]
    shop.read(
        method="POST", endpoint="/rows/since/{incremental.start_value}",
        headers={"X-Since": "{incremental.start_value}"},
        params={"q": "changed>{incremental.last_value}"}, json={"filter": {"from": "{incremental.start_value}"}},
        settings=MERGE,
    )  # fmt: skip
    shop.load("shop.landed")
    shop.load("shop.landed")
    for request, value in zip(api.requests, ("2024-01-01T00:00:00Z", "2024-01-05T00:00:00Z"), strict=True):
        assert request.path == f"/rows/since/{value.replace(':', '%3A')}"
        assert request.headers["X-Since"] == value
        assert request.params == {"q": f"changed>{value}"}
        assert request.body == {"filter": {"from": value}}


def test_a_cursor_without_a_value_is_left_out(shop: RestTree, api: RestServer) -> None:
    """On a first run without an initial value, parameters, headers and fields of a body with the cursor are absent."""
    cursor = "{incremental.start_value}"
    api.answer = lambda _request: [{"id": 1, "changed": "2024-01-05T00:00:00Z"}]
    settings = {**MERGE, "incremental": {"cursor_path": "changed"}}
    shop.read(method="POST", params={"q": f"x>{cursor}"}, headers={"X-Since": cursor}, json={"a": 1, "from": cursor},
              settings=settings)  # fmt: skip
    shop.load("shop.landed")
    assert (api.requests[0].params, api.requests[0].body) == ({}, {"a": 1})
    assert "X-Since" not in api.requests[0].headers
    shop.read(endpoint=f"/rows/{cursor}", settings=settings)
    with pytest.raises(LoadError, match=r"has no value yet; set `incremental.initial_value`"):
        shop.load("shop.landed", refresh="state")


CONVERSIONS = {"epoch": "1704067200", "epoch_ms": "1704067200000", "date": "2024-01-01", "%Y%m%dT%H": "20240101T00"}


@pytest.mark.parametrize("convert", CONVERSIONS)
def test_the_cursor_is_converted(shop: RestTree, api: RestServer, convert: str) -> None:
    """The cursor's time is sent as the vendor wants it, the end of a range too."""
    api.answer = lambda _request: []
    shop.read(start_param="since", end_param="until", convert=convert, settings=MERGE)
    shop.load("shop.landed", start="2024-01-01", end="2024-01-01T00:00:01")
    assert api.requests[0].params["since"] == CONVERSIONS[convert]
    assert api.requests[0].params["until"][:9] == CONVERSIONS[convert][:9]


def test_one_cursor_for_all_parents_is_refused(shop: RestTree, api: RestServer) -> None:
    """A late row of a parent that is older than the newest row of another would be lost; `shared_cursor` accepts it."""
    api.answer = lambda _request: [{"id": 1, "changed": "2024-01-05T00:00:00Z"}]
    for kwargs in ({"start_param": "since"}, {}, {"params": {"since": "{{ partition.start }}"}}):
        shop.read(ORDERS, endpoint="/orders/{id}", settings={**MERGE, "data_from": "orders"}, **kwargs)
        with pytest.raises(ConfigError, match="one `incremental` cursor serves all parents"):
            shop.check("shop")
    shop.read(ORDERS, endpoint="/orders/{id}", start_param="since", shared_cursor=True,
              settings={**MERGE, "data_from": "orders"})  # fmt: skip
    assert shop.load("shop.landed").rows == 1


# -- Responses --------------------------------------------------------------------------------------------------------

ONE = [{"id": 1}]
FOUND: dict[str, tuple[Any, int]] = {
    "errors before the rows": ({"errors": [], "orders": ONE}, 1),
    "warnings before the rows": ({"warnings": [{"a": 1}, {"a": 2}], "orders": ONE}, 1),
    "links before the rows": ({"links": [{"rel": "self"}, {"rel": "next"}], "orders": ONE}, 1),
    "links of a single object": ({"id": 1, "links": [{"rel": "self"}, {"rel": "next"}]}, 1),
    "a name with a dash": ({"order-lines": ONE}, 1),
    "a name with a dot": ({"order.lines": ONE}, 1),
}


@pytest.mark.parametrize("case", FOUND)
def test_the_rows_are_not_the_lists_beside_them(shop: RestTree, api: RestServer, case: str) -> None:
    """Lists of errors, warnings and links are no rows, wherever they stand."""
    answer, count = FOUND[case]
    api.answer = lambda _request: answer
    shop.read()
    assert shop.load("shop.landed").rows == count
    assert shop.query("select id from raw.landed") == [1]


FAILED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "only errors": ({"errors": [{"code": 7}]}, {}, "returned errors: .*code.*7"),
    "only messages": ({"messages": ["no such shop"]}, {}, "returned no list of rows, but 'messages': .*no such shop"),
    "no errors, and no rows": ({"errors": [], "ok": True}, {}, "returned no list of rows, but 'errors'"),
    "GraphQL": ({"data": {"rows": ONE}, "errors": [{"message": "timeout"}]}, {"data_selector": "data.rows"},
                "returned errors: .*timeout"),
    "arrays": ([[1, "a"], [2, "b"]], {}, "row 1 is an array of 2 values, and its columns have no names; set `row_n"),
    "arrays in a list": ({"rows": [[1], [2]]}, {"data_selector": "rows"}, "row 1 is an array of 1 values"),
    "other arrays": ([[1, "a"], [2]], {"row_names": ["id", "name"]}, "row 2 is an array of 1 values, and `row_names`"),
    "content": ({"rows": [], "status": "quota exceeded"}, {"data_selector": "rows", "response_actions": [
        {"status_code": 200, "content": "quota exceeded", "action": "raise"}]}, "response_actions: 200 OK for .*quota"),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "kwargs", "message"), FAILED.values(), ids=FAILED)
def test_an_answer_that_is_no_rows_is_refused(
    shop: RestTree, api: RestServer, answer: Any, kwargs: dict[str, Any], message: str
) -> None:
    """It would be loaded as something else, or as no rows."""
    api.answer = lambda _request: answer
    shop.read(**kwargs)
    with pytest.raises(LoadError, match=message):
        shop.load("shop.landed")


def test_rows_that_are_arrays_get_names(shop: RestTree, api: RestServer) -> None:
    """`row_names` are the names of their columns."""
    api.answer = lambda _request: [[1, "a"], [2, "b"]]
    shop.read(row_names=["id", "name"])
    shop.load("shop.landed")
    assert shop.query("select id, name from raw.landed order by id") == [(1, "a"), (2, "b")]


PAGINATIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "offset": {"pagination": "offset"},
    "page": {"pagination": {"type": "page", "total_path": "pages"}},
    "cursor": {"pagination": {"type": "cursor", "has_more_path": "more", "stop_after_empty_page": True}},
    "next_url": {"pagination": "next_url"},
    "link_header": {"pagination": "link_header"},
    "header_cursor": {"pagination": "header_cursor"},
}


@pytest.mark.parametrize("status", [200, 204])
@pytest.mark.parametrize("pagination", PAGINATIONS)
def test_an_empty_body_is_no_rows(shop: RestTree, api: RestServer, pagination: str, status: int) -> None:
    """A 204, and a 200 with nothing in it, is a page without rows, for each kind of pagination, with a selector too."""
    api.answer = lambda _request: Answer(text="", status=status)
    shop.read(data_selector="rows", **PAGINATIONS[pagination])
    assert shop.load("shop.landed").rows == 0
    assert len(api.requests) == 1


def test_a_missing_child_is_ignored(shop: RestTree, api: RestServer) -> None:
    """`response_actions` as dlt has them: a 404 of one parent is no rows, and the other parents are read."""

    def answer(request: ReceivedRequest) -> Any:
        if request.path == "/orders":
            return [{"id": 1}, {"id": 2}, {"id": 3}]
        return Answer({"error": "gone"}, 404) if request.path == "/orders/2" else [{"n": request.path[-1]}]

    api.answer = answer
    actions = [{"status_code": 404, "content": "gone", "action": "ignore"}]
    shop.read(ORDERS, endpoint="/orders/{id}", response_actions=actions, settings={"data_from": "orders"})
    shop.load("shop.landed")
    assert shop.query("select n from raw.landed order by n") == ["1", "3"]
    api.answer = lambda request: answer(request) if request.path == "/orders" else Answer({"error": "no"}, 404)
    with pytest.raises(FoundationError, match="404"):
        shop.load("shop.landed")


def test_the_last_page_may_be_missing(shop: RestTree, api: RestServer) -> None:
    """A 404 after the last page ends the pages, if `response_actions` ignore it."""
    api.answer = lambda request: (
        [{"id": int(request.params["page"])}] if request.params["page"] < "3" else Answer({}, 404)
    )
    shop.read(pagination="page", response_actions=[{"status_code": 404, "action": "ignore"}])
    assert shop.load("shop.landed").rows == 2


def test_pages_with_the_same_rows_are_read(shop: RestTree, api: RestServer) -> None:
    """`allow_repeated_pages` accepts them; each lands, and the pages end where the API says."""
    api.answer = lambda _request: {"rows": [{"n": 1}], "pages": 3}
    shop.read(data_selector="rows", pagination={"type": "page", "total_path": "pages", "allow_repeated_pages": True})
    assert shop.load("shop.landed").rows == 3
    shop.read(data_selector="rows", pagination={"type": "page", "total_path": "pages"})
    with pytest.raises(LoadError, match="if two pages may have the same rows, set `allow_repeated_pages: true`"):
        shop.load("shop.landed")


def test_a_cursor_in_a_header_is_followed(shop: RestTree, api: RestServer) -> None:
    """`header_cursor` sends the value of a response's header with the next request."""

    def answer(request: ReceivedRequest) -> Any:
        start = int(request.params.get("after", 0))
        return Answer([{"id": start}], headers={"X-Next": str(start + 1)} if start < 2 else {})

    api.answer = answer
    shop.read(pagination={"type": "header_cursor", "cursor_key": "X-Next", "cursor_param": "after"})
    shop.load("shop.landed")
    assert shop.query("select id from raw.landed order by id") == [0, 1, 2]


def test_an_endpoint_has_credentials_of_its_own(
    shop: RestTree, api: RestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`auth` names the connection whose credentials are sent in place of those of `connection`; `none` sends none."""
    for name, value in {"API__AUTH__TOKEN": "t-of-all", "API__HEADERS": json.dumps({"X-Shop": "1"}),
                        "ADMIN__AUTH__TOKEN": "t-of-admin"}.items():  # fmt: skip
        monkeypatch.setenv(f"SOURCES__SHOP__{name}", value)
    sent: list[str | None] = []
    for kwargs in ({}, {"auth": "admin"}, {"auth": "none"}):
        shop.read(settings={"write_disposition": "replace"}, **kwargs)
        shop.load("shop.landed")
        sent.append(api.requests[-1].headers.get("Authorization"))
        assert api.requests[-1].headers["X-Shop"] == "1"
    assert sent == ["Bearer t-of-all", "Bearer t-of-admin", None]
    shop.read(auth="other")
    with pytest.raises(FoundationError, match="SOURCES__SHOP__OTHER__AUTH__TYPE"):
        shop.load("shop.landed")
