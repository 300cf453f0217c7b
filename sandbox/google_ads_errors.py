"""Refusals of Google Ads: a status of Google's APIs that contains a GoogleAdsFailure."""

from typing import Any

from sandbox.vendor import VendorError

REQUEST_ID = "sbx-Rq2Yt0aVw9kLr3"
STATUSES = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: (
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 access token or another valid credential.",
    ),
    403: ("PERMISSION_DENIED", "The caller does not have permission"),
    404: ("NOT_FOUND", "Requested entity was not found."),
    429: ("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    500: ("INTERNAL", "Internal error encountered."),
    503: ("UNAVAILABLE", "The service is currently unavailable."),
}


def error(status: int) -> VendorError:
    """Return Google's response for a status, without details."""
    word, message = STATUSES[status]
    return VendorError(status, {"error": {"code": status, "message": message, "status": word}})


def failure(status: int, kind: str, word: str, message: str, **details: Any) -> VendorError:
    """Return the response for an error of the API.

    Args:
        status: HTTP status.
        kind: The error's enum, for instance `quotaError`.
        word: The enum's value, for instance `RESOURCE_EXHAUSTED`.
        message: The message for people.
        details: Details that some errors have, for instance `quotaErrorDetails`.
    """
    answer = error(status)
    found: dict[str, Any] = {"errorCode": {kind: word}, "message": message}
    answer.body["error"]["details"] = [
        {
            "@type": "type.googleapis.com/google.ads.googleads.v25.errors.GoogleAdsFailure",
            "errors": [found | ({"details": details} if details else {})],
            "requestId": REQUEST_ID,
        }
    ]
    answer.headers["request-id"] = REQUEST_ID
    return answer


def streamed(answer: VendorError) -> VendorError:
    """Return the response as a stream sends it: in an array."""
    return VendorError(answer.status, [answer.body], answer.headers)


def exhausted(seconds: int, rate: str = "Number of operations for basic access") -> VendorError:
    """Return the refusal of a call without remaining quota."""
    return failure(
        429,
        "quotaError",
        "RESOURCE_EXHAUSTED",
        f"Too many requests. Retry in {seconds} seconds.",
        quotaErrorDetails={"rateScope": "DEVELOPER", "rateName": rate, "retryDelay": f"{seconds}s"},
    )


EXPIRED = failure(401, "authenticationError", "OAUTH_TOKEN_EXPIRED", "The OAuth token has expired.")
DENIED = failure(
    403,
    "authorizationError",
    "USER_PERMISSION_DENIED",
    "User doesn't have permission to access customer. Note: If you're accessing a client customer, the manager's "
    "customer id must be set in the 'login-customer-id' header.",
)
NOT_ENABLED = failure(
    403,
    "authorizationError",
    "CUSTOMER_NOT_ENABLED",
    "The customer account can't be accessed because it is not yet enabled or has been deactivated.",
)
TRANSIENT = failure(503, "internalError", "TRANSIENT_ERROR", "Transient internal error. Retry.")


def unsupported(version: str) -> VendorError:
    """Return the refusal of a retired version."""
    message = f"Version {version} is deprecated. Requests to this version will be blocked."
    return failure(400, "requestError", "UNSUPPORTED_VERSION", message)


BROKEN_STREAM = VendorError(
    200,
    [
        {
            "results": [{"customer": {"resourceName": "customers/1", "id": "1", "descriptiveName": "Half a stream"}}],
            "fieldMask": "customer.id,customer.descriptiveName",
            "requestId": REQUEST_ID,
        },
        TRANSIENT.body,
    ],
)
"""A stream with status 200 that ends with an error after its first rows."""

FAULTS = {
    "quota": streamed(exhausted(1)),
    "quota_of_the_day": streamed(exhausted(40_591)),
    "quota_for_a_moment": streamed(
        failure(429, "quotaError", "RESOURCE_TEMPORARILY_EXHAUSTED", "Too many requests in too short a time.")
    ),
    "token_expired": streamed(EXPIRED),
    "token_revoked": VendorError(
        400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
    ),
    "denied": streamed(DENIED),
    "not_enabled": streamed(NOT_ENABLED),
    "transient": streamed(TRANSIENT),
    "internal": streamed(failure(500, "internalError", "INTERNAL_ERROR", "An internal error has occurred.")),
    "sunset": streamed(unsupported("v25")),
    "broken_stream": BROKEN_STREAM,
}
"""The faults that `POST /_faults` can arm for this vendor only."""
