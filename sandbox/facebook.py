"""The Graph API: the posts of a page, paged by cursors."""

import base64
import json
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import JSONResponse

from sandbox.environment import TOKENS
from sandbox.models import facebook as models
from sandbox.vendor import Quota, Vendor, VendorError, bearer, is_repeated, is_self_next

TRACE = "AbCdEfGhIjKlMnOpQrStUvW"
ALWAYS = {"id", "created_time"}

# Code, type and message of each status.
WORDS = {
    400: (100, "GraphMethodException", "Unsupported get request."),
    401: (190, "OAuthException", "Error validating access token: Session has expired."),
    403: (4, "OAuthException", "(#4) Application request limit reached"),
    404: (803, "OAuthException", "(#803) Some of the aliases you requested do not exist"),
    429: (32, "OAuthException", "(#32) Page request limit reached"),
    500: (1, "OAuthException", "An unknown error has occurred."),
    503: (2, "OAuthException", "An unexpected error has occurred. Please retry your request later."),
}


def error(status: int) -> VendorError:
    """Return Graph's answer for a status."""
    code, kind, message = WORDS[status]
    body = {"message": message, "type": kind, "code": code, "fbtrace_id": TRACE}
    headers = {"WWW-Authenticate": f'OAuth "Facebook Platform" "invalid_token" "{message}"'} if status == 401 else {}
    return VendorError(status, {"error": body}, headers)


def authorize(request: Request) -> None:
    """Refuse a request without the right token."""
    if bearer(request) != TOKENS["facebook"]:
        raise error(401)


router = APIRouter(tags=["Facebook"], dependencies=[Depends(authorize)])


@cache
def posts() -> list[dict[str, Any]]:
    """Return all posts, newest first."""
    return models.PostFactory.rows()


def spell_cursor(position: int) -> str:
    """Return the cursor after the row at a position."""
    return base64.urlsafe_b64encode(f"post:{position}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> int:
    """Return the position of a cursor."""
    try:
        return int(base64.urlsafe_b64decode(cursor + "==").decode().removeprefix("post:"))
    except ValueError:
        raise error(400) from None


def split_fields(fields: str) -> set[str]:
    """Return the field names of a list with modifiers and sub-fields: `reactions.limit(0),attachments{title}`."""
    depth, names = 0, [""]
    for letter in fields:
        depth += (letter in "{(") - (letter in "})")
        if letter == "," and not depth:
            names.append("")
        else:
            names[-1] += letter
    return {name.split(".")[0].split("{")[0] for name in names}


@router.get("/{version}/{page}/{edge}")
async def list_posts(
    request: Request,
    _version: Annotated[str, Path(alias="version", pattern=r"^v\d+\.\d+$")],
    page: str,
    edge: Literal["posts", "feed", "tagged"],
    fields: str = "id,created_time,message",
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    after: str | None = None,
    since: str | None = None,
) -> JSONResponse:
    """List posts, newest first: `posts` of the page itself, `tagged` of others that mention it, `feed` of both.

    The sandbox's page has only posts of others that mention it. `since` takes seconds since 1970 or a date.
    """
    if page not in {models.PAGE, models.PAGE_ID}:
        raise error(404)
    rows = [] if edge == "posts" else posts()
    if since:
        oldest = _read_since(since)
        rows = [row for row in rows if datetime.fromisoformat(row["created_time"]).timestamp() >= oldest]
    start = read_cursor(after) + 1 if after else 0
    first = 0 if is_repeated(request) else start
    chosen = rows[first : first + limit]
    wanted = split_fields(fields) | {"id"}
    body: dict[str, Any] = {"data": [{name: row[name] for name in row if name in wanted} for row in chosen]}
    if chosen:
        last = start - 1 if is_self_next(request) else start + len(chosen) - 1
        body["paging"] = {"cursors": {"before": spell_cursor(start), "after": spell_cursor(last)}}
        if start + limit < len(rows):
            body["paging"]["next"] = str(request.url.include_query_params(after=spell_cursor(last)))
    return JSONResponse(body)


def _read_since(since: str) -> float:
    try:
        return float(since) if since.isdigit() else datetime.fromisoformat(since).timestamp()
    except ValueError:
        raise error(400) from None


def quota_headers(quota: Quota) -> dict[str, str]:
    """Return headers with the used quota in percent, as Graph does."""
    percent = min(100 * quota.used // quota.limit, 100)
    return {"X-App-Usage": json.dumps({"call_count": percent, "total_time": percent, "total_cputime": percent})}


VENDOR = Vendor("/facebook", router, error, quota_headers, quota_status=403)
