"""A web shop's API: items and orders, paged by number and filtered by the time of their last change."""

from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from sandbox.models.shop import build_items, build_orders
from sandbox.vendor import Vendor, VendorError, is_repeated

WORDS = {
    400: "bad request",
    401: "token expired",
    404: "not found",
    429: "too many requests",
    500: "internal error",
    503: "closed for maintenance",
}


def error(status: int) -> VendorError:
    """Return the shop's answer for a status."""
    return VendorError(status, {"error": WORDS[status]})


router = APIRouter(tags=["Shop"])
Since = Annotated[str, Query(description="Time in ISO 8601; empty for all.")]
Page = Annotated[int, Query(ge=1)]
PageSize = Annotated[int, Query(ge=1, le=100)]


@cache
def items() -> list[dict[str, Any]]:
    """Return all items, in order of their last change."""
    return build_items()


@cache
def orders() -> list[dict[str, Any]]:
    """Return all orders, in order of their last change."""
    return build_orders()


def select(request: Request, rows: list[dict[str, Any]], since: str, page: int, per_page: int) -> list[dict[str, Any]]:
    """Return one page of the rows that changed at or after a time."""
    if since:
        try:
            at = datetime.fromisoformat(since)
        except ValueError:
            raise error(400) from None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        rows = [row for row in rows if datetime.fromisoformat(row["updated_at"]) >= at]
    start = 0 if is_repeated(request) else (page - 1) * per_page
    return rows[start : start + per_page]


@router.get("/items")
async def list_items(
    request: Request, since: Since = "", page: Page = 1, per_page: PageSize = 50
) -> list[dict[str, Any]]:
    """List items."""
    return select(request, items(), since, page, per_page)


@router.get("/orders")
async def list_orders(
    request: Request, since: Since = "", page: Page = 1, per_page: PageSize = 50
) -> list[dict[str, Any]]:
    """List orders, each with its customer and its lines."""
    return select(request, orders(), since, page, per_page)


VENDOR = Vendor("/shop", router, error)
