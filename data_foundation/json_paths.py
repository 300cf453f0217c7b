"""Quotes in the path of a value: JSONPath needs them around keys of letters beyond a to z."""

from __future__ import annotations

_QUOTES = ("'", '"')


def quote_path(path: str) -> str:
    """Returns the path with quotes around keys that need them."""
    return ".".join(part if part.isascii() or part[0] in (*_QUOTES, "[") else f"'{part}'" for part in path.split("."))


def unquote_path(path: str) -> str:
    """Returns the path without quotes around its keys."""
    parts = path.split(".")
    return ".".join(part[1:-1] if part[:1] in _QUOTES and part[:1] == part[-1:] else part for part in parts)
