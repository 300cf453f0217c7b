"""Validates the `kwargs` of `get_endpoint`: in `foundation check`, and again when a load has filled the templates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from data_foundation.config.fields import Model
from data_foundation.config.messages import explain_validation
from data_foundation.config.scalars import Names
from data_foundation.errors import EntryError
from data_foundation.readers.rest.paging_kinds import PAGINATOR_ARGUMENTS, JsonPath, Pagination, as_mapping

PLACEHOLDER = re.compile(r"\{([A-Za-z_][\w-]*(?:\.[\w-]+)*)\}")
"""A field of the parent's row, or a path to a nested field; or a value of the cursor."""

CURSOR = "incremental."
"""Beginning of a placeholder of the cursor, as in dlt's rest_api: `{incremental.start_value}`."""

_CURSOR_VALUES = ("initial_value", "start_value", "last_value", "end_value")


def _path(value: str) -> str:
    if "://" in value:
        message = "accepted is a path below base_url, which is a setting of the connection; for instance /orders"
        raise ValueError(message)
    return value


def _as_method(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _spellable(values: dict[str, Any] | None) -> dict[str, Any] | None:
    """Refuses a parameter that is an object: a URL has no spelling for it."""
    for name, value in (values or {}).items():
        for item in value if isinstance(value, list) else [value]:
            kind = item.get("type") if isinstance(item, Mapping) else None
            if kind in _OF_DLT:
                message = f"{name}: got dlt's `type: {kind}`; {_OF_DLT[kind]}"
                raise ValueError(message)
            if got := _NO_TEXT.get(type(item)):
                message = (
                    f"{name}: got {got}; accepted is a text, a number, true or false, a date, or a list of these; "
                    "an object goes into `json`"
                )
                raise ValueError(message)
    return values


_NO_TEXT: dict[type, str] = {dict: "an object", list: "a list in a list"}
_OF_DLT = {
    "resolve": "name the resource in `data_from`, and write its field as '{id}'",
    "incremental": "set `incremental` of the resource, and `start_param`, or write '{incremental.start_value}'",
}

Parameters = Annotated[dict[str, Any], AfterValidator(_spellable)]
"""Values of a URL or a form, by name."""


def _conversion(value: str) -> str:
    if value not in CONVERSIONS and "%" not in value:
        message = f"accepted: {', '.join(CONVERSIONS)}, or a format of strftime, for instance '%Y%m%d'"
        raise ValueError(message)
    return value


CONVERSIONS = ("epoch", "epoch_ms", "date")
"""Names of conversions of a cursor's time: seconds or milliseconds since 1970, or the day."""

Convert = Annotated[str, AfterValidator(_conversion)]


class ResponseAction(Model):
    """What to do with certain responses, with dlt's words."""

    status_code: int | None = None
    content: str | None = Field(default=None, min_length=1)
    action: Literal["ignore", "raise"]

    @model_validator(mode="after")
    def _names_responses(self) -> Self:
        if self.status_code is None and self.content is None:
            message = "needs status_code or content; every response would be meant"
            raise ValueError(message)
        return self

    def fits(self, status: int, text: str) -> bool:
        """Returns whether a response is meant."""
        return self.status_code in {None, status} and (self.content is None or self.content in text)


class EndpointArguments(Model):
    """The `kwargs` of `get_endpoint`, which describes them."""

    connection: str
    endpoint: Annotated[str, AfterValidator(_path)]
    method: Annotated[Literal["GET", "POST"], BeforeValidator(_as_method)] = "GET"
    params: Parameters = Field(default={})
    body: dict[str, Any] | list[Any] | None = Field(default=None, alias="json")
    form: Parameters | None = Field(default=None, alias="data")
    headers: dict[str, str] = Field(default={})
    pagination: Annotated[Pagination, BeforeValidator(as_mapping)] = Pagination(type="none")
    page_size: int | None = Field(default=None, ge=1)
    data_selector: JsonPath | None = None
    data_selector_required: bool = True
    row_names: Names = ()
    response_actions: tuple[ResponseAction, ...] = ()
    auth: str | None = None
    start_param: str | None = None
    end_param: str | None = None
    convert: Convert | None = None
    shared_cursor: bool = False
    include_from_parent: Names = ()

    @model_validator(mode="after")
    def _body_needs_a_post(self) -> Self:
        for name, body in (("json", self.body), ("data", self.form)):
            if body is not None and self.method == "GET":
                message = f"{name} is the body of a POST request; set `method: POST`, or use `params`"
                raise ValueError(message)
        if self.body is not None and self.form is not None:
            message = "got json and data; a request has one body, so leave one of them out"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _cursor_values_exist(self) -> Self:
        for name in self._placeholders:
            if name.startswith(CURSOR) and name.removeprefix(CURSOR) not in _CURSOR_VALUES:
                message = f"{{{name}}} is no value of the cursor; accepted: {', '.join(_CURSOR_VALUES)}"
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
    def _placeholders(self) -> list[str]:
        texts = [self.endpoint, *self.headers.values(), *_texts(self.params), *_texts(self.form)]
        whole = [text for text in _texts(self.body) if PLACEHOLDER.fullmatch(text)]
        return [name for text in (*texts, *whole) for name in PLACEHOLDER.findall(text)]

    @property
    def parent_fields(self) -> list[str]:
        """The fields of the parent's row that placeholders and `include_from_parent` name."""
        return [*(name for name in self._placeholders if not name.startswith(CURSOR)), *self.include_from_parent]

    @property
    def sends_cursor(self) -> bool:
        """True if a parameter or a placeholder is a value of the cursor."""
        return bool(self.start_param or self.end_param) or any(name.startswith(CURSOR) for name in self._placeholders)

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


def _texts(value: Any) -> Iterator[str]:
    """Yields every text in a nested value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)
