"""How pages follow each other: dlt's paginators, and a look at whether they come to an end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import requests
from dlt.sources.helpers.rest_client.paginators import (
    BasePaginator,
    HeaderLinkPaginator,
    JSONLinkPaginator,
    JSONResponseCursorPaginator,
    OffsetPaginator,
    PageNumberPaginator,
    SinglePagePaginator,
)
from typing_extensions import override

from data_foundation.errors import LoadError
from data_foundation.readers.rest.endpoint_arguments import EndpointArguments, Pagination

DEFAULT_PAGE = 100
"""Rows that are asked for at a time where nobody said, and an offset has to be counted on."""


class _NextUrl(JSONLinkPaginator):
    """dlt's, which takes an empty text for an address."""

    @override
    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        """Reads the next address."""
        super().update_state(response, data)
        self._next_reference = self._next_reference or None


def build_paginator(arguments: EndpointArguments) -> BasePaginator:
    """Returns dlt's paginator for what was asked for."""
    kind = arguments.pagination
    match kind.type:
        case "offset":
            limit_param = None if kind.limit_body_path else kind.limit_param
            return OffsetPaginator(
                limit=arguments.page_size or DEFAULT_PAGE, offset_param=kind.offset_param, limit_param=limit_param,
                total_path=kind.total_path, maximum_offset=kind.maximum_offset, has_more_path=kind.has_more_path,
                offset_body_path=kind.offset_body_path, limit_body_path=kind.limit_body_path,
            )  # fmt: skip
        case "page":
            return PageNumberPaginator(
                base_page=kind.base_page, page_param=kind.page_param, total_path=kind.total_path,
                maximum_page=kind.maximum_page, has_more_path=kind.has_more_path, page_body_path=kind.page_body_path,
            )  # fmt: skip
        case "cursor":
            return JSONResponseCursorPaginator(
                cursor_path=kind.cursor_path, cursor_param=kind.cursor_param, cursor_body_path=kind.cursor_body_path,
                stop_after_empty_page=kind.stop_after_empty_page, has_more_path=kind.has_more_path,
            )  # fmt: skip
        case "link_header":
            return HeaderLinkPaginator(links_next_key=kind.links_next_key)
        case "next_url":
            return _NextUrl(next_url_path=kind.next_url_path)
    return SinglePagePaginator()


class PageGuard:
    """Refuses a page that was there before, whose successors would never end, and pages that leave rows out."""

    def __init__(self, pagination: Pagination, page_size: int | None) -> None:
        """Has seen nothing yet."""
        self._pagination = pagination
        self._size = page_size or DEFAULT_PAGE
        self._seen: set[int] = set()
        self._short = 0

    def check(self, rows: Sequence[Any], following: tuple[Any, ...] | None) -> None:
        """Looks at one page.

        Args:
            rows: Of this page.
            following: What the next page is asked for with, None after the last.

        Raises:
            LoadError: It would never end, or rows are left out.
        """
        for mark in (rows, following):
            if not mark:
                continue
            fingerprint = hash(repr(mark))
            if fingerprint in self._seen:
                self._refuse_circle(mark is rows)
            self._seen.add(fingerprint)
        if self._pagination.type == "offset" and not self._pagination.allow_short_pages:
            self._check_size(len(rows))

    def _refuse_circle(self, same_rows: bool) -> None:  # noqa: FBT001 - it is a fact, not a switch
        kind = self._pagination.type
        what = "a page brought the rows of an earlier one" if same_rows else "the next page is one that was read"
        hints = {
            "offset": "does the vendor take offset_param and limit_param by these names?",
            "page": "does the vendor take page_param by this name, and count from base_page?",
            "cursor": "is cursor_path where the vendor puts the next cursor, and cursor_param its name?",
        }
        message = f"pagination {kind} goes in circles: {what}; {hints.get(kind, 'the vendor points to where it was')}"
        raise LoadError(message)

    def _check_size(self, count: int) -> None:
        if self._short and count:
            message = (
                f"pagination offset: {self._size} rows were asked for, a page had {self._short}, and more followed: "
                f"what lies between is left out. Where the vendor gives {self._short} at most, say `page_size: "
                f"{self._short}`; where pages are shorter for other reasons, `allow_short_pages: true`"
            )
            raise LoadError(message)
        self._short = count if count < self._size else 0
