"""Checks path patterns, which must stay below a root."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from data_foundation.errors import EntryError, LoadError
from data_foundation.suggestions import nearest

_WILDCARD = re.compile(r"[*?\[]")


def has_wildcard(pattern: str) -> bool:
    """Returns whether a pattern contains a wildcard, and so may match any number of files."""
    return bool(_WILDCARD.search(pattern))


def check_pattern(pattern: str, root: str) -> str:
    """Returns the pattern with slashes, after a check that it stays below its root.

    Raises:
        EntryError: The pattern is empty, absolute, or leads out of the root.
    """
    path = PurePosixPath(pattern)
    if not pattern.strip() or path.is_absolute() or ".." in path.parts or pattern.startswith("~"):
        raise EntryError(
            f"path: got '{pattern}'; accepted: a path or pattern below {root}, for instance inbox/*.csv. To read from "
            "another root, set `connection` to a connection with this root as `url`"
        )
    return path.as_posix()


def escape_wildcards(path: Path) -> str:
    """Returns a path with its wildcard characters escaped for DuckDB."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


def file_not_found(pattern: str, root: str, names: Sequence[str]) -> LoadError:
    """Returns the error for a path without a file. `names` are the files in its folder, for a suggestion."""
    hint = nearest(PurePosixPath(pattern).name, names)
    return LoadError(
        f"path: there is no file '{pattern}' below {root}"
        f"{hint or '; if the file may be absent, set a pattern, for instance *.csv'}"
    )
