"""The kinds of `pagination` in the `kwargs` of `get_endpoint`, and their options."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from dlt.common import jsonpath
from pydantic import AfterValidator, Field, model_validator

from data_foundation.config.fields import Model
from data_foundation.suggestions import nearest

DLT_NAMES = {"single_page": "none", "page_number": "page", "header_link": "link_header", "json_link": "next_url"}
"""Names of dlt's rest_api paginators, and ours."""

PAGINATOR_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "none": (),
    "offset": (
        "limit_param", "offset_param", "limit_body_path", "offset_body_path", "total_path", "has_more_path",
        "maximum_offset", "allow_short_pages", "allow_repeated_pages", "parallel",
    ),
    "page": (
        "limit_param", "page_param", "page_body_path", "base_page", "total_path", "has_more_path", "maximum_page",
        "allow_repeated_pages", "parallel",
    ),
    "cursor": (
        "limit_param", "cursor_path", "cursor_param", "cursor_body_path", "has_more_path", "stop_after_empty_page",
        "allow_repeated_pages",
    ),
    "header_cursor": ("limit_param", "cursor_key", "cursor_param", "allow_repeated_pages"),
    "link_header": ("limit_param", "links_next_key", "allow_repeated_pages"),
    "next_url": ("limit_param", "next_url_path", "allow_repeated_pages"),
}  # fmt: skip
"""The options of each kind of pagination, named as the arguments of dlt's paginators."""


def _json_path(value: str) -> str:
    """Returns a valid JSONPath. A name such as `@odata.nextLink` is quoted, because @ has a meaning in JSONPath."""
    value = f'"{value}"' if value.startswith("@") else value
    try:
        jsonpath.compile_path(value)
    except Exception as error:  # noqa: BLE001 - the exceptions are those of dlt's JSONPath library
        message = f"accepted is a JSONPath, for instance data.items, or 'a name'.items: {error}"
        raise ValueError(message) from None
    return value


JsonPath = Annotated[str, AfterValidator(_json_path)]


def as_mapping(value: Any) -> Any:
    """Returns a word as the mapping that it stands for; accepts dlt's names too."""
    if isinstance(value, str):
        value = {"type": value}
    if isinstance(value, dict) and isinstance(name := value.get("type"), str):
        word = re.sub(r"[ -]", "_", name.strip().lower())
        value = {**value, "type": DLT_NAMES.get(word, word)}
    return value


class Pagination(Model):
    """The kind of pagination and its options."""

    type: Literal["none", "offset", "page", "cursor", "header_cursor", "link_header", "next_url"]
    limit_param: str = "limit"
    limit_body_path: str | None = None
    offset_param: str | None = None
    offset_body_path: str | None = None
    maximum_offset: int | None = None
    allow_short_pages: bool = False
    allow_repeated_pages: bool = False
    page_param: str | None = None
    page_body_path: str | None = None
    base_page: int = 1
    maximum_page: int | None = None
    cursor_path: JsonPath = "cursors.next"
    cursor_key: str = "next"
    cursor_param: str | None = None
    cursor_body_path: str | None = None
    stop_after_empty_page: bool = False
    links_next_key: str = "next"
    next_url_path: JsonPath = "next"
    total_path: JsonPath | None = None
    has_more_path: JsonPath | None = None
    parallel: int | None = Field(default=None, ge=2, le=10)  # requests keeps 10 connections to a host

    @model_validator(mode="after")
    def _only_what_it_takes(self) -> Self:
        takes = PAGINATOR_ARGUMENTS[self.type]
        for key in sorted(self.model_fields_set - {"type", *takes}):
            accepted = f"accepted: {', '.join(takes)}{nearest(key, takes)}" if takes else "it has no options"
            message = f"pagination {self.type} has no key '{key}'; {accepted}"
            raise ValueError(message)
        for place in ("offset", "limit", "page", "cursor"):
            if {f"{place}_param", f"{place}_body_path"} <= self.model_fields_set:
                message = f"got {place}_param and {place}_body_path; accepted is one of them"
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _repeated_pages_end(self) -> Self:
        """Without the comparison of pages, one whose number the API ignores would be read for ever."""
        ends = {"offset": ("total_path", "has_more_path", "maximum_offset"),
                "page": ("total_path", "has_more_path", "maximum_page")}.get(self.type, ())  # fmt: skip
        if self.allow_repeated_pages and ends and not self.model_fields_set.intersection(ends):
            message = f"allow_repeated_pages needs an end of the pages: {', '.join(ends)}"
            raise ValueError(message)
        return self
