"""Queries of one API: each answer is read to its end first, and then handed over piece by piece."""

import codecs
import json
import marshal
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import requests

from data_foundation import Calls

from .access_token import AccessToken
from .refusals import Expired, Refused, build_refusal, read_refusal

IN_MEMORY = 4_000_000
"""Bytes of an answer that need no file."""

CHUNK = 1_000_000


@dataclass(frozen=True, repr=False)
class Api:
    """Address of the API, and the headers of its calls."""

    base_url: str
    version: str
    login_customer_id: str | None = None
    developer_token: str | None = None


class Search:
    """Client that queries Google Ads in its query language."""

    def __init__(self, api: Api, token: AccessToken, open_calls: Callable[..., Calls]) -> None:
        """Makes no request yet.

        Args:
            api: Where, and through which manager.
            token: Its access token.
            open_calls: Makes Calls, given their limit and `read`.
        """
        self._api, self._token = api, token
        # One limit for all accounts: Google counts operations by project.
        self._calls = open_calls("google_ads", read=self._read)
        self._kept: IO[bytes] | None = None

    @property
    def calls(self) -> int:
        """How many requests were made."""
        return self._calls.calls

    def stream(self, customer_id: str, query: str, login_customer_id: str) -> Iterator[list[dict[str, Any]]]:
        """Yields an answer's rows, at most 10,000 at a time, once all of it has arrived.

        A stream may break off, or end in an error: it is requested again as a whole, so that nothing of it is handed
        over twice. Until it is whole it lies in a temporary file.

        Args:
            customer_id: The account to query.
            query: In GAQL.
            login_customer_id: The manager by way of which, unless the settings name one.

        Raises:
            Refused: By Google.
            requests.RequestException: Google cannot be reached.
        """
        url = f"{self._api.base_url}/{self._api.version}/customers/{customer_id}/googleAds:searchStream"
        login_customer_id = self._api.login_customer_id or login_customer_id
        try:
            kept = self._post(url, query, login_customer_id)
        except Expired:
            self._token.forget()
            kept = self._post(url, query, login_customer_id)
        with kept:
            kept.seek(0)
            while rows := marshal.load(kept):  # noqa: S302 - written by _read, a moment ago
                yield rows

    def _post(self, url: str, query: str, login_customer_id: str) -> IO[bytes]:
        headers = {"Authorization": f"Bearer {self._token.get()}", "login-customer-id": login_customer_id}
        if self._api.developer_token:
            headers["developer-token"] = self._api.developer_token
        self._calls.post(url, json={"query": query}, headers=headers, stream=True)
        assert self._kept is not None  # noqa: S101 - what was not refused was kept
        return self._kept

    def _read(self, answer: requests.Response) -> Refused | None:
        """Keeps an answer's rows, and returns what it refuses.

        Raises:
            ConnectionError: The body is no JSON array, or breaks off: another attempt may help.
        """
        if not answer.ok:
            return read_refusal(answer)
        self._kept = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed by its reader
        with answer:
            for piece in read_pieces(answer.iter_content(CHUNK)):
                if "error" in piece:
                    return build_refusal(piece["error"])
                if rows := piece.get("results"):
                    marshal.dump(rows, self._kept)
        marshal.dump([], self._kept)
        return None


def read_pieces(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yields the objects of a JSON array one by one, with little more of it in memory than one of them.

    Raises:
        ConnectionError: It is no array of objects, or is not whole.
    """
    scan, text = json.JSONDecoder().raw_decode, codecs.iterdecode(chunks, "utf-8", "replace")
    left = next(text, "").lstrip()
    if not left.startswith("["):
        raise ConnectionError(f"Google Ads answered what is no JSON: {left[:80]!r}")
    left = left[1:]
    while not (left := left.lstrip(" \t\r\n,")).startswith("]"):
        try:
            piece, end = scan(left)
        except json.JSONDecodeError:
            # As much again: whatever its length, an object is tried a few times only.
            more = "".join(take(text, max(1, len(left))))
            if not more:
                raise ConnectionError("Google Ads answered JSON that breaks off") from None
            left += more
        else:
            yield piece
            left = left[end:]


def take(texts: Iterator[str], least: int) -> Iterator[str]:
    """Yields texts until they have so many letters together, or there are no more."""
    while least > 0 and (text := next(texts, "")):
        yield text
        least -= len(text)
