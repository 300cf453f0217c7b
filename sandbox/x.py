"""The X API v2: recent search, paged by next_token, with errors as problem details."""

from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from sandbox.environment import TOKENS
from sandbox.models import x as models
from sandbox.vendor import Quota, Vendor, VendorError, bearer, is_repeated, is_self_next

PROBLEM = {"Content-Type": "application/problem+json"}
WORDS = {
    400: ("Invalid Request", "One or more parameters to your request was invalid."),
    401: ("Unauthorized", "Unauthorized"),
    404: ("Not Found Error", "Not Found"),
    429: ("Too Many Requests", "Too Many Requests"),
    500: ("Internal Server Error", "Internal Server Error"),
    503: ("Service Unavailable", "Service Unavailable"),
}


def error(status: int) -> VendorError:
    """Return X's answer for a status."""
    title, detail = WORDS[status]
    kind = "https://api.twitter.com/2/problems/invalid-request" if status == 400 else "about:blank"
    return VendorError(status, {"title": title, "detail": detail, "type": kind, "status": status}, PROBLEM)


def authorize(request: Request) -> None:
    """Refuse a request without the right token."""
    if bearer(request) != TOKENS["x"]:
        raise error(401)


router = APIRouter(tags=["X"], dependencies=[Depends(authorize)])


@cache
def tweets() -> list[dict[str, Any]]:
    """Return all posts, newest first."""
    return models.TweetFactory.rows()


@cache
def users() -> dict[str, dict[str, Any]]:
    """Return all accounts by id."""
    return models.UserFactory.rows()


def spell_token(position: int) -> str:
    """Return the token of the page that begins at a position."""
    return f"b26v89c19zqg8o3f{position:06d}"


def read_token(token: str) -> int:
    """Return the position of a token."""
    position = token.removeprefix(spell_token(0)[:-6])
    if not position.isdigit():
        raise error(400)
    return int(position)


def choose_fields(row: dict[str, Any], fields: str | None, always: set[str]) -> dict[str, Any]:
    """Keep the requested fields, and those that X always returns."""
    wanted = always | set((fields or "").split(","))
    return {name: value for name, value in row.items() if name in wanted}


@router.get("/2/tweets/search/recent")
async def search(
    request: Request,
    _query: Annotated[str, Query(alias="query")],
    max_results: Annotated[int, Query(ge=10, le=100)] = 10,
    next_token: str | None = None,
    tweet_fields: Annotated[str | None, Query(alias="tweet.fields")] = None,
    user_fields: Annotated[str | None, Query(alias="user.fields")] = None,
    expansions: str | None = None,
) -> dict[str, Any]:
    """Search posts; the sandbox returns all posts of sixty days for any query, not those of seven days."""
    start = read_token(next_token) if next_token else 0
    first = 0 if is_repeated(request) else start
    chosen = tweets()[first : first + max_results]
    meta: dict[str, Any] = {"result_count": len(chosen)}
    if chosen:
        meta |= {"newest_id": chosen[0]["id"], "oldest_id": chosen[-1]["id"]}
    if start + max_results < len(tweets()):
        meta["next_token"] = spell_token(start if is_self_next(request) else start + max_results)
    always = {"id", "text", "edit_history_tweet_ids"}
    body: dict[str, Any] = {"meta": meta}
    if chosen:
        body["data"] = [choose_fields(row, tweet_fields, always) for row in chosen]
    if chosen and "author_id" in (expansions or "").split(","):
        authors = dict.fromkeys(row["author_id"] for row in chosen)
        accounts = [choose_fields(users()[author], user_fields, {"id", "name", "username"}) for author in authors]
        body["includes"] = {"users": accounts}
    return body


def quota_headers(quota: Quota) -> dict[str, str]:
    """Return headers with the remaining requests, as X does."""
    return {
        "x-rate-limit-limit": str(quota.limit),
        "x-rate-limit-remaining": str(quota.remaining),
        "x-rate-limit-reset": str(quota.resets_at),
    }


VENDOR = Vendor("/x", router, error, quota_headers, quota_window=900)
