"""GitHub's REST API (2022-11-28): commits, issues and pull requests, paged by the Link header."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from sandbox.environment import TOKENS
from sandbox.models import github as models
from sandbox.models.github_rows import CommitFactory, build_threads
from sandbox.vendor import Quota, Vendor, VendorError, bearer, is_repeated, is_self_next

DOCS = "https://docs.github.com/rest"
WORDS = {
    400: "Problems parsing request",
    401: "Bad credentials",
    403: "API rate limit exceeded. (But here's the good news: Authenticated requests get a higher rate limit.)",
    404: "Not Found",
    422: "Validation Failed",
    429: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
    500: "Server Error",
    503: "Service unavailable",
}


def error(status: int) -> VendorError:
    """Return GitHub's answer for a status."""
    return VendorError(status, {"message": WORDS[status], "documentation_url": DOCS, "status": str(status)})


def authorize(request: Request) -> None:
    """Refuse a request without a user agent, or with a wrong token."""
    if not request.headers.get("user-agent"):
        raise VendorError(403, "Request forbidden by administrative rules. Please add a User-Agent header.")
    token = bearer(request)
    if request.headers.get("authorization") and token != TOKENS["github"]:
        raise error(401)


router = APIRouter(tags=["GitHub"], dependencies=[Depends(authorize)])


@cache
def commits() -> list[dict[str, Any]]:
    """Return all commits, newest first."""
    return CommitFactory.rows()


def paginate(
    request: Request, response: Response, rows: list[dict[str, Any]], page: int, per_page: int
) -> list[dict[str, Any]]:
    """Return one page of the rows, with the other pages in the Link header."""
    last = max(-(-len(rows) // per_page), 1)
    links: dict[str, int] = {}
    if page > 1:
        links |= {"prev": page - 1, "first": 1}
    if page < last:
        links |= {"next": page if is_self_next(request) else page + 1, "last": last}
    if links:
        urls = {name: request.url.include_query_params(page=number) for name, number in links.items()}
        response.headers["Link"] = ", ".join(f'<{url}>; rel="{name}"' for name, url in urls.items())
    response.headers["X-GitHub-Api-Version-Selected"] = request.headers.get("x-github-api-version", "2022-11-28")
    start = 0 if is_repeated(request) else (page - 1) * per_page
    return rows[start : start + per_page]


def check(owner: str, repository: str) -> None:
    """Refuse an unknown repository."""
    if f"{owner}/{repository}" != models.REPOSITORY:
        raise error(404)


def read_time(value: str | None, default: str) -> str:
    """Return a time in GitHub's format, from any ISO 8601 format."""
    try:
        at = datetime.fromisoformat(value or default)
    except ValueError:
        raise error(422) from None
    return models.spell_time((at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC))


def order(rows: list[dict[str, Any]], sort: str, direction: str) -> list[dict[str, Any]]:
    """Sort by `created` or `updated` time."""
    key: Callable[[dict[str, Any]], Any] = lambda row: (row[f"{sort}_at"], row["number"])  # noqa: E731
    return sorted(rows, key=key, reverse=direction == "desc")


Page = Annotated[int, Query(ge=1)]
PerPage = Annotated[int, Query(ge=1, le=100)]


@router.get("/repos/{owner}/{repository}/commits", responses={200: {"model": list[models.Commit]}})
async def list_commits(
    request: Request,
    response: Response,
    owner: str,
    repository: str,
    since: str | None = None,
    until: str | None = None,
    page: Page = 1,
    per_page: PerPage = 30,
) -> list[dict[str, Any]]:
    """List commits, newest first; `since` and `until` filter by the committer date."""
    check(owner, repository)
    oldest, newest = read_time(since, "1970-01-01"), read_time(until, "9999-12-31")
    rows = [row for row in commits() if oldest <= row["commit"]["committer"]["date"] <= newest]
    return paginate(request, response, rows, page, per_page)


@router.get("/repos/{owner}/{repository}/issues", responses={200: {"model": list[models.Issue]}})
async def list_issues(
    request: Request,
    response: Response,
    owner: str,
    repository: str,
    state: Literal["open", "closed", "all"] = "open",
    sort: Literal["created", "updated"] = "created",
    direction: Literal["asc", "desc"] = "desc",
    since: str | None = None,
    page: Page = 1,
    per_page: PerPage = 30,
) -> list[dict[str, Any]]:
    """List issues, including pull requests; `since` filters by the time of the last update."""
    check(owner, repository)
    issues, _ = build_threads()
    oldest = read_time(since, "1970-01-01")
    rows = [row for row in issues if state in {row["state"], "all"} and row["updated_at"] >= oldest]
    return paginate(request, response, order(rows, sort, direction), page, per_page)


@router.get("/repos/{owner}/{repository}/pulls", responses={200: {"model": list[models.PullRequest]}})
async def list_pulls(
    request: Request,
    response: Response,
    owner: str,
    repository: str,
    state: Literal["open", "closed", "all"] = "open",
    sort: Literal["created", "updated"] = "created",
    direction: Literal["asc", "desc"] = "desc",
    page: Page = 1,
    per_page: PerPage = 30,
) -> list[dict[str, Any]]:
    """List pull requests; this endpoint has no `since`."""
    check(owner, repository)
    _, pulls = build_threads()
    rows = [row for row in pulls if state in {row["state"], "all"}]
    return paginate(request, response, order(rows, sort, direction), page, per_page)


def quota_headers(quota: Quota) -> dict[str, str]:
    """Return headers with the remaining requests, as GitHub does."""
    return {
        "X-RateLimit-Limit": str(quota.limit),
        "X-RateLimit-Remaining": str(quota.remaining),
        "X-RateLimit-Used": str(min(quota.used, quota.limit)),
        "X-RateLimit-Reset": str(quota.resets_at),
        "X-RateLimit-Resource": "core",
    }


VENDOR = Vendor("/github", router, error, quota_headers, quota_status=403)
