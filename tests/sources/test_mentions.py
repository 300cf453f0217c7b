"""Tests of the source mentions, on the sandbox's platforms and scraping service."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import dlt
import pytest
import requests
from dlt.common.configuration.exceptions import ConfigFieldMissingException
from dlt.extract.exceptions import ResourceExtractionError

from dlthub.mentions import data
from sandbox.environment import TOKENS, settings

Pages = Callable[..., Iterator[list[dict[str, Any]]]]


@pytest.fixture
def get_pages(sandbox_url: str) -> Pages:
    """A function that reads one of the six generators from the sandbox."""
    prefix = "SOURCES__MENTIONS__"
    known = {name.removeprefix(prefix).lower(): value for name, value in settings(sandbox_url).items()}
    known |= {"query": "duckyards", "reddit_user_agent": "tests/1.0"}

    def read(name: str, **given: Any) -> Iterator[list[dict[str, Any]]]:
        generator = getattr(data, name)
        arguments = {key: known[key] for key in generator.__annotations__ if key in known}
        pages: Iterator[list[dict[str, Any]]] = generator(**{**arguments, **given})
        return pages

    return read


VENDORS = {
    "get_facebook_posts": "/facebook",
    "get_facebook_items": "/apify",
    "get_reddit_links": "/reddit",
    "get_reddit_items": "/apify",
    "get_x_posts": "/x",
    "get_x_items": "/apify",
}
"""The six generators, and the path that each requests."""


@pytest.mark.parametrize(
    ("name", "key", "count"),
    [
        ("get_facebook_posts", "id", 420),
        ("get_facebook_items", "postId", 320),
        ("get_reddit_links", "name", 380),
        ("get_reddit_items", "id", 320),
        ("get_x_posts", "id", 460),
        ("get_x_items", "id", 320),
    ],
)
def test_every_post_is_read_once(get_pages: Pages, name: str, key: str, count: int) -> None:
    """All pages are read, without duplicates."""
    found = [row[key] for row in chain(*get_pages(name, page_size=90))]
    assert len(found) == len(set(found)) == count


@pytest.mark.parametrize("name", VENDORS)
@pytest.mark.parametrize("fault", ["self_next", "repeated"])
def test_paging_in_circles_is_refused(get_pages: Pages, arm_fault: Callable[..., None], name: str, fault: str) -> None:
    """A cursor that stays the same, or a repeated page, is an error instead of an endless loop."""
    arm_fault(VENDORS[name], fault)
    with pytest.raises(RuntimeError, match="circles"):
        list(get_pages(name))


@pytest.mark.parametrize("name", VENDORS)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param("429", requests.HTTPError, id="429"),
        pytest.param("expired", requests.HTTPError, id="expired"),
        pytest.param("reset", requests.ConnectionError, id="reset"),
        pytest.param("html", requests.JSONDecodeError, id="html"),
        pytest.param("truncated", requests.JSONDecodeError, id="truncated"),
    ],
)
def test_a_fault_reaches_the_caller(
    get_pages: Pages, arm_fault: Callable[..., None], name: str, fault: str, error: type[Exception]
) -> None:
    """An error on the third page is raised after the first two pages."""
    arm_fault(VENDORS[name], fault, after=2)
    pages = get_pages(name)
    assert len([next(pages), next(pages)]) == 2
    with pytest.raises(error):
        next(pages)


@pytest.mark.parametrize("name", VENDORS)
def test_a_wrong_token_fails_and_stays_out_of_the_message(get_pages: Pages, name: str) -> None:
    """Tokens are sent in headers, so the URL in the error message contains none."""
    tokens = dict.fromkeys(("facebook_token", "reddit_token", "x_token", "scraper_token"), "a-secret")
    mine = {token: value for token, value in tokens.items() if token in getattr(data, name).__annotations__}
    with pytest.raises(requests.HTTPError, match="401") as caught:
        next(get_pages(name, **mine))
    assert "a-secret" not in str(caught.value)


def test_facebook_posts_are_those_of_graph(get_pages: Pages, sandbox_url: str) -> None:
    """A post has the requested fields, unchanged; `since` leaves out older posts."""
    rows = list(chain(*get_pages("get_facebook_posts")))
    assert {"id", "created_time", "from", "permalink_url", "reactions", "comments"} <= set(rows[0])
    assert set().union(*rows) >= {"message", "shares", "attachments"}
    since = rows[50]["created_time"]
    assert list(chain(*get_pages("get_facebook_posts", since=since))) == rows[:51]
    url = f"{sandbox_url}/facebook/v23.0/duckyards/tagged?fields=message,created_time&limit=1"
    answer = requests.get(url, headers={"Authorization": f"Bearer {TOKENS['facebook']}"}, timeout=10).json()
    assert answer["data"][0].items() <= rows[0].items()


def test_reddit_links_are_read_without_their_envelope(get_pages: Pages) -> None:
    """A row is the `data` of a t3 child; the newest comes first."""
    rows = list(chain(*get_pages("get_reddit_links")))
    assert all(row["name"] == f"t3_{row['id']}" for row in rows)
    assert [row["created_utc"] for row in rows] == sorted((row["created_utc"] for row in rows), reverse=True)


def test_x_posts_carry_their_author(get_pages: Pages) -> None:
    """Each post contains its author's account, from `includes.users`."""
    rows = list(chain(*get_pages("get_x_posts")))
    assert all(row["author"]["id"] == row["author_id"] for row in rows)
    assert {"username", "name", "verified", "public_metrics"} <= set(rows[0]["author"])
    assert any("entities" not in row for row in rows)


def test_scraped_items_are_left_as_they_were_scraped(get_pages: Pages, sandbox_url: str) -> None:
    """No number is parsed and no key added: dbt does that."""
    url = f"{sandbox_url}/apify/v2/datasets/reddit-posts/items"
    answer = requests.get(url, headers={"Authorization": f"Bearer {TOKENS['apify']}"}, timeout=10).json()
    assert list(chain(*get_pages("get_reddit_items", page_size=33))) == answer


@pytest.mark.usefixtures("sandbox_settings")
def test_settings_come_from_the_section_of_the_folder() -> None:
    """Addresses, tokens and dataset ids are taken from SOURCES__MENTIONS__*, the rest from .dlt/config.toml."""
    assert len(list(dlt.resource(data.get_x_items, name="mentions_x_scraped", section="mentions"))) == 320
    assert len(list(dlt.resource(data.get_reddit_links, name="mentions_reddit_api", section="mentions"))) == 380


def test_a_missing_token_is_named(sandbox_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """If a platform's token is missing, dlt names the setting."""
    assert "SOURCES__MENTIONS__X_TOKEN" in sandbox_settings
    monkeypatch.delenv("SOURCES__MENTIONS__X_TOKEN")
    with pytest.raises((ConfigFieldMissingException, ResourceExtractionError), match="SOURCES__MENTIONS__X_TOKEN"):
        list(dlt.resource(data.get_x_posts, name="mentions_x_api", section="mentions"))
