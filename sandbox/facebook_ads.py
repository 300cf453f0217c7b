"""The Marketing API: ad accounts and their objects, leads, and insights as asynchronous reports."""

import json
import os
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel

from sandbox.environment import TOKENS
from sandbox.facebook import quota_headers, read_cursor, spell_cursor, split_fields
from sandbox.facebook_refusals import CURRENT, EXPIRED, FAULTS, OLDEST, error, refuse
from sandbox.facebook_reports import Reports
from sandbox.facebook_usage import Usage
from sandbox.models import facebook_ads as models
from sandbox.models.facebook_insights import find_rows
from sandbox.models.people import ANCHOR
from sandbox.vendor import Vendor, bearer, is_repeated, is_self_next

Body = dict[str, Any]
Rows = list[Body]

EDGES: dict[str, tuple[Callable[[str], Rows], type[BaseModel]]] = {
    "campaigns": (models.campaigns, models.Campaign),
    "adsets": (models.ad_sets, models.AdSet),
    "ads": (models.ads, models.Ad),
    "adcreatives": (models.ad_creatives, models.AdCreative),
}
usage, reports = Usage(), Reports()


def authorize(request: Request) -> None:
    """Refuse a request without the right token."""
    if bearer(request) != TOKENS["facebook_ads"]:
        raise EXPIRED


def check_version(
    response: Response, version: Annotated[str, Path(pattern=r"^v\d+\.\d+$", description="For example v26.0.")]
) -> None:
    """Refuse retired versions, and add a warning header for deprecated ones.

    Raises:
        VendorError: The version is retired, or unknown.
    """
    number = int(version[1:].split(".")[0])
    if number > CURRENT:
        raise error(404)
    if number < OLDEST:
        raise FAULTS["retired"]
    response.headers["facebook-api-version"] = f"v{CURRENT}.0"
    if number < CURRENT:
        warning = f"This call was upgraded to v{CURRENT}.0, as {version} will be retired."
        response.headers["x-ad-api-version-warning"] = warning


def charge(request: Request, response: Response, account: str, use_case: str = "ads_management") -> None:
    """Count a call of an account, and add headers with the used quota."""
    response.headers.update(usage.charge(request, account, use_case))


def find_account(number: str) -> str:
    """Return an account's number.

    Raises:
        VendorError: The account does not exist.
    """
    if number in models.accounts() or (number.startswith(models.BIG_ACCOUNT) and number.isdigit()):
        return number
    raise error(404)


def today_of(request: Request) -> date:
    """Return today's date: from the path, from SANDBOX_TODAY, or the sandbox's default."""
    day = request.path_params.get("today") or os.environ.get("SANDBOX_TODAY") or str(ANCHOR.date())
    try:
        return date.fromisoformat(day)
    except ValueError:
        raise error(404) from None


def choose(rows: Rows, fields: str, known: set[str]) -> Rows:
    """Keep the requested fields, and the id.

    Raises:
        VendorError: A field does not exist.
    """
    wanted = split_fields(fields)
    if unknown := wanted - known - {"id"}:
        raise refuse(100, 400, f"(#100) Tried accessing nonexisting field ({', '.join(sorted(unknown))})")
    return [{name: row[name] for name in row if name in wanted | {"id"}} for row in rows]


def paginate(request: Request, rows: Rows, start: int) -> Body:
    """Wrap one page. A page with rows always has a next page, so the last page is empty."""
    if not rows:
        return {"data": []}
    last = spell_cursor(start - 1 if is_self_next(request) else start + len(rows) - 1)
    following = request.url.include_query_params(after=last, access_token=bearer(request))
    cursors = {"before": spell_cursor(start), "after": last}
    return {"data": rows, "paging": {"cursors": cursors, "next": str(following)}}


router = APIRouter(tags=["Facebook Ads"], dependencies=[Depends(authorize)])
graph = APIRouter(dependencies=[Depends(check_version)])
Limit = Annotated[int, Query(ge=1, le=5000)]


@graph.get("/me/adaccounts")
async def list_accounts(
    request: Request, fields: str = "account_id", limit: Limit = 25, after: str | None = None
) -> Body:
    """List the ad accounts that the token can access."""
    start = read_cursor(after) + 1 if after else 0
    first = 0 if is_repeated(request) else start
    rows = choose(list(models.accounts().values()), fields, set(models.Account.model_fields))
    return paginate(request, rows[first : first + limit], start)


@graph.get("/act_{number}")
async def show_account(request: Request, response: Response, number: str, fields: str = "account_id") -> Body:
    """Show one ad account."""
    known = models.accounts().get(find_account(number))
    if known is None:
        raise error(404)
    charge(request, response, number)
    return choose([known], fields, set(models.Account.model_fields))[0]


@graph.post("/act_{number}/insights")
async def create_report(request: Request, response: Response, number: str) -> Body:
    """Create a report: `level=ad`, `time_increment=1`, `time_range`, `fields`, `breakdowns`, attribution windows."""
    charge(request, response, find_account(number), "ads_insights")
    return {"report_run_id": reports.create(number, dict(parse_qsl((await request.body()).decode())))}


@graph.get("/act_{number}/{edge}")
async def list_edge(
    request: Request,
    response: Response,
    number: str,
    edge: str,
    fields: str = "",
    limit: Limit = 25,
    after: str | None = None,
    effective_status: str | None = None,
) -> Body:
    """List an account's objects; archived ones only if `effective_status` includes them."""
    if edge not in EDGES:
        raise error(400)
    charge(request, response, find_account(number))
    find, model = EDGES[edge]
    statuses = json.loads(effective_status) if effective_status else ["ACTIVE", "PAUSED"]
    rows = [row for row in find(number) if row.get("effective_status", "ACTIVE") in statuses]
    start = read_cursor(after) + 1 if after else 0
    first = 0 if is_repeated(request) else start
    chosen = choose(rows[first : first + limit], fields, set(model.model_fields))
    return paginate(request, chosen, start)


@graph.get("/{parent}/leads")
async def list_leads(
    request: Request,
    response: Response,
    parent: str,
    fields: str = "created_time,field_data",
    limit: Limit = 25,
    after: str | None = None,
    filtering: str = "[]",
) -> Body:
    """List the leads of an ad or of a form, newest first; `filtering` takes `time_created` `GREATER_THAN`."""
    account = find_account(parent[:4])
    charge(request, response, account)
    sources = [ad["id"] for ad in models.ads(account)] if parent == models.form_of(account) else [parent]
    rows = sorted((row for ad in sources for row in models.leads(ad)), key=lambda row: row["created_time"])[::-1]
    until = datetime.combine(today_of(request), datetime.max.time(), ANCHOR.tzinfo).timestamp()
    oldest = max((float(rule["value"]) for rule in json.loads(filtering)), default=0.0)
    rows = [row for row in rows if oldest < datetime.fromisoformat(row["created_time"]).timestamp() <= until]
    start = read_cursor(after) + 1 if after else 0
    first = 0 if is_repeated(request) else start
    return paginate(request, choose(rows[first : first + limit], fields, set(models.Lead.model_fields)), start)


@graph.get("/{number}")
async def show_report(request: Request, response: Response, number: str) -> Body:
    """Show the progress of a report."""
    report = reports.find(number)
    charge(request, response, report.query.account, "ads_insights")
    return {"id": number, **report.state()}


@graph.get("/{number}/insights")
async def read_report(
    request: Request, response: Response, number: str, limit: Limit = 25, after: str | None = None
) -> Body:
    """List the rows of a completed report."""
    report = reports.find(number)
    charge(request, response, report.query.account, "ads_insights")
    report.check_completed()
    start = read_cursor(after) + 1 if after else 0
    rows = find_rows(report.query, today_of(request), 0 if is_repeated(request) else start, limit)
    wanted = {*report.fields, "date_start", "date_stop", *report.query.breakdowns}
    return paginate(request, [{name: row[name] for name in row if name in wanted} for row in rows], start)


router.include_router(graph, prefix="/as_of/{today}/{version}")
router.include_router(graph, prefix="/{version}")

VENDOR = Vendor("/facebook_ads", router, error, quota_headers, quota_status=403, faults=FAULTS)
