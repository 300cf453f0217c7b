"""The accepted name that a misspelt one is nearest to."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def nearest(word: str, accepted: Sequence[str]) -> str:
    """Returns " Did you mean ...?" with the accepted word closest to `word`, or "" where none is close."""
    found = difflib.get_close_matches(word, accepted, 1)
    return f". Did you mean '{found[0]}'?" if found else ""
