"""Builds dlt's paginators, and detects pagination that never ends or skips rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import requests
from dlt.sources.helpers.rest_client.paginators import (
    BasePaginator,
    HeaderCursorPaginator,
    HeaderLinkPaginator,
    JSONLinkPaginator,
    JSONResponseCursorPaginator,
    OffsetPaginator,
    PageNumberPaginator,
    SinglePagePaginator,
)
from typing_extensions import override

from data_foundation.errors import LoadError
from data_foundation.readers.rest.endpoint_arguments import EndpointArguments
from data_foundation.readers.rest.paging_kinds import Pagination

DEFAULT_PAGE = 100
"""Rows of a page for `offset` pagination without `page_size`."""


class _NextUrl(JSONLinkPaginator):
    """dlt's paginator, but an empty URL means the last page."""

    @override
    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        """Reads the URL of the next page."""
        super().update_state(response, data)
        self._next_reference = self._next_reference or None


def build_paginator(arguments: EndpointArguments) -> BasePaginator:
    """Returns the dlt paginator for the arguments."""
    kind = arguments.pagination
    if kind.type == "header_cursor":
        return HeaderCursorPaginator(cursor_key=kind.cursor_key, cursor_param=kind.cursor_param or "cursor")
    if kind.type == "link_header":
        return HeaderLinkPaginator(links_next_key=kind.links_next_key)
    if kind.type == "next_url":
        return _NextUrl(next_url_path=kind.next_url_path)
    return SinglePagePaginator() if kind.type == "none" else _build_counter(kind, arguments.page_size or DEFAULT_PAGE)


def _build_counter(kind: Pagination, page_size: int) -> BasePaginator:
    """Returns a paginator that sends an offset, a page number or a cursor."""
    if kind.type == "offset":
        limit_param = None if kind.limit_body_path else kind.limit_param
        return OffsetPaginator(
            limit=page_size, offset_param=kind.offset_param, limit_param=limit_param, total_path=kind.total_path,
            maximum_offset=kind.maximum_offset, has_more_path=kind.has_more_path,
            offset_body_path=kind.offset_body_path, limit_body_path=kind.limit_body_path,
        )  # fmt: skip
    if kind.type == "page":
        return PageNumberPaginator(
            base_page=kind.base_page, page_param=kind.page_param, total_path=kind.total_path,
            maximum_page=kind.maximum_page, has_more_path=kind.has_more_path, page_body_path=kind.page_body_path,
        )  # fmt: skip
    return JSONResponseCursorPaginator(
        cursor_path=kind.cursor_path, cursor_param=kind.cursor_param, cursor_body_path=kind.cursor_body_path,
        stop_after_empty_page=kind.stop_after_empty_page, has_more_path=kind.has_more_path,
    )  # fmt: skip


class PageGuard:
    """Detects a page that was read before, which would repeat forever, and short pages that skip rows."""

    def __init__(self, pagination: Pagination, page_size: int | None) -> None:
        """Starts before the first page."""
        self._pagination = pagination
        self._size = page_size or DEFAULT_PAGE
        self._seen: set[int] = set()
        self._short = 0

    def check(self, rows: Sequence[Any], following: tuple[Any, ...] | None) -> None:
        """Checks one page.

        Args:
            rows: Rows of this page.
            following: URL, parameters and body of the request for the next page; None after the last.

        Raises:
            LoadError: The pagination would never end, or skips rows.
        """
        for mark in (None if self._pagination.allow_repeated_pages else rows, following):
            if not mark:
                continue
            fingerprint = hash(repr(mark))
            if fingerprint in self._seen:
                raise self._endless(same_rows=mark is rows)
            self._seen.add(fingerprint)
        if self._pagination.type == "offset" and not self._pagination.allow_short_pages:
            self._check_size(len(rows))

    def _endless(self, *, same_rows: bool) -> LoadError:
        kind = self._pagination.type
        reason = "a page has the rows of an earlier page" if same_rows else "the next page was read already"
        hints = {
            "offset": "check the names offset_param and limit_param",
            "page": "check the name page_param and the first page, base_page",
            "cursor": "check cursor_path, the place of the next cursor, and the name cursor_param",
        }
        hint = hints.get(kind, "the API returns the link of an earlier page")
        if same_rows:
            hint = f"{hint}; if two pages may have the same rows, set `allow_repeated_pages: true`"
        return LoadError(f"pagination {kind} never ends: {reason}; {hint}")

    def _check_size(self, count: int) -> None:
        if self._short and count:
            message = (
                f"pagination offset: {self._size} rows were requested, a page had {self._short}, and more pages "
                f"followed, so rows are skipped. If the API returns at most {self._short} rows, set `page_size: "
                f"{self._short}`; if pages are shorter for other reasons, set `allow_short_pages: true`"
            )
            raise LoadError(message)
        self._short = count if count < self._size else 0
