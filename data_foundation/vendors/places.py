"""Decides which URLs may receive what a request to an API carries: only those on the API's own host and port."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

import requests
import urllib3
from typing_extensions import override

from data_foundation.errors import EntryError
from data_foundation.process_wide.redaction import has_known_secret, redact

HARMLESS_HEADERS = frozenset({"accept", "accept-encoding", "accept-language", "connection", "content-length",
                              "content-type", "user-agent"})  # fmt: skip
"""Names of headers, in lower case, that hold no credentials. Any other header may hold one."""

_PORTS = {"http": 80, "https": 443}


def may_receive(home: str, url: str) -> bool:
    r"""Returns whether `url` is on the host and port of `home`, or on the same host with HTTPS in place of HTTP.

    The case of a name, a dot after it and a default port make no difference. A URL that two parsers read differently,
    as `https://evil.com\@example.com`, is on no host.
    """
    ours, theirs = _place(home), _place(url)
    if ours is None or theirs is None:
        return False
    (_, host, port), (scheme, other_host, other_port) = ours, theirs
    is_upgrade = (host, port, scheme, other_port) == (other_host, _PORTS["http"], "https", _PORTS["https"])
    return ours == theirs or is_upgrade


def _place(url: str) -> tuple[str, str, int | None] | None:
    """Returns scheme, host and port of a URL. Returns None if parsers disagree, or cannot read it."""
    try:
        # requests sends a first request to the place that urllib3 reads, and a redirected one to that of urllib.
        places = {_parts(urlsplit(url)), _parts(urlsplit(urllib3.util.parse_url(url).url))}
    except ValueError:
        return None
    return places.pop() if len(places) == 1 else None


def _parts(url: SplitResult) -> tuple[str, str, int | None]:
    host = (url.hostname or "").rstrip(".")
    return url.scheme, host if host.isascii() else host.encode("idna").decode(), url.port or _PORTS.get(url.scheme)


def has_secret_headers(names: Collection[str]) -> bool:
    """Returns whether one of the headers may hold credentials, by their names."""
    return any(name.lower() not in HARMLESS_HEADERS for name in names)


def may_be_secret(name: str, value: object) -> bool:
    """Returns whether a parameter of a URL may hold a secret: by its name, or because its value looks generated."""
    text = f"?{quote(str(name), safe='')}={quote(str(value), safe='')}"
    return redact(text) != text


def refuse_departure(home: str, url: str, what: str) -> EntryError:
    """Returns the error for a URL that must not receive what a request carries.

    Args:
        home: A URL of the API's own host.
        url: The URL on another host.
        what: The part of the request that may hold a secret, for instance `the headers`.
    """
    ours, theirs = (f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" for parts in (urlsplit(home), urlsplit(url)))
    return EntryError(
        f"the vendor's response leads to {theirs}, and {what} for {ours} may be secret, so it was not sent there; if "
        "the API has moved, set its base_url to the new host"
    )


class RedirectGuard(requests.Session):
    """A session whose requests lose headers and cookies on a redirect to another host; a body is not sent there."""

    @override
    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Removes from a redirected request what may hold a secret.

        Raises:
            EntryError: The body of the request, or the new URL, may hold a secret.
        """
        former, url = str(response.request.url), str(prepared_request.url)
        if not may_receive(former, url):
            if prepared_request.body:
                raise refuse_departure(former, url, "the body of the request")
            if _repeats_secret(former, url):
                raise refuse_departure(former, url, "a parameter of the URL")
            for name in [name for name in prepared_request.headers if name.lower() not in HARMLESS_HEADERS]:
                del prepared_request.headers[name]
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call] # of requests


def _repeats_secret(former: str, url: str) -> bool:
    """Returns whether a URL contains a known secret, or a parameter of the former URL that may be one."""
    sent = parse_qsl(urlsplit(former).query)
    return has_known_secret(url) or any(value in unquote(url) and may_be_secret(name, value) for name, value in sent)
