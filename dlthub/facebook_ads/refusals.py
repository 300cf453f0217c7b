"""Refusals of the Graph API and the used share of its limits, read from codes and headers.

https://developers.facebook.com/docs/graph-api/guides/error-handling and .../overview/rate-limiting
"""

from typing import Any

import requests
from dlt.common.json import json

from data_foundation import Refusal

HOUR = 3600.0
CALM_PERCENT = 75.0
"""Up to here of a limit there are no pauses."""

BUSY_CODES = frozenset({4, 17, 32, 341, 613, *range(80000, 80015)})
BUSY_SECONDS = 300.0
"""Seconds to wait if Meta names none: the time that accounts in development access stay blocked."""

PASSING_CODES = frozenset({1, 2, 2601})
TOKEN, TOO_MUCH = 190, (100, 1487534)
REDUCE = "reduce the amount of data"

ADVICE = {
    TOKEN: "make a new token (that of a system user does not expire) and set sources.facebook_ads.access_token",
    10: "give the token's user access to the account, and the token the permission that Meta names",
    102: "make a new token and set sources.facebook_ads.access_token",
    200: "give the token's user access to the account, and the token the permission that Meta names",
    2635: "set sources.facebook_ads.version to a version that Meta still serves",
}


class TooMuchData(Refusal):
    """The request is larger than Meta answers at once: a smaller one is needed."""


def read_refusal(response: requests.Response) -> Refusal | None:
    """Return what Meta refuses, whatever the status of its answer; None where it refuses nothing."""
    # Pages of rows are large, and read once they are wanted.
    if response.ok and not response.content.lstrip().startswith(b'{"error"'):
        return None
    body = json.loadb(response.content)
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return None
    code, subcode, text = error.get("code"), error.get("error_subcode"), str(error.get("message", ""))
    known = f"code {code}, subcode {subcode}" if subcode else f"code {code}"
    message = f"{known}: {text} (fbtrace_id {error.get('fbtrace_id')})"
    if (code, subcode) == TOO_MUCH or REDUCE in text:
        return TooMuchData(message)
    if code in BUSY_CODES:
        return Refusal(message, retry_after=regain_seconds(response) or BUSY_SECONDS)
    if code in PASSING_CODES or error.get("is_transient"):
        return Refusal(message, retry_after=0.0)
    return Refusal(f"{message}; {ADVICE[code]}" if code in ADVICE else message)


def find_pause(response: requests.Response) -> float:
    """Return the seconds to wait before the next call of this account, by how much of its limits is used.

    Limits are for an hour that slides along. The pause grows from nothing at three quarters to that hour at the whole,
    so that a limit is approached and never reached, however few calls it allows.
    """
    used = max(_percentages(response), default=0.0)
    share = min(max(used - CALM_PERCENT, 0.0) / (100 - CALM_PERCENT), 1.0)
    return max(regain_seconds(response), HOUR * share**2)


def regain_seconds(response: requests.Response) -> float:
    """Return the seconds until Meta accepts calls of an account again; 0 if it names none."""
    return 60.0 * max((_number(usage, "estimated_time_to_regain_access") for usage in _use_cases(response)), default=0)


def _percentages(response: requests.Response) -> list[float]:
    app, account, throttle = (
        _header(response, name) for name in ("X-App-Usage", "X-Ad-Account-Usage", "X-Fb-Ads-Insights-Throttle")
    )
    names = ("call_count", "total_cputime", "total_time", "acc_id_util_pct", "app_id_util_pct")
    usages = [app, account, throttle, *_use_cases(response)]
    return [_number(usage, name) for usage in usages for name in names]


def _use_cases(response: requests.Response) -> list[dict[str, Any]]:
    """Return the usage of every use case and account in a response."""
    reported = _header(response, "X-Business-Use-Case-Usage").values()
    return [usage for usages in reported if isinstance(usages, list) for usage in usages if isinstance(usage, dict)]


def _header(response: requests.Response, name: str) -> dict[str, Any]:
    try:
        value = json.loads(response.headers.get(name, "{}"))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _number(usage: dict[str, Any], name: str) -> float:
    value = usage.get(name)
    return float(value) if isinstance(value, int | float) else 0.0
