"""Patterns of paths below a root."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from data_foundation.errors import EntryError, LoadError
from data_foundation.suggestions import nearest

_WILDCARD = re.compile(r"[*?\[]")


def has_wildcard(pattern: str) -> bool:
    """Tells whether a pattern may match several files."""
    return bool(_WILDCARD.search(pattern))


def check_pattern(pattern: str, root: str) -> str:
    """Returns a pattern that stays below its root.

    Raises:
        EntryError: It does not.
    """
    path = PurePosixPath(pattern)
    if not pattern.strip() or path.is_absolute() or ".." in path.parts or pattern.startswith("~"):
        raise EntryError(
            f"path: got '{pattern}'; accepted is a path or a pattern below {root}, for instance inbox/*.csv. Another "
            "root is the `url` of a connection"
        )
    return path.as_posix()


def literal(path: Path) -> str:
    """Returns a path in which DuckDB finds no wildcard."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


def missing(pattern: str, root: str, names: Sequence[str]) -> LoadError:
    """Returns the error for a file that is not there; `names` are those in its folder."""
    hint = nearest(PurePosixPath(pattern).name, names)
    return LoadError(
        f"there is no file '{pattern}' below {root}{hint or '; a pattern, for instance *.csv, may match none'}"
    )
