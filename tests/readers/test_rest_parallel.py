"""Pages of REST endpoints that are requested in parallel: the same rows as one after the other, with limits kept."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from data_foundation.errors import FoundationError
from tests.support.rest_server import Answer, ReceivedRequest, RestServer, serve
from tests.support.trees import Tree

SIZE = 3
Number = Callable[[ReceivedRequest], int]


class PagedApi:
    """Rows in pages; counts how often each page is requested, and how many requests are open at once."""

    def __init__(self, server: RestServer, count: int, number: Number) -> None:
        self.rows = [{"id": row} for row in range(count)]
        self.number = number
        self.beyond: Any = {"rows": []}
        self.requested: Counter[int] = Counter()
        self.most = 0
        self._open = 0
        self._lock = threading.Lock()
        server.answer = self.answer

    @property
    def pages(self) -> int:
        """Number of pages that have rows."""
        return -(-len(self.rows) // SIZE)

    def answer(self, request: ReceivedRequest) -> Any:
        """Returns the requested page; odd pages take longer, so that the responses are out of order."""
        page = self.number(request)
        with self._lock:
            self.requested[page] += 1
            self._open += 1
            self.most = max(self.most, self._open)
        time.sleep(0.02 if page % 2 else 0.005)
        with self._lock:
            self._open -= 1
        if page and page >= self.pages:
            return self.beyond
        rows = self.rows[page * SIZE : (page + 1) * SIZE]
        more = (page + 1) * SIZE < len(self.rows)
        return {"rows": rows, "pages": self.pages, "total": len(self.rows), "more": more}


def by_offset(request: ReceivedRequest) -> int:
    """The page of an offset, from 0."""
    assert request.params["limit"] == str(SIZE)
    return int(request.params["offset"]) // SIZE


def by_page(request: ReceivedRequest) -> int:
    """The page, numbered from 1 in the request."""
    return int(request.params["page"]) - 1


def by_posted_page(request: ReceivedRequest) -> int:
    """The page in the body of the request, from 0."""
    assert request.body["kept"] == {"a": [1]}
    return int(request.body["paging"]["page"])


POSTED = {"method": "POST", "json": {"paging": {}, "kept": {"a": [1]}}}
PAGINGS: dict[str, tuple[Number, dict[str, Any], dict[str, Any], bool]] = {
    "offset": (by_offset, {"type": "offset"}, {"page_size": SIZE}, False),
    "offset, total": (by_offset, {"type": "offset", "total_path": "total"}, {"page_size": SIZE}, True),
    "page": (by_page, {"type": "page"}, {}, False),
    "page, total": (by_page, {"type": "page", "total_path": "pages"}, {}, True),
    "page, more": (by_page, {"type": "page", "has_more_path": "more"}, {}, False),
    "page in the body": (
        by_posted_page, {"type": "page", "page_body_path": "paging.page", "base_page": 0}, POSTED, False
    ),
    "page in the body, total": (
        by_posted_page,
        {"type": "page", "page_body_path": "paging.page", "base_page": 0, "total_path": "pages"}, POSTED, True,
    ),
}  # fmt: skip
"""Number of the requested page, pagination, further arguments, and whether the number of pages is known."""


@pytest.fixture
def server() -> Iterator[RestServer]:
    """A server."""
    with serve() as running:
        yield running


@pytest.fixture
def shop(tmp_path: Path, server: RestServer, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """An empty checkout, whose source `shop` knows the server as the connection `api`."""
    monkeypatch.setenv("SOURCES__SHOP__API__BASE_URL", server.url)
    return Tree(tmp_path)


def declare(tree: Tree, pagination: dict[str, Any], **kwargs: Any) -> None:
    """Writes the source."""
    arguments = {"connection": "api", "endpoint": "/rows", "data_selector": "rows", "pagination": pagination, **kwargs}
    resource = {"entry": "data_foundation.readers.rest.get_endpoint", "kwargs": arguments, "destination": "raw.rows",
                "retries": {"max": 4, "backoff": 0.01}}  # fmt: skip
    tree.add("shop", yaml.safe_dump({"resources": [resource]}), "")


@pytest.mark.sampled(13)
@pytest.mark.parametrize("count", [0, 1, 3, 20, 21])
@pytest.mark.parametrize("parallel", [2, 3, 10])
@pytest.mark.parametrize("paging", PAGINGS)
def test_the_rows_are_those_of_one_page_after_the_other(
    shop: Tree, server: RestServer, paging: str, parallel: int, count: int
) -> None:
    """All rows in the order of the pages, each page requested once, `parallel` at most at once, few after the last."""
    number, pagination, kwargs, is_known = PAGINGS[paging]
    api = PagedApi(server, count, number)
    declare(shop, {**pagination, "parallel": parallel}, **kwargs)
    assert shop.load("shop.rows").rows == count
    if count:
        assert shop.query("select id from raw.rows order by rowid") == list(range(count))
    assert set(api.requested.values()) == {1}
    assert api.most <= parallel
    assert set(range(max(api.pages, 1))) <= api.requested.keys()
    assert len(api.requested) <= max(api.pages, 1) + (0 if is_known else parallel)
    assert api.most > 1 or api.pages < 3


BEYOND = {
    "404": Answer({}, 404),
    "a vendor that is busy for an hour": Answer({}, 503, {"Retry-After": "3600"}),
    "text": Answer(text="no such page"),
}


@pytest.mark.parametrize("beyond", BEYOND)
def test_what_follows_the_last_page_is_ignored(shop: Tree, server: RestServer, beyond: str) -> None:
    """An error of a page after the last neither fails the load nor delays it."""
    api = PagedApi(server, 8, by_page)
    api.beyond = BEYOND[beyond]
    declare(shop, {"type": "page", "has_more_path": "more", "parallel": 4})
    started = time.monotonic()
    assert shop.load("shop.rows").rows == 8
    assert time.monotonic() - started < 20


def test_an_error_of_a_page_fails_the_load(shop: Tree, server: RestServer) -> None:
    """A page that is refused is no end of the pages; nothing is loaded."""
    api = PagedApi(server, 20, by_page)
    server.answer = lambda request: Answer({}, 403) if by_page(request) == 4 else api.answer(request)
    declare(shop, {"type": "page", "parallel": 4})
    with pytest.raises(FoundationError, match="403"):
        shop.load("shop.rows")
    assert not shop.query("select 1 from information_schema.tables where table_name = 'rows'")


def test_one_refusal_holds_every_request(shop: Tree, server: RestServer) -> None:
    """After a 429 no request is sent before the time in its Retry-After, and every row lands once."""
    api = PagedApi(server, 40, by_page)
    refused_at: list[float] = []
    sent: list[float] = []

    def answer(request: ReceivedRequest) -> Any:
        sent.append(time.monotonic())
        if by_page(request) == 3 and not refused_at:
            refused_at.append(time.monotonic())
            return Answer({}, 429, {"Retry-After": "1"})
        return api.answer(request)

    server.answer = answer
    declare(shop, {"type": "page", "parallel": 3})
    assert shop.load("shop.rows").rows == 40
    # Requests that were under way are not called back.
    assert not [moment for moment in sent if refused_at[0] + 0.3 < moment < refused_at[0] + 0.95]


def test_a_revoked_token_is_renewed_once(shop: Tree, server: RestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that are refused together share one new token."""
    for name, value in {"TYPE": "oauth2_client_credentials", "ACCESS_TOKEN_URL": f"{server.url}/token",
                        "CLIENT_ID": "me", "CLIENT_SECRET": "s3cret-of-the-shop"}.items():  # fmt: skip
        monkeypatch.setenv(f"SOURCES__SHOP__API__AUTH__{name}", value)
    api = PagedApi(server, 40, by_page)
    tokens: list[str] = []

    def answer(request: ReceivedRequest) -> Any:
        if request.path == "/token":
            tokens.append(f"token-of-the-shop-{len(tokens)}")
            return {"access_token": tokens[-1], "expires_in": 3600}
        is_revoked = by_page(request) > 3 and request.headers["Authorization"].endswith("-0")
        if is_revoked:
            time.sleep(0.1)
        return Answer({}, 401) if is_revoked else api.answer(request)

    server.answer = answer
    declare(shop, {"type": "page", "parallel": 4})
    assert shop.load("shop.rows").rows == 40
    assert len(tokens) == 2


@pytest.mark.parametrize(
    ("pagination", "message"),
    [
        ({"type": "cursor", "parallel": 4}, "pagination cursor has no key 'parallel'"),
        ({"type": "page", "parallel": 1}, "parallel: got 1"),
        ({"type": "offset", "parallel": 50}, "parallel: got 50"),
    ],
    ids=["cursor", "one", "many"],
)
def test_an_impossible_number_is_refused(
    shop: Tree, server: RestServer, pagination: dict[str, Any], message: str
) -> None:
    """Pages whose address only the page before knows, and more connections than a client keeps."""
    declare(shop, pagination)
    with pytest.raises(FoundationError, match=message):
        shop.load("shop.rows")
    assert not server.requests
