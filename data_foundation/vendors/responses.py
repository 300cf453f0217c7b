"""What a vendor answered, told so that a person may read it: cut short, and without secrets."""

from __future__ import annotations

import requests

from data_foundation.process_wide.redaction import redact

LONGEST = 200
"""Characters of an answer that an error repeats."""


def refuse_errors(response: requests.Response, *_args: object, **_kwargs: object) -> None:
    """Raises for a status that refuses, with what the vendor says of it; a hook of requests, or a call."""
    if response.status_code >= requests.codes.bad_request:
        raise requests.HTTPError(describe_answer(response), response=response)


def describe_answer(response: requests.Response) -> str:
    """Returns status, address and the beginning of an answer."""
    said = f": {cut(response.text)}" if response.text.strip() else ""
    return f"{response.status_code} {response.reason} for {address(response)}{said}"


def address(response: requests.Response) -> str:
    """Returns the address that answered, without its parameters, which may hold a key."""
    return redact(str(response.url).partition("?")[0])


def cut(text: str) -> str:
    """Returns the beginning of a text on one line."""
    text = " ".join(redact(text).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
