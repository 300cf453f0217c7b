"""Describes the table of a resource without running code: by what a reader reads, or by the docstring of its entry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from data_foundation.readers.registry import FILES, REST, SQL

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig

_SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns|Yields|Raises):?\s*$", re.MULTILINE)
"""Heading of a section about the function, in Google's or NumPy's style, which says nothing of the table."""


def describe(resource: ResourceConfig, docstring: str | None) -> str | None:
    """Returns the description of a resource's table.

    Args:
        resource: The resource; its `description` comes first.
        docstring: The docstring of its entry. That of a reader describes the reader, so what it reads is named instead.
    """
    if resource.description:
        return resource.description
    if read := _describe_read(resource):
        return read
    return _SECTION.split(docstring, maxsplit=1)[0].strip() or None if docstring else None


def _describe_read(resource: ResourceConfig) -> str | None:
    """Returns what a reader that ships reads, None for any other entry, or if `kwargs` do not name it."""
    kwargs = resource.kwargs
    if not any(kwargs.get(name) for name in ("endpoint", "table", "query", "path")):
        return None
    place = f" of {kwargs['connection']}" if kwargs.get("connection") else ""
    match resource.entry:
        case entry if entry == REST:
            return f"{kwargs.get('method', 'GET')} /{str(kwargs.get('endpoint', '')).lstrip('/')}{place}"
        case entry if entry == SQL:
            if kwargs.get("query"):
                return f"Query{place}"
            table = ".".join(str(kwargs[key]) for key in ("schema", "table") if kwargs.get(key))
            return f"Table {table}{place}"
        case entry if entry == FILES:
            return f"Files {kwargs.get('path', '')}{place}"
    return None
