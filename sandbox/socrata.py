"""Socrata's SODA 2.1: datasets as JSON and CSV, paged by $limit and $offset."""

import csv
import io
import json
from functools import cache
from importlib.metadata import files
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from sandbox.environment import TOKENS, settings
from sandbox.vendor import Vendor, VendorError, is_repeated, is_self_next

SETTINGS = settings("")
AIRPORTS = SETTINGS["SOURCES__OPEN_DATA__AIRPORTS_DATASET"]
WEATHER = SETTINGS["SOURCES__OPEN_DATA__WEATHER_DATASET"]

WORDS = {
    400: ("query.soql.invalid-query", "Invalid SoQL query"),
    403: ("permission_denied", "Invalid app_token specified"),
    404: ("dataset.missing", "Not found"),
    429: ("too-many-requests", "Too many requests; use an app token"),
    500: ("internal-server-error", "Internal server error"),
    503: ("service-unavailable", "Service unavailable"),
}
TYPES = {"latitude": "number", "longitude": "number", "date": "floating_timestamp"} | dict.fromkeys(
    ("precipitation", "temp_max", "temp_min", "wind"), "number"
)


def error(status: int) -> VendorError:
    """Return Socrata's answer for a status."""
    code, message = WORDS[status]
    return VendorError(status, {"code": code, "error": True, "message": message, "data": {}})


def authorize(request: Request) -> None:
    """Refuse a request with a wrong application token; none is required."""
    if request.headers.get("x-app-token", TOKENS["socrata"]) != TOKENS["socrata"]:
        raise error(403)


router = APIRouter(tags=["Socrata"], dependencies=[Depends(authorize)])


@cache
def read_dataset(dataset: str) -> list[dict[str, str | None]]:
    """Return a dataset's rows, all values as text: real airports of the US and real weather of Seattle.

    Raises:
        VendorError: The dataset does not exist.
    """
    names = {AIRPORTS: "airports.csv", WEATHER: "seattle-weather.csv"}
    if dataset not in names:
        raise error(404)
    path = next(file for file in files("vega_datasets") or [] if file.name == names[dataset]).locate()
    with Path(str(path)).open(encoding="utf-8", newline="") as opened:
        rows: list[dict[str, str | None]] = [dict(row) for row in csv.DictReader(opened)]
    for row in rows:
        if dataset == WEATHER:
            row["location"] = "Seattle"
            row["date"] = f"{str(row['date']).replace('/', '-')}T00:00:00.000"
        row.update({name: None for name, value in row.items() if value in {"", "NA"}})
    return rows


def select(
    request: Request, dataset: str, limit: int, offset: int, order: str
) -> tuple[list[str], list[dict[str, str | None]]]:
    """Return the columns, and the requested rows."""
    rows = read_dataset(dataset)
    columns = list(rows[0])
    name, _, direction = order.partition(" ")
    if name != ":id":
        if name not in columns:
            raise VendorError(
                400, {"code": "query.soql.no-such-column", "error": True, "message": f"No such column: {name}"}
            )
        rows = sorted(rows, key=lambda row: row[name] or "", reverse=direction.lower() == "desc")
    # This API has no pointer to the next page: the fault `self_next` acts like `repeated` and ignores the offset.
    start = 0 if is_repeated(request) or is_self_next(request) else offset
    return columns, rows[start : start + limit]


def headers(columns: list[str]) -> dict[str, str]:
    """Return headers with the columns and their types, as Socrata does."""
    return {
        "X-SODA2-Fields": json.dumps(columns),
        "X-SODA2-Types": json.dumps([TYPES.get(name, "text") for name in columns]),
    }


Limit = Annotated[int, Query(alias="$limit", ge=0)]
Offset = Annotated[int, Query(alias="$offset", ge=0)]
Order = Annotated[str, Query(alias="$order")]


@router.get("/resource/{dataset}.json")
async def show_json(
    request: Request, response: Response, dataset: str, limit: Limit = 1000, offset: Offset = 0, order: Order = ":id"
) -> list[dict[str, Any]]:
    """Show rows as JSON: numbers as text, empty fields omitted."""
    columns, rows = select(request, dataset, limit, offset, order)
    response.headers.update(headers(columns))
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


@router.get("/resource/{dataset}.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def show_csv(
    request: Request, dataset: str, limit: Limit = 1000, offset: Offset = 0, order: Order = ":id"
) -> Response:
    """Show rows as CSV: all values quoted, a header on every page."""
    columns, rows = select(request, dataset, limit, offset, order)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers(columns))


VENDOR = Vendor("/socrata", router, error, expired_status=403)
