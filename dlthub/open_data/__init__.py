"""Open data sets of a Socrata portal: airports and daily weather.

Purpose: reference data that every other domain may join.
Owner: team:data-platform.
Origin: Socrata's SODA 2.1 (https://dev.socrata.com), spoken by the portals of many cities and states; which portal and
which data sets is a matter of configuration (`base_url`, `airports_dataset`, `weather_dataset`).

    {portal}/resource/{dataset}.json, .csv -> data.py -> raw.airports, raw.weather -> dbt
"""

import csv
import io
from typing import Any

import requests

TIMEOUT = (5, 60)
"""Seconds to connect, and to wait for the next bytes."""


def parse_csv(response: requests.Response) -> list[dict[str, Any]]:
    """Return the rows of a CSV answer: every value as text, empty ones as None.

    Raises:
        RuntimeError: where the answer is not CSV, or stops in the middle of a row.
    """
    kind = response.headers.get("Content-Type", "")
    if not kind.startswith("text/csv"):
        raise RuntimeError(f"expected text/csv, got {kind or 'no content type'}: {response.text[:80]!r}")
    if not response.text.endswith("\n"):
        raise RuntimeError(f"the CSV stops in the middle of a row: {response.text[-80:]!r}")
    return [{name: value or None for name, value in row.items()} for row in csv.DictReader(io.StringIO(response.text))]
