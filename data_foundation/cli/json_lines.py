"""Prints results as JSON lines, which scripts and editors read: one object on each line, nothing else on stdout."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import date, time
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON lines.")]


def print_lines(objects: Iterable[Mapping[str, Any]]) -> None:
    """Prints each object on a line of its own."""
    for one in objects:
        typer.echo(json.dumps(_plain(one), ensure_ascii=False))


def _plain(value: Any) -> Any:  # noqa: PLR0911 - one for each kind of value
    """Returns a value as JSON has it without a loss: decimals, times and bytes as text, infinite numbers too."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case date() | time():
            return value.isoformat()
    return str(value)
