"""The kind of a single value, and whether dlt's files give it back unchanged."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any
from uuid import UUID

from dlt.common.json import PUA_CHARACTER_MAX, PUA_START, json
from pydantic import BaseModel

from data_foundation.rows.exact.dlt_objects import describe_resource

DEEPEST = 200
"""The most levels of nesting; the JSON writer fails at 254."""

_PLAIN = frozenset({str, int, float, bool, NoneType, datetime})
_ADVICE: dict[type, str] = {
    timedelta: "yield its total_seconds(), or its text",
    set: "yield a list",
    frozenset: "yield a list",
    bytearray: "yield bytes",
    memoryview: "yield bytes",
    Decimal: "columns of decimals have none; yield None",
}
_MODULES = {"numpy": "yield its .item()", "pandas": "yield its .to_pydatetime(), and None for NaT and NA"}
_ACCEPTED = (
    "accepted: None, bool, int, float, str, bytes, Decimal, datetime, date, time, UUID, Enum, dicts and lists of these"
)

INT64 = range(-(2**63), 2**63)
WIDE = {"decimal": Decimal, "wei": Decimal, "text": str}
"""The types of columns that hold an int beyond 64 bits, and what dlt can write for it."""

TOO_LARGE = (
    "got an int beyond 64 bits; yield a Decimal and say "
    "`columns: {<column>: {data_type: decimal, precision: 38, scale: 0}}`, or yield text"
)


class Unacceptable(ValueError):
    """A value would be changed or lost; the message names its kind and what to do."""


def describe(value: Any) -> str:
    """Returns the kind of a value, without its content, which may be a secret."""
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "an infinity"
    if what := describe_resource(value):
        return what
    kind = type(value)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def is_frame(value: object) -> bool:
    """Returns whether `value` is an Arrow table or batch, or a pandas or polars frame."""
    return type(value).__module__.split(".")[0] in ("pyarrow", "pandas", "polars")


def plain(value: Any) -> Any:
    """Returns tuples, models and dataclasses as the dict or list that is written for them, anything else unchanged."""
    if type(value) in _PLAIN or isinstance(value, dict | list):
        return value
    if isinstance(value, tuple):
        return value._asdict() if hasattr(value, "_asdict") else list(value)
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value


def as_written(value: Any) -> Any:
    """Returns a value as it is read back from the files that dlt writes between extraction and normalisation.

    Raises:
        Unacceptable: It cannot be written, or would be read back as another value.
    """
    try:
        (back,) = json.typed_loads(json.typed_dumps([value]))
        is_same = _same(value, back)
    except (TypeError, ValueError, RecursionError):
        is_same = False
    if not is_same:
        raise Unacceptable(why_not_written(value))
    return back


def standing_for(value: Any) -> Any:
    """Returns a value of the same shape and types that dlt can write, to infer columns from.

    NaN, infinities, empty bytes and text that begins with one of dlt's marks, which Arrow can write, are replaced.
    """
    if isinstance(value, dict):
        return {key: standing_for(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [standing_for(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return 0.5
    if isinstance(value, bytes):
        return value or b" "
    if type(value) is str and value and PUA_START <= ord(value[0]) <= PUA_START + PUA_CHARACTER_MAX:
        return f" {value}"
    return value


def _same(value: Any, back: Any) -> bool:
    value = plain(value)
    if value == b"" and isinstance(value, bytes):
        # dlt writes only its mark, and does not read that back.
        return False
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, UUID):
        value = str(value)
    if isinstance(value, dict) and isinstance(back, dict):
        return len(value) == len(back) and all(map(_same, value.values(), back.values()))
    if isinstance(value, list) and isinstance(back, list):
        return len(value) == len(back) and all(map(_same, value, back))
    if isinstance(value, time | datetime) and isinstance(back, type(value)):
        # In the hour in which clocks are put back, equal times in different zones compare as unequal.
        return bool(value.replace(tzinfo=None) == back.replace(tzinfo=None) and value.utcoffset() == back.utcoffset())
    return bool(value == back)


def why_not_written(value: Any) -> str:
    """Returns why a value cannot be written unchanged, and what to do."""
    if isinstance(value, dict | list | tuple):
        return f"got nested values that cannot be written as they are, or deeper than {DEEPEST} levels. {_ACCEPTED}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"got {describe(value)}, which would become NULL; yield None, or an Arrow table, which keeps it"
    if isinstance(value, bytes):
        return "got bytes without a byte, which would become NULL; yield None, or an Arrow table, which keeps them"
    if type(value) is str:
        return (
            "got text with a lone surrogate or a private character that stands for a type; take it out, or yield bytes"
        )
    if type(value) is int:
        return TOO_LARGE
    module = type(value).__module__.partition(".")[0]
    advice = next((text for kind, text in _ADVICE.items() if isinstance(value, kind)), _MODULES.get(module, _ACCEPTED))
    return f"got {describe(value)}; {advice}"


def check_json(value: Any, depth: int = 0) -> None:
    """Checks a value of a JSON column.

    Raises:
        Unacceptable: JSON cannot hold it unchanged.
    """
    if depth > DEEPEST:
        raise Unacceptable(f"got nested values deeper than {DEEPEST} levels, or a value that contains itself")
    value = plain(value)
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise Unacceptable(f"got a key that is {describe(key)}; keys of JSON are text")
            check_json(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            check_json(inner, depth + 1)
    elif isinstance(value, bytes):
        raise Unacceptable("got bytes inside JSON, which has none; yield them as text, for instance base64")
    else:
        as_written(value)


def as_json_text(value: str) -> str:
    """Returns the JSON of a text in a JSON column: itself if it is an object or a list, else JSON's spelling of a text.

    dlt would read '1.10' as a number and 'null' as nothing.
    """
    with suppress(ValueError, RecursionError):
        if value.lstrip()[:1] in {"{", "["} and isinstance(json.loads(value), dict | list):
            return value
    text: str = json.dumps(value)
    return text


def to_be_parsed(value: str) -> str:
    """Returns what dlt reads as the JSON of a text in a JSON column: it parses text, and writes a text as it is."""
    text = as_json_text(value)
    spelled: str = text if text is value else json.dumps(text)
    return spelled


def is_text(value: str) -> bool:
    """Returns whether dlt reads a text back: it can be encoded, and begins with none of dlt's marks of a type."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return not PUA_START <= ord(value[0]) <= PUA_START + PUA_CHARACTER_MAX
