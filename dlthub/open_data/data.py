"""Data sets from a Socrata portal, page by page, as JSON or CSV."""

from collections.abc import Callable, Iterator
from typing import Any

import dlt
import requests

from . import TIMEOUT, parse_csv

Rows = list[dict[str, Any]]


def get_airports(
    airports_dataset: str = dlt.config.value,
    base_url: str = dlt.config.value,
    app_token: dlt.TSecretStrValue | None = None,
    page_size: int = 1000,
) -> Iterator[Rows]:
    """Airports and where they are.

    Args:
        airports_dataset: the data set's id, four letters or digits, a dash, four more.
        base_url: the portal's address.
        app_token: lifts the portal's limit on anonymous requests.
        page_size: rows a request.

    Yields:
        Pages of rows as Socrata sends JSON: numbers as text, empty fields left out.
    """
    url = f"{base_url}/resource/{airports_dataset}.json"
    yield from _read_pages(url, "iata", app_token, page_size, requests.Response.json)


def get_weather(
    weather_dataset: str = dlt.config.value,
    base_url: str = dlt.config.value,
    app_token: dlt.TSecretStrValue | None = None,
    page_size: int = 1000,
) -> Iterator[Rows]:
    """Weather of every day and place.

    Args:
        weather_dataset: the data set's id, four letters or digits, a dash, four more.
        base_url: the portal's address.
        app_token: lifts the portal's limit on anonymous requests.
        page_size: rows a request.

    Yields:
        Pages of rows: everything is text, as in CSV, and what is empty is None.
    """
    url = f"{base_url}/resource/{weather_dataset}.csv"
    yield from _read_pages(url, "date", app_token, page_size, parse_csv)


def _read_pages(
    url: str, order: str, app_token: str | None, page_size: int, parse: Callable[[requests.Response], Rows]
) -> Iterator[Rows]:
    """Yield pages until one is empty; a short page is not taken for the last one, for it may have been cut."""
    offset, previous = 0, None
    with requests.Session() as session:
        if app_token:
            session.headers["X-App-Token"] = app_token
        while True:
            parameters: dict[str, str | int] = {"$limit": page_size, "$offset": offset, "$order": order}
            response = session.get(url, params=parameters, timeout=TIMEOUT)
            response.raise_for_status()
            rows = parse(response)
            if not rows:
                return
            if rows == previous:
                raise RuntimeError(f"paging goes in circles: the page at offset {offset} repeats the one before it")
            yield rows
            offset, previous = offset + len(rows), rows
