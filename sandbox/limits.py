"""Rate limits: the remaining requests of each caller, in each vendor's headers."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.vendor import Quota, Vendor

DEFAULT_LIMIT = 100_000
"""Requests per caller and window; high, so that the limit applies only if `SANDBOX_RATE_LIMIT` lowers it."""


@dataclass
class Ledger:
    """The requests of each caller in the running window."""

    limit: int
    windows: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def charge(self, vendor: Vendor, caller: str) -> Quota:
        """Count one request and return the quota; `used` exceeds `limit` if the request is one too many."""
        now = int(time.time())
        ends, used = self.windows.get((vendor.prefix, caller), (0, 0))
        if ends <= now:
            ends, used = now + vendor.quota_window, 0
        self.windows[vendor.prefix, caller] = (ends, used + 1)
        return Quota(self.limit, used + 1, ends, max(ends - now, 1))


class QuotaMiddleware:
    """Counts requests per vendor and token, adds the vendor's headers, and refuses requests beyond the limit."""

    def __init__(self, app: ASGIApp, vendor_of: Callable[[str], Vendor | None]) -> None:
        self.app = app
        self.vendor_of = vendor_of
        self.ledger = Ledger(int(os.environ.get("SANDBOX_RATE_LIMIT", DEFAULT_LIMIT)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        vendor = self.vendor_of(scope["path"]) if scope["type"] == "http" else None
        if vendor is None:
            await self.app(scope, receive, send)
            return
        quota = self.ledger.charge(vendor, Headers(scope=scope).get("authorization", ""))
        headers = vendor.quota_headers(quota)

        async def send_with_quota(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(raw=message["headers"]).update(headers)
            await send(message)

        if quota.used > quota.limit:
            error = vendor.error(vendor.quota_status)
            await JSONResponse(error.body, error.status, error.headers)(scope, receive, send_with_quota)
        else:
            await self.app(scope, receive, send_with_quota)
