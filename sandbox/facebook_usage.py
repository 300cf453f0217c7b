"""The hourly calls of each ad account, reported in the Marketing API's headers."""

import json
import os
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field

from fastapi import Request

from sandbox.facebook_refusals import busy_account
from sandbox.vendor import VendorError

HOUR = 3600
DEFAULT_LIMIT = 100_000
CODES = {"ads_insights": 80000, "ads_management": 80004}
CLOCK = "x-sandbox-clock"
"""A header with the current time in seconds, for callers with a virtual clock."""


@dataclass
class Usage:
    """The calls of the last hour, by account and use case; `SANDBOX_ACCOUNT_LIMIT` is the maximum."""

    limit: int = field(default_factory=lambda: int(os.environ.get("SANDBOX_ACCOUNT_LIMIT", DEFAULT_LIMIT)))
    calls: defaultdict[tuple[str, str], deque[float]] = field(default_factory=lambda: defaultdict(deque))
    refused: int = 0

    def charge(self, request: Request, account: str, use_case: str) -> dict[str, str]:
        """Count a call, and return the headers that report it.

        Raises:
            VendorError: The account has no calls left in this hour; the refused call is not counted.
        """
        now = float(request.headers.get(CLOCK) or time.time())
        calls = self.calls[account, use_case]
        while calls and calls[0] <= now - HOUR:
            calls.popleft()
        if len(calls) >= self.limit:
            self.refused += 1
            error = busy_account(CODES[use_case])
            minutes = int((calls[0] + HOUR - now) // 60) + 1
            raise VendorError(error.status, error.body, self._headers(account, use_case, len(calls), minutes))
        calls.append(now)
        return self._headers(account, use_case, len(calls), 0)

    def _headers(self, account: str, use_case: str, calls: int, minutes: int) -> dict[str, str]:
        percent = 100 * calls // self.limit
        usage = {
            "type": use_case,
            "call_count": percent,
            "total_cputime": percent // 2,
            "total_time": percent // 3,
            "estimated_time_to_regain_access": minutes,
        }
        in_account = {"acc_id_util_pct": float(percent), "reset_time_duration": 60 * minutes}
        headers = {"X-Business-Use-Case-Usage": {account: [usage]}, "X-Ad-Account-Usage": in_account}
        if use_case == "ads_insights":
            headers["X-Fb-Ads-Insights-Throttle"] = {"app_id_util_pct": 0.0, "acc_id_util_pct": float(percent)}
        return {name: json.dumps(value) for name, value in headers.items()}
