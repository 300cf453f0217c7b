"""Whether the code of a dlt source keeps a state for all of its resources, read from its text."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from data_foundation.errors import EntryError
from data_foundation.project.entry import find_entry

_IN_TEXT = re.compile(rb"\bsource_state\b|\b(?:current|dlt)\.state\(")


def keeps_source_state(folder: Path, entry: str) -> bool:
    """Returns True if the folder, or the package of a source that is installed, mentions the state of its source.

    Args:
        folder: The source folder.
        entry: Path of the entry.
    """
    try:
        place = find_entry(folder, entry)
    except EntryError:
        return False  # the load reports it
    if place.folder:
        # Read again for each load: a process may live longer than the text of a source that is being written.
        return _mentions_state(folder)
    package = place.file.parent
    return _installed_mentions_state(package if (package / "__init__.py").is_file() else place.file)


@lru_cache(maxsize=512)
def _installed_mentions_state(path: Path) -> bool:
    return _mentions_state(path)


def _mentions_state(path: Path) -> bool:
    files = path.rglob("*.py") if path.is_dir() else [path]
    return any(_IN_TEXT.search(file.read_bytes()) for file in files)
