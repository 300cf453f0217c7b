"""Calls of the Graph API about one node, an ad account or a lead form: answers, pages, and warnings of its version."""

from collections.abc import Iterator
from typing import Any

from dlt.common.json import json

from data_foundation import Calls, Refusal

from . import STATUSES
from .refusals import TooMuchData, find_pause, read_refusal

Row = dict[str, Any]
Rows = list[Row]

PATIENCE = 7200.0
"""Seconds that one call may take with all its waits: Meta's limits are for an hour."""


class Graph:
    """Calls about one node of the graph, paced by the limits of that node.

    Attributes:
        node: An account, as `act_1001`, or a form's number.
        warnings: Meta's warnings about the version in use.
    """

    def __init__(self, node: str, base_url: str, version: str, access_token: str) -> None:
        self.node = node
        self.warnings: set[str] = set()
        self.calls = Calls(f"facebook_ads/{node}", read=read_refusal, pause=find_pause, retries=6, deadline=PATIENCE)
        self._root = f"{base_url}/{version}"
        # A header, not a parameter: addresses get into logs.
        self._headers = {"Authorization": f"Bearer {access_token}"}

    def get(self, path: str, **parameters: Any) -> Row:
        """Return one answer."""
        response = self.calls.get(f"{self._root}/{path}", params=parameters, headers=self._headers)
        if warning := response.headers.get("x-ad-api-version-warning"):
            served = response.headers.get("facebook-api-version", "unknown")
            self.warnings.add(f"Meta answers as version {served}: {warning} Set sources.facebook_ads.version")
        return self._read(json.loadb(response.content), path)

    def post(self, path: str, **parameters: Any) -> Row:
        """Return the answer to what creates something."""
        response = self.calls.post(f"{self._root}/{path}", data=parameters, headers=self._headers)
        return self._read(json.loadb(response.content), path)

    def pages(self, path: str, limit: int, **parameters: Any) -> Iterator[Rows]:
        """Yield pages, from the first to the last; they get smaller where Meta cannot make such large ones.

        Raises:
            TooMuchData: A page of one row is too large.
            Refusal: A page, or the pointer to the next one, was there before: it would never end.
        """
        after: str | None = None
        seen: set[int] = set()
        while True:
            try:
                body = self.get(path, limit=limit, **({"after": after} if after else {}), **parameters)
            except TooMuchData:
                if limit == 1:
                    raise
                limit //= 2
                continue
            if not isinstance(rows := body.get("data"), list):
                raise Refusal(f"{self.node}: {path} answered without a list of data, but with {', '.join(body)}")
            paging = body.get("paging") or {}
            # The address of the next page only shows that there is one; it holds the token, so it is not followed.
            after = paging["cursors"]["after"] if "next" in paging else None
            _check_progress(seen, rows, after)
            if rows:
                yield rows
            if not after:
                return

    def show(self, fields: str) -> Row:
        """Return the node itself.

        Raises:
            Refusal: Something else came.
        """
        body = self.get(self.node, fields=f"id,{fields}")
        if body.get("id") != self.node:
            raise Refusal(f"{self.node}: requested this id, received {body.get('id')!r}")
        return body

    def list_edge(self, edge: str, fields: str, limit: int) -> Iterator[Rows]:
        """Yield pages of what is in an account, the archive included."""
        filters = {"effective_status": json.dumps(STATUSES[edge])} if edge in STATUSES else {}
        return self.pages(f"{self.node}/{edge}", limit, fields=f"id,{fields}", **filters)

    def _read(self, body: Any, path: str) -> Row:
        if not isinstance(body, dict):
            raise Refusal(f"{self.node}: {path} answered no object but {body!r:.200}")
        return body


def find_accounts(base_url: str, version: str, access_token: str) -> list[str]:
    """Return every account that the token may see, as `act_1001`."""
    graph = Graph("me", base_url, version, access_token)
    pages = graph.pages("me/adaccounts", 100, fields="account_id")
    return [f"act_{row['account_id']}" for page in pages for row in page]


def _check_progress(seen: set[int], *marks: object) -> None:
    for mark in filter(None, marks):
        fingerprint = hash(repr(mark))
        if fingerprint in seen:
            raise Refusal(f"paging goes in circles: seen before: {mark!r:.200}")
        seen.add(fingerprint)
