"""Faults of an API: `readers.rest` and dlt's `rest_api` repeat the failed request, by the resource's `retries`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from data_foundation.errors import FoundationError
from data_foundation.project.discovery.discover import discover
from tests.support.rest_server import Answer, ReceivedRequest, RestServer, serve
from tests.support.trees import Tree

CODE = """
import dlt
from dlt.sources.helpers import requests
from dlt.sources.rest_api import rest_api_resources


@dlt.source
def in_code(config):
    yield from rest_api_resources(config)


def one_resource(config):
    return rest_api_resources(config)[0]


@dlt.source
def with_own_session(config):
    client = requests.Client(raise_for_status=False, request_max_attempts=3, request_backoff_factor=0)
    config["client"]["session"] = client.session
    yield from rest_api_resources(config)
"""
PAGES = {1: [1, 2], 2: [3, 4], 3: [5]}


@pytest.fixture
def api() -> Iterator[RestServer]:
    """A server."""
    with serve() as running:
        yield running


@pytest.fixture
def shop(tmp_path: Path, api: RestServer, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """An empty checkout, whose source `shop` knows the server as the connection `api`."""
    monkeypatch.setenv("SOURCES__SHOP__API__BASE_URL", api.url)
    monkeypatch.setenv("SOURCES__SHOP__API__HEADERS", '{"X-Api-Key": "k3y-of-the-shop"}')
    return Tree(tmp_path)


def config_of(url: str) -> dict[str, Any]:
    """Returns dlt's configuration of the server."""
    paginator = {"type": "page_number", "base_page": 1, "total_path": "pages"}
    rows = {"path": "rows", "data_selector": "rows", "paginator": paginator}
    headers = {"X-Api-Key": "k3y-of-the-shop"}
    return {"client": {"base_url": url, "headers": headers}, "resources": [{"name": "rows", "endpoint": rows}]}


def read_with_our_reader(_url: str) -> dict[str, Any]:
    """Returns the resource of `readers.rest`."""
    pagination = {"type": "page", "total_path": "pages"}
    kwargs = {"connection": "api", "endpoint": "/rows", "pagination": pagination, "data_selector": "rows"}
    return {"entry": "data_foundation.readers.rest.get_endpoint", "kwargs": kwargs, "destination": "raw.rows"}


def read_in_parallel(url: str) -> dict[str, Any]:
    """Returns the resource of `readers.rest` that requests several pages at once."""
    resource = read_with_our_reader(url)
    resource["kwargs"]["pagination"]["parallel"] = 4
    return resource


READERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "readers.rest": read_with_our_reader,
    "readers.rest in parallel": read_in_parallel,
    "rest_api": lambda url: {"rest_api": config_of(url), "tables": ["rows"], "destination": "raw.{table}"},
    "rest_api in a source": lambda url: {
        "source": "data.in_code", "kwargs": {"config": config_of(url)}, "tables": ["rows"], "destination": "raw.{table}"
    },
    "a resource of rest_api": lambda url: {
        "entry": "data.one_resource", "kwargs": {"config": config_of(url)}, "destination": "raw.rows"
    },
}  # fmt: skip

ONE_BY_ONE = [name for name in READERS if "parallel" not in name]
"""The readers that request a page only after the one before."""


def declare(tree: Tree, resource: dict[str, Any], **retries: Any) -> None:
    """Writes the source."""
    settings = {"retries": {"backoff": 0.01, **retries}}
    tree.add("shop", yaml.safe_dump({"resources": [{**resource, **settings}]}), CODE)
    if "tables" in resource:
        list(discover(tree.root, ["shop"]))


def serve_pages(api: RestServer, faults: list[Any]) -> None:
    """Makes the server answer its second page with each of the faults first."""

    def answer(request: ReceivedRequest) -> Any:
        page = int(request.params.get("page", 1))
        if page == 2 and faults:
            return faults.pop(0)
        return {"rows": [{"id": number} for number in PAGES[page]], "pages": len(PAGES)}

    api.answer = answer


def count_pages(api: RestServer) -> dict[str, int]:
    """Returns how often each page was requested."""
    pages = [request.params.get("page", "1") for request in api.requests]
    return {page: pages.count(page) for page in sorted(set(pages))}


BUSY = {
    "408": Answer({}, 408),
    "425": Answer({}, 425),
    "429": Answer({}, 429, {"Retry-After": "0"}),
    "500": Answer({}, 500),
    "503": Answer({"rows": []}, 503),
}
FINAL = {"400": Answer({}, 400), "401": Answer({}, 401), "404": Answer({}, 404), "422": Answer({}, 422)}
CUT_OFF = Answer(text='{"rows": [{"id"')


@pytest.mark.sampled(3)
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("fault", BUSY)
def test_only_the_failed_request_is_repeated(shop: Tree, api: RestServer, reader: str, fault: str) -> None:
    """A page that fails twice is requested three times, the others once; each row lands once."""
    declare(shop, READERS[reader](api.url), max=2)
    serve_pages(api, [BUSY[fault]] * 2)
    assert shop.load("shop.rows").rows == 5
    assert shop.query("select id from raw.rows order by id") == [1, 2, 3, 4, 5]
    assert count_pages(api) == {"1": 1, "2": 3, "3": 1}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("most", [0, 1, 6])
def test_a_fault_that_lasts_fails_the_load(shop: Tree, api: RestServer, reader: str, most: int) -> None:
    """`retries: {max: 6}` allows seven requests, and no more by another attempt of the load; the error counts them."""
    declare(shop, READERS[reader](api.url), max=most)
    serve_pages(api, [BUSY["503"]] * 100)
    with pytest.raises(FoundationError, match=f", {most + 1} times: " if most else "503"):
        shop.load("shop.rows")
    assert count_pages(api) == {"1": 1, "2": most + 1}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("reader", ONE_BY_ONE)
@pytest.mark.parametrize("fault", FINAL)
def test_a_fault_that_is_final_is_not_repeated(shop: Tree, api: RestServer, reader: str, fault: str) -> None:
    """A status that another request would get too fails the load at once."""
    declare(shop, READERS[reader](api.url), max=3)
    serve_pages(api, [FINAL[fault]] * 100)
    with pytest.raises(FoundationError, match=fault):
        shop.load("shop.rows")
    assert count_pages(api) == {"1": 1, "2": 1}


@pytest.mark.parametrize("reader", ONE_BY_ONE)
def test_incomplete_json_is_read_again(shop: Tree, api: RestServer, reader: str) -> None:
    """A response that ends too early is transient: another attempt of the load reads all pages."""
    declare(shop, READERS[reader](api.url), max=1)
    serve_pages(api, [CUT_OFF])
    assert shop.load("shop.rows").rows == 5
    assert count_pages(api) == {"1": 2, "2": 2, "3": 1}


@pytest.mark.parametrize("reader", ONE_BY_ONE)
def test_the_deadline_ends_the_requests(shop: Tree, api: RestServer, reader: str) -> None:
    """A wait that ends after `deadline` is not begun."""
    declare(shop, READERS[reader](api.url), max=3, deadline=30)
    serve_pages(api, [Answer({}, 429, {"Retry-After": "60"})] * 100)
    with pytest.raises(FoundationError, match="429"):
        shop.load("shop.rows")
    assert count_pages(api) == {"1": 1, "2": 1}


@pytest.mark.parametrize("reader", ONE_BY_ONE)
@pytest.mark.parametrize("is_elsewhere", [False, True], ids=["the same host", "another host"])
def test_a_redirection_keeps_the_key_of_the_api_at_home(
    shop: Tree, api: RestServer, reader: str, *, is_elsewhere: bool
) -> None:
    """A page that moved is read; its new place receives the API's headers only on the same host."""
    declare(shop, READERS[reader](api.url), max=1)
    with serve() as other:
        place = other if is_elsewhere else api
        pages = {"rows": [{"id": 1}], "pages": 1}
        other.answer = lambda _request: pages
        api.answer = lambda request: (
            Answer({}, 302, {"Location": f"{place.url}/moved"}) if request.path == "/rows" else pages
        )
        assert shop.load("shop.rows").rows == 1
        assert ("X-Api-Key" in place.requests[-1].headers) is not is_elsewhere


OWN = {
    "a session in code": ("data.with_own_session", {}),
    "settings of dlt": (
        "data.in_code",
        {"RUNTIME__REQUEST_MAX_ATTEMPTS": "3", "RUNTIME__REQUEST_BACKOFF_FACTOR": "0"},
    ),
}


@pytest.mark.parametrize("own", OWN)
def test_retries_that_code_or_settings_name_are_dlts(
    shop: Tree, api: RestServer, monkeypatch: pytest.MonkeyPatch, own: str
) -> None:
    """A session of the code, and `[runtime] request_max_attempts`, mean here what they mean in dlt."""
    source, settings = OWN[own]
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    declare(shop, {**READERS["rest_api in a source"](api.url), "source": source}, max=0)
    serve_pages(api, [BUSY["503"]] * 2)
    assert shop.load("shop.rows").rows == 5
    assert count_pages(api) == {"1": 1, "2": 3, "3": 1}
