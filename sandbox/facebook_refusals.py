"""Refusals of the Marketing API: codes, sub-codes and statuses as Meta documents them."""

from typing import Any

from sandbox.facebook import TRACE
from sandbox.vendor import VendorError

CURRENT, OLDEST = 26, 24
"""The current version, and the oldest that is still accepted, with a warning."""


def refuse(code: int, status: int, message: str, *, subcode: int | None = None, transient: bool = False) -> VendorError:
    """Return a response in Graph's error format."""
    error: dict[str, Any] = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": TRACE}
    if subcode:
        error["error_subcode"] = subcode
    if transient:
        error["is_transient"] = True
    return VendorError(status, {"error": error})


def busy_account(code: int) -> VendorError:
    """Return the refusal of an account with too many calls, by a code from 80000 to 80004."""
    message = f"(#{code}) There have been too many calls to this ad-account. Wait a bit and try again."
    return refuse(code, 400, message, subcode=2446079)


TOO_MUCH = refuse(100, 400, "The report holds more data than one query may ask for.", subcode=1487534)
EXPIRED = refuse(190, 401, "Error validating access token: Session has expired.", subcode=463)
UNREADY = refuse(2601, 400, "(#2601) Error accessing adreport job.", subcode=1815107, transient=True)

BY_STATUS = {
    400: refuse(100, 400, "(#100) Invalid parameter"),
    401: EXPIRED,
    403: refuse(4, 403, "(#4) Application request limit reached", subcode=1504022),
    404: refuse(100, 400, "Unsupported get request. The object does not exist or cannot be seen.", subcode=33),
    429: refuse(613, 429, "(#613) Calls to this api have exceeded the rate limit.", subcode=1487742),
    500: refuse(1, 500, "An unknown error has occurred.", transient=True),
    503: refuse(2, 503, "Service temporarily unavailable", transient=True),
}

FAULTS = {
    "code_4": BY_STATUS[403],
    "code_17": refuse(17, 400, "(#17) User request limit reached", subcode=2446079),
    "code_32": refuse(32, 403, "(#32) Page request limit reached"),
    "code_613": refuse(613, 400, "(#613) Calls to this api have exceeded the rate limit.", subcode=1487742),
    **{f"code_{code}": busy_account(code) for code in range(80000, 80005)},
    "too_much": TOO_MUCH,
    "reduce": refuse(1, 500, "Please reduce the amount of data you're asking for, then retry your request"),
    "unready": UNREADY,
    "permission": refuse(200, 403, "(#200) Ad account owner has NOT grant ads_management or ads_read permission"),
    "retired": refuse(2635, 400, f"(#2635) This version of the Ads API is retired. Update to v{CURRENT}.0."),
    "stuck": VendorError(200, {"id": "6000", "async_status": "Job Running", "async_percent_completion": 37}),
    "failed": VendorError(200, {"id": "6000", "async_status": "Job Failed", "async_percent_completion": 37}),
    "skipped": VendorError(200, {"id": "6000", "async_status": "Job Skipped", "async_percent_completion": 0}),
}
"""The faults that a caller can request by name."""


def error(status: int) -> VendorError:
    """Return the response for a status."""
    return BY_STATUS[status]
