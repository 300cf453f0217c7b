"""Words the advice of a refusal for somebody without code: a resource whose entry is a reader that ships."""

from __future__ import annotations

import re

_READERS = "data_foundation.readers."
_CORRECT = "correct the value where it comes from, or set the type of the column in `columns`"
_RULES = (
    (r"yield a Decimal and say (`[^`]*`), or yield text", r"set \1, or `data_type: text`"),
    (r"convert it, yield None, or name the type", "name the type"),
    (r"; yield Arrow tables, or `refresh: drop`", "; load the table again once with `refresh: drop`"),
    (r",? or yield [^;,`]*", ""),
    (r"; (convert it|cast it|yield)\b[^;]*", f"; {_CORRECT}"),
    (r", yield [^;,]*", ""),
)
"""Advice about code, and what stands in its place."""


def advise(entry: str, message: str) -> str:
    """Returns the message of a refusal without advice that only code can follow.

    Args:
        entry: The entry of the resource.
        message: The message.
    """
    if entry.startswith(_READERS):
        for pattern, replacement in _RULES:
            message = re.sub(pattern, replacement, message)
    return message
