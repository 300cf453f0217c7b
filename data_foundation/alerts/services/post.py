"""Sends JSON by POST."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import requests

from data_foundation.alerts.events import shorten
from data_foundation.errors import AlertNotSent
from data_foundation.vendors.retries import is_transient

SECONDS = (5.0, 10.0)
"""How long to wait for the connection, and for the answer."""


def post(url: str, payload: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
    """Sends a payload as JSON in UTF-8.

    Raises:
        AlertNotSent: The service cannot be reached, or did not answer with 2xx. The message contains no address.
    """
    body = json.dumps(payload, ensure_ascii=False).encode()
    sent = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    try:
        response = requests.post(url, body, headers=sent, timeout=SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        # Its text contains the address, which is a secret.
        may_pass = isinstance(error, requests.ConnectionError | requests.Timeout)
        raise AlertNotSent(f"cannot be reached: {type(error).__name__}", may_pass=may_pass) from None
    except ValueError as error:  # the address is none, or a header has a line break
        raise AlertNotSent(f"the address or a header is not accepted: {type(error).__name__}") from None
    if not response.ok or response.is_redirect:
        may_pass = is_transient(requests.HTTPError(response=response))
        raise AlertNotSent(
            f"answered {response.status_code}: {shorten(response.text, 200)}".rstrip(": "), may_pass=may_pass
        )
