"""The repository that contains the working directory."""

from __future__ import annotations

from pathlib import Path

from data_foundation.errors import FoundationError


def find_root() -> Path:
    """Returns the repository: the working directory or its nearest parent that contains `dlthub/`.

    Raises:
        FoundationError: No such folder exists.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "dlthub").is_dir():
            return folder
    message = f"neither {here} nor a folder above it holds dlthub/; change to the repository, or create one"
    raise FoundationError(f"{message} with `foundation init`")
