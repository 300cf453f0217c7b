"""Requests the next pages of a counted pagination in parallel, while dlt's paginator decides which page is the last."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from copy import copy, deepcopy
from typing import Any, Self

import requests
from dlt.common import jsonpath
from dlt.sources.helpers.rest_client.paginators import RangePaginator

from data_foundation.vendors.request_session import repeating_until

Send = Callable[[requests.Request], requests.Response]


class PagesAhead:
    """Sends at most `width` requests at once, and returns their responses in the order of the pages.

    The first page is requested alone: after it the token is known, and the total if the API tells one. Responses after
    the last page are discarded, whatever they are.
    """

    def __init__(self, paginator: RangePaginator, width: int) -> None:
        """Starts no thread yet.

        Args:
            paginator: The paginator that dlt moves from page to page.
            width: Largest number of requests at once.
        """
        self._paginator = paginator
        self._width = width
        self._end: int | None = paginator.maximum_value
        self._sent: dict[int, Future[requests.Response]] = {}
        self._ended = threading.Event()
        self._threads = ThreadPoolExecutor(width, thread_name_prefix="pages-ahead")

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Ends the requests ahead: none is repeated any more, and those under way are awaited."""
        self._ended.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def response(self, request: requests.Request, send: Send) -> requests.Response:
        """Returns the response for the paginator's current page, and requests the pages after it.

        Args:
            request: The request for the current page.
            send: Sends a request; called in several threads at once.

        Raises:
            Exception: What `send` raised for this page.
        """
        current = self._paginator.current_value
        if current == self._paginator.initial_value:
            first = send(request)
            self._read_total(first)
            return first
        for value in range(current, current + self._width * self._paginator.value_step, self._paginator.value_step):
            # The current page is wanted even if a total that was too small has excluded it.
            if value not in self._sent and (value == current or self._end is None or value < self._end):
                ahead = self._request_of(request, value)
                self._sent[value] = self._threads.submit(copy_context().run, self._send, send, ahead)
        return self._sent.pop(current).result()

    def _send(self, send: Send, request: requests.Request) -> requests.Response:
        with repeating_until(self._ended):
            return send(request)

    def _request_of(self, request: requests.Request, value: int) -> requests.Request:
        """Returns a copy of a request for another page."""
        ahead, counter = copy(request), copy(self._paginator)
        ahead.params, ahead.json = dict(request.params or {}), deepcopy(request.json)
        counter.current_value = value
        counter.update_request(ahead)
        return ahead

    def _read_total(self, response: requests.Response) -> None:
        """Takes the end from the total of the first response; dlt's paginator refuses one that is no number."""
        if self._paginator.total_path is None:
            return
        found: list[Any] = jsonpath.find_values(self._paginator.total_path, response.json())
        if found and str(found[0]).isdecimal():
            total = int(found[0]) + self._paginator.base_index
            self._end = total if self._end is None else min(self._end, total)
