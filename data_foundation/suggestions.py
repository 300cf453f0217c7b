"""Suggests the accepted name that is closest to a misspelt one."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def nearest(word: str, accepted: Sequence[str]) -> str:
    """Returns ". Did you mean ...?" with the accepted word closest to `word`, or "" if none is close."""
    closest = difflib.get_close_matches(word, accepted, 1)
    return f". Did you mean '{closest[0]}'?" if closest else ""
