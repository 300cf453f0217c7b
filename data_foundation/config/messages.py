"""Errors of pydantic as sentences for the person who wrote the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from textwrap import shorten
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from data_foundation.config.fields import Model
from data_foundation.config.scalars import HiddenValueError
from data_foundation.process_wide.redaction import redact
from data_foundation.suggestions import nearest


def explain_validation(
    model: type[Model], raw: object, error: ValidationError
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yields for each error of pydantic the path inside `raw`, and a message with what is accepted there."""
    for detail in error.errors(include_url=False):
        loc = _existing(raw, tuple(part for part in detail["loc"] if part != "[key]"))
        yield loc, _message(model, detail)


def _existing(raw: object, loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Returns the part of `loc` that exists in the file: a short form, such as one word, has no fields."""
    found: list[str | int] = []
    for part in loc:
        if isinstance(raw, Mapping):
            found.append(part)
            raw = raw.get(part)
        elif isinstance(raw, list) and isinstance(part, int) and part < len(raw):
            found.append(part)
            raw = raw[part]
        else:
            break
    return tuple(found)


def _message(model: type[Model], detail: ErrorDetails) -> str:
    """Returns what was received and what is accepted, for one error of pydantic."""
    value = detail["input"]
    received = shorten(redact(str(value) if isinstance(value, date) else repr(value)), 80, placeholder=" ...")
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden" if len(detail["loc"]) == 1 and (field := model.model_fields.get(str(detail["loc"][0]))):
            return f"is `{field.alias}` under another name, which is there too; leave one of them out"
        case "extra_forbidden" if len(detail["loc"]) == 1 and (place := _ELSEWHERE.get(str(detail["loc"][0]))):
            return f"'{detail['loc'][0]}' is no key of this file; {place}"
        case "extra_forbidden":
            return unknown_key(str(detail["loc"][-1]), _fields_at(model, detail["loc"][:-1]))
        case "missing":
            return "is required and missing"
        case "value_error" if isinstance(detail["input"], Mapping) or isinstance(context["error"], HiddenValueError):
            return str(context["error"])
        case "value_error":
            problem = str(context["error"])
        case "literal_error":
            accepted = context["expected"].replace("'", "").replace(" or ", ", ")
            problem = f"accepted: {accepted}{nearest(str(detail['input']), accepted.split(', '))}"
        case "model_type" | "dict_type":
            problem = "accepted is a mapping"
        case "tuple_type" | "list_type":
            problem = "accepted is a list"
        case _:
            problem = f"{detail['msg'][:1].lower()}{detail['msg'][1:]}"
    return f"got {received}; {problem}"


def _fields_at(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """Returns the keys that the model at `loc` inside `model` accepts."""
    for part in loc:
        field = model.model_fields.get(str(part))
        nested = _models_in(field.annotation) if field else [model]
        model = nested[0] if nested else model
    return list(model.model_fields)


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]


_ELSEWHERE = {
    "spec": "it is a class, which YAML cannot hold: @dlt.resource(spec=...) or @dlt.source(spec=...) in the code",
    "schema": "it is an object, which YAML cannot hold: @dlt.source(schema=...) in the code, named as `source` here",
    "table_name": "the table is the second part of `destination`",
    "name": "the table is the second part of `destination`",
}
"""Where the arguments of dlt's decorators are set that are no keys."""


def unknown_key(key: str, accepted: Sequence[str] | Mapping[str, Any]) -> str:
    """Returns the message for an unknown key: the key, the accepted keys, and the nearest of them."""
    return f"unknown key '{redact(key)}'; accepted: {', '.join(accepted)}{nearest(key, list(accepted))}"
