"""Describes the `kwargs` of the readers that ship, so that an editor completes them once `entry` is written."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from data_foundation.readers import files, rest, sql
from data_foundation.readers.files.file_arguments import Format, OnBadRow
from data_foundation.readers.registry import FILES, REST, SQL
from data_foundation.readers.rest.paging_kinds import Pagination

READERS: Mapping[str, Callable[..., Any]] = {FILES: files.get_rows, REST: rest.get_endpoint, SQL: sql.get_table}

GIVEN_BY_DLT = ("parent",)
"""Arguments that are no key of `kwargs`."""

ARGUMENT_KEYS = ("kwargs", "keyword_arguments")

_ARGUMENT = re.compile(r"^    (\w+): (.+(?:\n     +.+)*)", re.MULTILINE)


def describe_readers() -> list[dict[str, Any]]:
    """Returns a condition of JSON Schema for each reader: with its `entry`, these are the keys of `kwargs`."""
    return [
        {
            "if": {"properties": {"entry": {"const": entry}}, "required": ["entry"]},
            "then": {"properties": dict.fromkeys(ARGUMENT_KEYS, _describe(reader))},
        }
        for entry, reader in READERS.items()
    ]


def _describe(reader: Callable[..., Any]) -> dict[str, Any]:
    keys = dict(_keys(reader))
    return {"properties": keys, "additionalProperties": False}


def _keys(reader: Callable[..., Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields each key with its meaning and its words; any other value is left to `foundation check`.

    A value may be a template, and many have several spellings, so that a type would be a false error.
    """
    meanings = dict(_ARGUMENT.findall(inspect.getdoc(reader) or ""))
    for name, parameter in inspect.signature(reader).parameters.items():
        if name in GIVEN_BY_DLT:
            continue
        described: dict[str, Any] = {"description": " ".join(meanings[name].split())}
        if words := _words(name, parameter.default):
            described["anyOf"] = [{"enum": words}, {}]
        yield name, described


def _words(name: str, default: object) -> list[Any]:
    """Returns the values that an editor offers for a key, [] if it has none."""
    if isinstance(default, bool):
        return [True, False]
    words: Mapping[str, list[Any]] = {
        "format": list(get_args(Format)),
        "on_bad_row": list(get_args(OnBadRow)),
        "method": ["GET", "POST"],
        "pagination": Pagination.model_json_schema()["properties"]["type"].get("enum", []),
        "convert": ["epoch", "epoch_ms", "date"],
        "deleted": ["hard", "soft"],
    }
    return words.get(name, [])
