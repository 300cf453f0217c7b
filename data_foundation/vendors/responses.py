"""Describes a vendor's response in an error message: shortened, and without secrets."""

from __future__ import annotations

import requests

from data_foundation.process_wide.redaction import redact

MAX_LENGTH = 200
"""Largest number of characters of a response in an error message."""


def refuse_errors(response: requests.Response, *_args: object, **_kwargs: object) -> None:
    """Raises an HTTPError with the vendor's message for a status of 400 or more; also a response hook of requests."""
    if response.status_code >= requests.codes.bad_request:
        raise requests.HTTPError(describe_answer(response), response=response)


def describe_answer(response: requests.Response) -> str:
    """Returns the status, the URL and the beginning of a response."""
    text = f": {shorten(response.text)}" if response.text.strip() else ""
    return f"{response.status_code} {response.reason} for {address(response)}{text}"


def address(response: requests.Response) -> str:
    """Returns the URL of a response without its parameters, which may contain a key."""
    return redact(str(response.url).partition("?")[0])


def shorten(text: str) -> str:
    """Returns the beginning of a text, on one line and without secrets."""
    text = " ".join(redact(text).split())
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}..."
