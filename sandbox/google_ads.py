"""The Google Ads API over REST: search and searchStream, with GAQL, managers, and Google's errors.

The URL may set today's date: `/google_ads/on/2026-10-05/v25/...` answers as on that day. Developer tokens are ignored,
as Google does since September 2026.
"""

import json
import re
from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from pydantic import BaseModel

from sandbox import google_ads_access as access
from sandbox.google_ads_errors import FAULTS, REQUEST_ID, error, failure, streamed, unsupported
from sandbox.google_ads_query import Query, answer
from sandbox.models.google_ads import TODAY
from sandbox.vendor import Vendor, VendorError, is_repeated, is_self_next

PAGE = 10_000
"""Rows in a page, and in a message of a stream; a request cannot change it."""

NEWEST, OLDEST = 26, 23
NOT_FOUND = "<!DOCTYPE html><html lang=en><title>Error 404 (Not Found)!!1</title><p><b>404.</b> That's an error.</html>"

router = APIRouter(tags=["Google Ads"])


class Search(BaseModel):
    """The body of a request."""

    query: str = ""
    pageToken: str = ""
    pageSize: int | None = None


def open_rows(request: Request, version: str, customer: str, query: str, today: str) -> tuple[Query, Iterator[Any]]:
    """Return a query and its rows.

    Raises:
        VendorError: The caller has no access.
    """
    access.check_token(request)
    if int(version) < OLDEST:
        raise unsupported(f"v{version}")
    account = access.find_account(request, customer)
    parsed = Query.parse(query)
    return parsed, answer(parsed, account, date.fromisoformat(today) if today else TODAY)


def is_known(version: str) -> bool:
    """Return whether the version exists or existed."""
    return bool(re.fullmatch(r"\d+", version)) and 1 <= int(version) <= NEWEST


@router.post("/v{version}/customers/{customer}/googleAds:searchStream", response_model=None)
@router.post("/on/{today}/v{version}/customers/{customer}/googleAds:searchStream", response_model=None)
async def search_stream(request: Request, body: Search, version: str, customer: str, today: str = "") -> Response:
    """Return all rows as an array of messages; a refusal is in an array too."""
    if not is_known(version):
        return HTMLResponse(NOT_FOUND, 404)
    try:
        query, rows = open_rows(request, version, customer, body.query, today)
    except VendorError as refused:
        raise streamed(refused) from None
    return StreamingResponse(write(rows, query.mask), media_type="application/json", headers={"request-id": REQUEST_ID})


@router.post("/v{version}/customers/{customer}/googleAds:search", response_model=None)
@router.post("/on/{today}/v{version}/customers/{customer}/googleAds:search", response_model=None)
async def search(request: Request, body: Search, version: str, customer: str, today: str = "") -> Response:
    """Return a page of rows, and a token for the next page."""
    if not is_known(version):
        return HTMLResponse(NOT_FOUND, 404)
    if body.pageSize is not None:
        message = "Setting the page size is not supported. Search Responses will have fixed page size of '10000' rows."
        raise failure(400, "requestError", "PAGE_SIZE_NOT_SUPPORTED", message)
    query, found = open_rows(request, version, customer, body.query, today)
    rows, start = list(found), int(body.pageToken or 0)
    first = 0 if is_repeated(request) else start
    page: dict[str, Any] = {"results": rows[first : first + PAGE], "fieldMask": query.mask, "requestId": REQUEST_ID}
    if start + PAGE < len(rows):
        page["nextPageToken"] = str(start if is_self_next(request) else start + PAGE)
    return JSONResponse(page, headers={"request-id": REQUEST_ID})


def write(rows: Iterator[Any], mask: str) -> Iterator[str]:
    """Yield the messages of a stream; without rows there is one message with the field mask only."""
    before = "["
    while piece := list(islice(rows, PAGE)):
        yield before + json.dumps({"results": piece, "fieldMask": mask, "requestId": REQUEST_ID})
        before = "\n,\n"
    if before == "[":
        yield "[" + json.dumps({"fieldMask": mask, "requestId": REQUEST_ID})
    yield "]"


router.include_router(access.router)

VENDOR = Vendor("/google_ads", router, error, faults=FAULTS)
