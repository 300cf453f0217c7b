"""A scraping service with Apify's API: the items of a dataset, paged by offset and limit."""

from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from sandbox.environment import TOKENS
from sandbox.models import scraped as models
from sandbox.vendor import Vendor, VendorError, bearer, is_repeated, is_self_next

DATASETS: dict[str, type[models.ItemFactory]] = {
    "facebook-posts": models.FacebookItemFactory,
    "reddit-posts": models.RedditItemFactory,
    "x-posts": models.XItemFactory,
}
MOST = 250_000
"""The maximum number of items in one response."""

WORDS = {
    400: ("invalid-value", "Invalid value provided"),
    401: ("user-or-token-not-found", "User was not found or authentication token is not valid"),
    404: ("record-not-found", "Dataset was not found"),
    429: ("rate-limit-exceeded", "You have exceeded the rate limit for this resource"),
    500: ("internal-server-error", "Unexpected error"),
    503: ("service-unavailable", "Service unavailable"),
}


def error(status: int) -> VendorError:
    """Return Apify's answer for a status."""
    kind, message = WORDS[status]
    return VendorError(status, {"error": {"type": kind, "message": message}})


def authorize(request: Request) -> None:
    """Refuse a request without the right token."""
    if bearer(request) != TOKENS["apify"]:
        raise error(401)


router = APIRouter(tags=["Apify"], dependencies=[Depends(authorize)])


@cache
def items(dataset: str) -> list[dict[str, Any]]:
    """Return a dataset's items.

    Raises:
        VendorError: The dataset does not exist.
    """
    if dataset not in DATASETS:
        raise error(404)
    return DATASETS[dataset].rows()


@router.get("/v2/datasets/{dataset}/items")
async def list_items(
    request: Request,
    response: Response,
    dataset: str,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST)] = MOST,
) -> list[dict[str, Any]]:
    """List items in the order in which they were scraped."""
    rows = items(dataset)
    # This API has no pointer to the next page: the fault `self_next` acts like `repeated` and ignores the offset.
    start = 0 if is_repeated(request) or is_self_next(request) else offset
    chosen = rows[start : start + limit]
    response.headers.update(
        {
            "X-Apify-Pagination-Total": str(len(rows)),
            "X-Apify-Pagination-Offset": str(offset),
            "X-Apify-Pagination-Count": str(len(chosen)),
            "X-Apify-Pagination-Limit": str(limit),
            "X-Apify-Pagination-Desc": "false",
        }
    )
    return chosen


VENDOR = Vendor("/apify", router, error)
