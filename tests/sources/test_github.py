"""Tests of the source github, on the sandbox's GitHub."""

from collections.abc import Callable, Iterator
from typing import Any

import dlt
import pytest
import requests

from dlthub.github.data import get_repository_items
from sandbox.environment import TOKENS

REPOSITORY = "dlt-hub/dlt"


@pytest.fixture
def get_pages(sandbox_url: str) -> Callable[..., Iterator[list[dict[str, Any]]]]:
    """A function that reads an endpoint from the sandbox."""

    def read(endpoint: str, since: str | None = None, **settings: Any) -> Iterator[list[dict[str, Any]]]:
        settings = {"base_url": f"{sandbox_url}/github", **settings}
        return get_repository_items(endpoint, REPOSITORY, since)(**settings)

    return read


@pytest.mark.parametrize(
    ("endpoint", "key", "count"),
    [("commits", "sha", 640), ("issues", "number", 430), ("pulls", "number", 180)],
)
def test_every_item_is_read_once(get_pages: Callable[..., Any], endpoint: str, key: str, count: int) -> None:
    """All pages of an endpoint are read: open and closed items, without duplicates."""
    pages = list(get_pages(endpoint, page_size=50))
    found = [row[key] for page in pages for row in page]
    assert len(found) == len(set(found)) == count
    assert max(map(len, pages)) == 50


@pytest.mark.parametrize("endpoint", ["commits", "issues"])
def test_since_leaves_out_older_items(get_pages: Callable[..., Any], endpoint: str) -> None:
    """`since` is sent with every page."""
    since = "2025-06-01T00:00:00Z"
    rows = [row for page in get_pages(endpoint, since, page_size=20) for row in page]
    times = [row["commit"]["committer"]["date"] if endpoint == "commits" else row["updated_at"] for row in rows]
    assert len(times) > 20
    assert min(times) >= since


def test_rows_are_those_of_github(get_pages: Callable[..., Any], sandbox_url: str) -> None:
    """No key is renamed, dropped or flattened."""
    url = f"{sandbox_url}/github/repos/{REPOSITORY}/pulls?state=all&direction=asc&per_page=100"
    assert next(get_pages("pulls")) == requests.get(url, headers={"User-Agent": "tests"}, timeout=10).json()


def test_requests_have_a_user_agent_and_an_api_version(
    get_pages: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request has a user agent, the API version and the media type; the token is in a header, not in the URL."""
    sent: list[requests.PreparedRequest] = []
    send = requests.Session.send

    def watch(session: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        sent.append(request)
        return send(session, request, **options)

    monkeypatch.setattr(requests.Session, "send", watch)
    pages = get_pages("commits", access_token=TOKENS["github"])
    assert next(pages)
    assert next(pages)
    for request in sent:
        assert request.headers["X-GitHub-Api-Version"] == "2022-11-28"
        assert request.headers["Accept"] == "application/vnd.github+json"
        assert request.headers["User-Agent"] == "data-foundation"
        assert request.headers["Authorization"] == f"Bearer {TOKENS['github']}"
        assert TOKENS["github"] not in str(request.url)


def test_a_wrong_token_fails(get_pages: Callable[..., Any]) -> None:
    """A token that GitHub refuses is an error; the source does not continue without one."""
    with pytest.raises(requests.HTTPError, match="401"):
        next(get_pages("commits", access_token="wrong"))


@pytest.mark.parametrize("fault", ["self_next", "repeated"])
def test_paging_in_circles_is_refused(
    get_pages: Callable[..., Any], arm_fault: Callable[..., None], fault: str
) -> None:
    """A next page that is the current page, or has its rows, is an error instead of an endless loop."""
    arm_fault("/github", fault)
    with pytest.raises(RuntimeError, match="circles"):
        list(get_pages("commits"))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param("429", requests.HTTPError, id="429"),
        pytest.param("500", requests.HTTPError, id="500"),
        pytest.param("expired", requests.HTTPError, id="expired"),
        pytest.param("reset", requests.ConnectionError, id="reset"),
        pytest.param("html", requests.JSONDecodeError, id="html"),
        pytest.param("truncated", requests.JSONDecodeError, id="truncated"),
    ],
)
def test_a_fault_reaches_the_caller(
    get_pages: Callable[..., Any], arm_fault: Callable[..., None], fault: str, error: type[Exception]
) -> None:
    """An error on the third page is raised after the first two pages."""
    arm_fault("/github", fault, after=2)
    pages = get_pages("commits")
    assert len([next(pages), next(pages)]) == 2
    with pytest.raises(error):
        next(pages)


def test_settings_reach_the_generator_that_the_function_returns(sandbox_settings: dict[str, str]) -> None:
    """Address, token and page size of the inner generator are taken from the folder's section of the settings."""
    assert "SOURCES__GITHUB__BASE_URL" in sandbox_settings
    pages = get_repository_items("pulls", REPOSITORY)
    assert len(list(dlt.resource(pages, name="github_pulls", section="github"))) == 180
