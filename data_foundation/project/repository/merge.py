"""Joins the changes of a person and those of a new version in one text."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from data_foundation.errors import FoundationError

LEAST_ERROR = 128
"""Exit codes of `git merge-file` from here on are errors, those below are the number of conflicts."""


@dataclass(frozen=True)
class Merged:
    """A text with both changes.

    Attributes:
        text: The text; where both changed the same lines, it has both between git's conflict markers.
        conflicts: How many such places it has.
    """

    text: str
    conflicts: int


def merge(mine: str, before: str, theirs: str, version: str) -> Merged:
    """Returns `mine` with the changes between `before` and `theirs`.

    Args:
        mine: The file as it is.
        before: The file as it was written.
        theirs: The file as the new version writes it.
        version: The new version, which names its side of a conflict.

    Raises:
        FoundationError: git is not installed, or cannot merge the texts.
    """
    names = {"yours": mine, "as it was written": before, f"data-foundation {version}": theirs}
    with TemporaryDirectory() as folder:
        files = [Path(folder, str(position)) for position in range(len(names))]
        for file, text in zip(files, names.values(), strict=True):
            file.write_text(text, encoding="utf-8")
        labels = [word for name in names for word in ("-L", name)]
        command = ["git", "merge-file", "--stdout", *labels, *map(str, files)]
        try:
            done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - files of our own
        except FileNotFoundError:
            raise FoundationError("git is not installed: it merges files that were changed by hand") from None
    if not 0 <= done.returncode < LEAST_ERROR:
        raise FoundationError(f"git merge-file: {done.stderr.decode(errors='replace').strip()}")
    return Merged(done.stdout.decode(), done.returncode)
