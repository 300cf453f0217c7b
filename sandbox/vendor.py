"""What the sandbox asks of every vendor: a prefix, routes, its error bodies and its rate-limit headers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request


@dataclass(frozen=True)
class Quota:
    """What is left of one caller's requests in the running window."""

    limit: int
    used: int
    resets_at: int
    """Seconds since 1970."""
    resets_in: int
    """Seconds from now, at least 1."""

    @property
    def remaining(self) -> int:
        """Requests still allowed in this window."""
        return max(self.limit - self.used, 0)


class VendorError(Exception):
    """A request that the vendor refuses, with the answer it gives."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def no_headers(_: Quota) -> dict[str, str]:
    """Headers of a vendor that does not tell its callers how much is left."""
    return {}


@dataclass(frozen=True)
class Vendor:
    """One vendor as the sandbox plays it."""

    prefix: str
    router: APIRouter
    error: Callable[[int], VendorError]
    """The vendor's own words for a status, as documented by it."""
    quota_headers: Callable[[Quota], dict[str, str]] = no_headers
    quota_window: int = 3600
    """Seconds."""
    quota_status: int = 429
    expired_status: int = 401
    faults: Mapping[str, VendorError] = field(default_factory=dict)
    """Answers that only this vendor gives, by the name under which a caller asks for them; see sandbox/faults.py."""


def bearer(request: Request) -> str:
    """Return the caller's bearer token, or an empty string."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in {"bearer", "token"} else ""


def misbehaviour(request: Request) -> str:
    """Return `repeated` or `self_next` where this answer shall page wrongly, else an empty string."""
    return str(request.scope.get("sandbox.paging", ""))


def is_repeated(request: Request) -> bool:
    """Whether this answer shall carry the first page's rows, whichever page was asked for."""
    return misbehaviour(request) == "repeated"


def is_self_next(request: Request) -> bool:
    """Whether the pointer to the next page shall point to this one."""
    return misbehaviour(request) == "self_next"
