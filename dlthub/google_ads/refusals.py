"""What Google Ads refuses, and what follows: wait, a new token, this account alone, or no account at all."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import requests

from data_foundation import Refusal

EXPIRED = {"OAUTH_TOKEN_EXPIRED", "OAUTH_TOKEN_INVALID"}
PASSING = {
    "RESOURCE_EXHAUSTED",
    "RESOURCE_TEMPORARILY_EXHAUSTED",
    "TRANSIENT_ERROR",
    "INTERNAL_ERROR",
    "DEADLINE_EXCEEDED",
}
OF_ONE_ACCOUNT = {"authorizationError", "internalError"}
HINTS = {
    "UNSUPPORTED_VERSION": "set SOURCES__GOOGLE_ADS__API_VERSION to one that lives: "
    "https://developers.google.com/google-ads/api/docs/sunset-dates",
    "USER_PERMISSION_DENIED": "give the user or service account access to it, or to a manager above it, and name that "
    "manager in customer_ids or login_customer_id",
    "CUSTOMER_NOT_ENABLED": "it was closed, or has not been set up",
    "CUSTOMER_NOT_FOUND": "customer_ids: ten digits, as Google Ads shows them",
    "RESOURCE_EXHAUSTED": "the project's access level limits operations a day: docs/how-to/google-ads.md",
}
_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")


class Refused(Refusal):
    """A refusal, and whether every account would meet it."""

    def __init__(self, message: str, *, retry_after: float | None = None, of_all: bool = False) -> None:
        """Takes what a Refusal takes, and whether to ask for other accounts is in vain."""
        super().__init__(message, retry_after=retry_after)
        self.of_all = of_all


class Expired(Refused):
    """The access token is good no more: a new one helps."""


def read_refusal(answer: requests.Response) -> Refused | None:
    """Returns the refusal in a response; None if it succeeded or is not an error of the API."""
    if answer.ok:
        return None
    if answer.status_code == requests.codes.not_found and "json" not in answer.headers.get("Content-Type", ""):
        version = answer.url.partition("/customers/")[0].rpartition("/")[2]
        message = f"the Google Ads API has no version {version!r} at this address; {HINTS['UNSUPPORTED_VERSION']}"
        return Refused(message, of_all=True)
    try:
        body = answer.json()
    except requests.JSONDecodeError:
        return None
    # A stream wraps its refusal in the array that rows would have stood in.
    body = body[0] if isinstance(body, list) and body else body
    error = body.get("error") if isinstance(body, dict) else None
    return build_refusal(error) if isinstance(error, dict) else None


def build_refusal(error: Mapping[str, Any]) -> Refused:
    """Returns the refusal that an error of Google's means.

    Args:
        error: google.rpc.Status: `code`, `message`, `status`, and GoogleAdsFailure among its `details`.
    """
    found = list(_errors(error))
    words = {word for word, _, _ in found}
    request = next((detail["requestId"] for detail in error.get("details", ()) if "requestId" in detail), "")
    reasons = (
        "; ".join(f"{word}: {message}" for word, message, _ in found)
        or f"{error.get('status')}: {error.get('message')}"
    )
    hints = [HINTS[word] for word in sorted(words & HINTS.keys())]
    message = "; ".join([f"Google Ads refuses: {reasons}", *hints, *([f"request-id {request}"] if request else [])])
    if words & EXPIRED or (error.get("code") == requests.codes.unauthorized and not words):
        return Expired(message, of_all=True)
    passes = bool(words & PASSING) if words else int(error.get("code", 0)) >= requests.codes.server_error
    passes = passes or error.get("code") == requests.codes.too_many_requests
    delay = max((seconds for _, _, seconds in found), default=0.0)
    kinds = {kind for kind, _ in _codes(error)}
    of_all = not (kinds & OF_ONE_ACCOUNT or "CUSTOMER_NOT_FOUND" in words or passes)
    return Refused(message, retry_after=delay if passes else None, of_all=of_all)


def _failures(error: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for detail in error.get("details", ()):
        yield from detail.get("errors", ())


def _codes(error: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for failed in _failures(error):
        yield from failed.get("errorCode", {}).items()


def _errors(error: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """Yields code, message, and the seconds that Google requests to wait."""
    for failed in _failures(error):
        word = next(iter(failed.get("errorCode", {}).values()), "UNKNOWN")
        delay = _DELAY.fullmatch(failed.get("details", {}).get("quotaErrorDetails", {}).get("retryDelay", ""))
        yield word, failed.get("message", ""), float(delay[1]) if delay else 0.0
