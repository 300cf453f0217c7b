"""Reddit's API: the listing of a search, paged by the name of the last link."""

from functools import cache
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request

from sandbox.environment import TOKENS
from sandbox.models import reddit as models
from sandbox.vendor import Quota, Vendor, VendorError, bearer, is_repeated, is_self_next

WORDS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


def error(status: int) -> VendorError:
    """Return Reddit's answer for a status."""
    return VendorError(status, {"message": WORDS[status], "error": status})


def authorize(request: Request) -> None:
    """Refuse a request without a user agent or the right token; throttle a library's default user agent."""
    agent = request.headers.get("user-agent", "")
    if not agent or agent.startswith(("python-requests", "Python-urllib")):
        raise error(429)
    if bearer(request) != TOKENS["reddit"]:
        raise error(401)


router = APIRouter(tags=["Reddit"], dependencies=[Depends(authorize)])


@cache
def links() -> list[dict[str, Any]]:
    """Return all links, newest first."""
    return models.LinkFactory.rows()


@router.get("/search")
async def search(
    request: Request,
    _q: Annotated[str, Query(alias="q")],
    _sort: Annotated[Literal["new", "relevance", "top"], Query(alias="sort")] = "relevance",
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    after: str | None = None,
) -> dict[str, Any]:
    """Search links; the sandbox returns all links for any `q`, sorted by time."""
    rows = links()
    names = [row["name"] for row in rows]
    if after and after not in names:
        raise error(404)
    start = names.index(after) + 1 if after else 0
    first = 0 if is_repeated(request) else start
    chosen = rows[first : first + limit]
    is_last = start + limit >= len(rows)
    name = after or names[0] if is_self_next(request) else rows[min(start + limit, len(rows)) - 1]["name"]
    data = {
        "after": None if is_last else name,
        "before": None,
        "dist": len(chosen),
        "modhash": None,
        "geo_filter": "",
        "children": [{"kind": "t3", "data": row} for row in chosen],
    }
    return {"kind": "Listing", "data": data}


def quota_headers(quota: Quota) -> dict[str, str]:
    """Return headers with the remaining requests, as Reddit does."""
    return {
        "X-Ratelimit-Used": str(min(quota.used, quota.limit)),
        "X-Ratelimit-Remaining": f"{quota.remaining:.1f}",
        "X-Ratelimit-Reset": str(quota.resets_in),
    }


VENDOR = Vendor("/reddit", router, error, quota_headers, quota_window=600)
