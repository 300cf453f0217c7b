"""Where the repository is that a command or a script stands in."""

from __future__ import annotations

from pathlib import Path

from data_foundation.errors import FoundationError


def find_root() -> Path:
    """Returns the repository: the nearest folder upwards that holds `dlthub/`.

    Raises:
        FoundationError: There is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "dlthub").is_dir():
            return folder
    message = f"neither {here} nor a folder above it holds dlthub/; change to the repository"
    raise FoundationError(message)
