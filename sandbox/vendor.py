"""The interface of a vendor in the sandbox: prefix, routes, error bodies and rate-limit headers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request


@dataclass(frozen=True)
class Quota:
    """A caller's remaining requests in the current window."""

    limit: int
    used: int
    resets_at: int
    """Seconds since 1970."""
    resets_in: int
    """Seconds from now, at least 1."""

    @property
    def remaining(self) -> int:
        """Requests that are still allowed in this window."""
        return max(self.limit - self.used, 0)


class VendorError(Exception):
    """A request that the vendor refuses, with the response."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def no_headers(_: Quota) -> dict[str, str]:
    """Return no headers, for a vendor that does not report the remaining requests."""
    return {}


@dataclass(frozen=True)
class Vendor:
    """A vendor of the sandbox."""

    prefix: str
    router: APIRouter
    error: Callable[[int], VendorError]
    """Returns the vendor's documented response for a status."""
    quota_headers: Callable[[Quota], dict[str, str]] = no_headers
    quota_window: int = 3600
    """Seconds."""
    quota_status: int = 429
    expired_status: int = 401
    faults: Mapping[str, VendorError] = field(default_factory=dict)
    """Responses of this vendor only, by the name under which a caller requests them; see sandbox/faults.py."""


def bearer(request: Request) -> str:
    """Return the caller's bearer token, or an empty string."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in {"bearer", "token"} else ""


def misbehaviour(request: Request) -> str:
    """Return `repeated` or `self_next` if this response must page wrongly, else ""."""
    return str(request.scope.get("sandbox.paging", ""))


def is_repeated(request: Request) -> bool:
    """Return whether this response must have the rows of the first page, whichever page is requested."""
    return misbehaviour(request) == "repeated"


def is_self_next(request: Request) -> bool:
    """Return whether the pointer to the next page must point to this one."""
    return misbehaviour(request) == "self_next"
