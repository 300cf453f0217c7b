"""Validates the `kwargs` of `get_endpoint`: in `foundation check`, and again when a load has filled the templates."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from dlt.common import jsonpath
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from data_foundation.config.fields import Model
from data_foundation.config.messages import explain_validation
from data_foundation.config.scalars import Names
from data_foundation.errors import EntryError
from data_foundation.suggestions import nearest

DLT_NAMES = {"single_page": "none", "page_number": "page", "header_link": "link_header", "json_link": "next_url"}
"""Names of dlt's rest_api paginators, and ours."""

PAGINATOR_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "none": (),
    "offset": (
        "limit_param", "offset_param", "limit_body_path", "offset_body_path", "total_path", "has_more_path",
        "maximum_offset", "allow_short_pages",
    ),
    "page": (
        "limit_param", "page_param", "page_body_path", "base_page", "total_path", "has_more_path", "maximum_page",
    ),
    "cursor": (
        "limit_param", "cursor_path", "cursor_param", "cursor_body_path", "has_more_path", "stop_after_empty_page",
    ),
    "link_header": ("limit_param", "links_next_key"),
    "next_url": ("limit_param", "next_url_path"),
}  # fmt: skip
"""The options of each kind of pagination, named as the arguments of dlt's paginators."""

PLACEHOLDER = re.compile(r"\{([A-Za-z_][\w-]*(?:\.[\w-]+)*)\}")
"""A field of the parent's row, or a path to a nested field."""


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


def _as_mapping(value: Any) -> Any:
    """Returns a word as the mapping that it stands for; accepts dlt's names too."""
    if isinstance(value, str):
        value = {"type": value}
    if isinstance(value, dict) and isinstance(name := value.get("type"), str):
        word = re.sub(r"[ -]", "_", name.strip().lower())
        value = {**value, "type": DLT_NAMES.get(word, word)}
    return value


class Pagination(Model):
    """The kind of pagination and its options."""

    type: Literal["none", "offset", "page", "cursor", "link_header", "next_url"]
    limit_param: str = "limit"
    limit_body_path: str | None = None
    offset_param: str | None = None
    offset_body_path: str | None = None
    maximum_offset: int | None = None
    allow_short_pages: bool = False
    page_param: str | None = None
    page_body_path: str | None = None
    base_page: int = 1
    maximum_page: int | None = None
    cursor_path: JsonPath = "cursors.next"
    cursor_param: str | None = None
    cursor_body_path: str | None = None
    stop_after_empty_page: bool = False
    links_next_key: str = "next"
    next_url_path: JsonPath = "next"
    total_path: JsonPath | None = None
    has_more_path: JsonPath | None = None

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


def _path(value: str) -> str:
    if "://" in value:
        message = "accepted is a path below base_url, which is a setting of the connection; for instance /orders"
        raise ValueError(message)
    return value


def _as_method(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


class EndpointArguments(Model):
    """The `kwargs` of `get_endpoint`, which describes them."""

    connection: str
    endpoint: Annotated[str, AfterValidator(_path)]
    method: Annotated[Literal["GET", "POST"], BeforeValidator(_as_method)] = "GET"
    params: dict[str, Any] = Field(default={})
    body: dict[str, Any] | None = Field(default=None, alias="json")
    headers: dict[str, str] = Field(default={})
    pagination: Annotated[Pagination, BeforeValidator(_as_mapping)] = Pagination(type="none")
    page_size: int | None = Field(default=None, ge=1)
    data_selector: JsonPath | None = None
    data_selector_required: bool = True
    start_param: str | None = None
    end_param: str | None = None
    include_from_parent: Names = ()

    @model_validator(mode="after")
    def _body_needs_a_post(self) -> Self:
        if self.body is not None and self.method == "GET":
            message = "json is the body of a POST request; set `method: POST`, or use `params`"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _page_size_needs_pages(self) -> Self:
        if self.page_size is not None and self.pagination.type == "none":
            message = (
                f"page_size needs `pagination`: {', '.join(kind for kind in PAGINATOR_ARGUMENTS if kind != 'none')}"
            )
            raise ValueError(message)
        return self

    @property
    def parent_fields(self) -> list[str]:
        """The fields of the parent's row that the endpoint and `include_from_parent` name."""
        return [*PLACEHOLDER.findall(self.endpoint), *self.include_from_parent]

    @classmethod
    def read(cls, **arguments: Any) -> Self:
        """Returns the validated arguments of one run, after templates are filled.

        Raises:
            EntryError: Arguments are invalid; contains all errors.
        """
        try:
            return cls.model_validate(arguments)
        except ValidationError as error:
            problems = [f"kwargs.{'.'.join(map(str, path))}: {text}" if path else f"kwargs: {text}"
                     for path, text in explain_validation(cls, arguments, error)]  # fmt: skip
            raise EntryError("; ".join(problems)) from None
