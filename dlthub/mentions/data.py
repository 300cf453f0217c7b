"""Posts that mention us, from the platforms' APIs and from a scraping service."""

from collections.abc import Iterator, Mapping
from typing import Any

import dlt
import requests

from . import FACEBOOK_FIELDS, TIMEOUT, TWEET_FIELDS, USER_FIELDS, check_progress

Rows = list[dict[str, Any]]


def get_facebook_posts(
    since: str | None = None,
    facebook_page: str = dlt.config.value,
    facebook_token: dlt.TSecretStrValue = dlt.secrets.value,
    facebook_base_url: str = dlt.config.value,
    facebook_version: str = "v23.0",
    page_size: int = 100,
) -> Iterator[Rows]:
    """Posts in which others tagged our page, as the Graph API sends them, newest first.

    Args:
        since: only posts at or after this time (ISO 8601).
        facebook_page: the page's name or id.
        facebook_token: a page access token.
        facebook_base_url: the Graph API's address.
        facebook_version: the Graph API's version.
        page_size: posts a request, at most 100.

    Yields:
        Pages of posts (https://developers.facebook.com/docs/graph-api/reference/post).
    """
    url = f"{facebook_base_url}/{facebook_version}/{facebook_page}/tagged"
    parameters = {"fields": FACEBOOK_FIELDS, "limit": page_size, "since": since}
    seen: set[int] = set()
    with _open_session(facebook_token) as session:
        while True:
            page = _get(session, url, parameters).json()
            paging = page.get("paging", {})
            # The last page has a cursor too, but no `next`. That link holds the token: the cursor is followed instead.
            after = paging["cursors"]["after"] if "next" in paging else None
            check_progress(seen, page["data"], after)
            yield page["data"]
            if not after:
                return
            parameters["after"] = after


def get_reddit_links(
    query: str = dlt.config.value,
    reddit_token: dlt.TSecretStrValue = dlt.secrets.value,
    reddit_base_url: str = dlt.config.value,
    reddit_user_agent: str = dlt.config.value,
    page_size: int = 100,
) -> Iterator[Rows]:
    """Submissions that a search finds, as Reddit sends them, newest first.

    Args:
        query: what to search.
        reddit_token: an OAuth bearer token of an application.
        reddit_base_url: the API's address.
        reddit_user_agent: names application and account; Reddit throttles requests without it.
        page_size: submissions a request, at most 100; Reddit ends a listing after about 1,000.

    Yields:
        Pages of `t3` objects (https://www.reddit.com/dev/api), without their envelope.
    """
    # raw_json: without it, `&` in links arrives as `&amp;`.
    parameters = {"q": query, "sort": "new", "limit": page_size, "raw_json": 1}
    seen: set[int] = set()
    with _open_session(reddit_token, reddit_user_agent) as session:
        while True:
            listing = _get(session, f"{reddit_base_url}/search", parameters).json()["data"]
            rows = [child["data"] for child in listing["children"]]
            check_progress(seen, rows, listing["after"])
            yield rows
            if not listing["after"]:
                return
            parameters["after"] = listing["after"]


def get_x_posts(
    query: str = dlt.config.value,
    x_token: dlt.TSecretStrValue = dlt.secrets.value,
    x_base_url: str = dlt.config.value,
    page_size: int = 100,
) -> Iterator[Rows]:
    """Posts of the last seven days that a search finds, as the X API sends them, newest first.

    Args:
        query: what to search.
        x_token: a bearer token of an application.
        x_base_url: the API's address.
        page_size: posts a request, from 10 to 100.

    Yields:
        Pages of posts (https://docs.x.com/x-api/fundamentals/data-dictionary), each with its account as `author`.
    """
    parameters = {
        "query": query,
        "max_results": page_size,
        "tweet.fields": TWEET_FIELDS,
        "expansions": "author_id",
        "user.fields": USER_FIELDS,
    }
    seen: set[int] = set()
    with _open_session(x_token) as session:
        while True:
            page = _get(session, f"{x_base_url}/2/tweets/search/recent", parameters).json()
            users = {user["id"]: user for user in page.get("includes", {}).get("users", [])}
            rows = [{**post, "author": users.get(post["author_id"])} for post in page.get("data", [])]
            following = page["meta"].get("next_token")
            check_progress(seen, rows, following)
            yield rows
            if not following:
                return
            parameters["next_token"] = following


def get_facebook_items(
    facebook_dataset: str = dlt.config.value,
    scraper_token: dlt.TSecretStrValue = dlt.secrets.value,
    scraper_base_url: str = dlt.config.value,
    page_size: int = 100,
) -> Iterator[Rows]:
    """Facebook posts as a scraper found them; see `_read_dataset`."""
    yield from _read_dataset(scraper_base_url, facebook_dataset, scraper_token, page_size)


def get_reddit_items(
    reddit_dataset: str = dlt.config.value,
    scraper_token: dlt.TSecretStrValue = dlt.secrets.value,
    scraper_base_url: str = dlt.config.value,
    page_size: int = 100,
) -> Iterator[Rows]:
    """Reddit submissions as a scraper found them; see `_read_dataset`."""
    yield from _read_dataset(scraper_base_url, reddit_dataset, scraper_token, page_size)


def get_x_items(
    x_dataset: str = dlt.config.value,
    scraper_token: dlt.TSecretStrValue = dlt.secrets.value,
    scraper_base_url: str = dlt.config.value,
    page_size: int = 100,
) -> Iterator[Rows]:
    """X posts as a scraper found them; see `_read_dataset`."""
    yield from _read_dataset(scraper_base_url, x_dataset, scraper_token, page_size)


def _read_dataset(base_url: str, dataset: str, token: str, page_size: int) -> Iterator[Rows]:
    """Yield pages of a data set's items as they were scraped (https://docs.apify.com/api/v2/dataset-items-get)."""
    url, offset = f"{base_url}/v2/datasets/{dataset}/items", 0
    seen: set[int] = set()
    with _open_session(token) as session:
        while True:
            response = _get(session, url, {"offset": offset, "limit": page_size})
            rows = response.json()
            check_progress(seen, rows)
            yield rows
            offset += len(rows)
            if not rows or offset >= int(response.headers["X-Apify-Pagination-Total"]):
                return


def _open_session(token: str, user_agent: str = "data-foundation") -> requests.Session:
    session = requests.Session()
    session.headers.update({"Authorization": f"Bearer {token}", "User-Agent": user_agent})
    return session


def _get(session: requests.Session, url: str, parameters: Mapping[str, Any]) -> requests.Response:
    response = session.get(url, params=parameters, timeout=TIMEOUT)
    response.raise_for_status()
    return response
