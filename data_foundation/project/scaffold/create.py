"""Checks the name of a new source folder, and writes its files and its test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data_foundation.errors import ConfigError, Problem
from data_foundation.project.repository.editor_schemas import refresh_schema
from data_foundation.project.scaffold.config_section import add_section
from data_foundation.project.scaffold.draft import Draft
from data_foundation.project.scaffold.kinds import PYTHON, draft_source
from data_foundation.project.scaffold.names import find_reason, suggest_name


@dataclass(frozen=True)
class Created:
    """What `create_source` has written.

    Attributes:
        files: The new files, the file of settings if a section was added to it, and the schema for editors if it has
            new words.
        steps: What to do next, in order.
    """

    files: tuple[Path, ...]
    steps: tuple[str, ...]


def create_source(root: Path, name: str, kind: str = PYTHON, location: str | None = None) -> Created:
    """Writes the files of a new source.

    Args:
        root: The repository.
        name: Name of the folder in `dlthub/`.
        kind: `python`, `rest`, `sql`, `files`, or `dlt:` with the name or the folder of a dlt source.
        location: Where the repository with dlt's verified sources is: an address for git, or a folder.

    Raises:
        ConfigError: The name is not accepted, or a file exists already; nothing was written.
        FoundationError: The kind is not accepted, or the dlt source cannot be found or read; nothing was written.
    """
    if problems := list(_name_problems(root, name)):
        raise ConfigError(problems)
    draft = draft_source(root, name, kind, location)
    if problems := list(_existing(root, name, draft)):
        raise ConfigError(problems)
    settings = [file] if draft.settings and (file := add_section(root, draft.settings)) else []
    for path, content in draft.files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return Created((*(root / path for path in draft.files), *settings, *refresh_schema(root)), draft.steps)


def _existing(root: Path, name: str, draft: Draft) -> Iterator[Problem]:
    """Yields a Problem for each file that would be overwritten, or for the folder if it has other files."""
    there = [root / path for path in draft.files if (root / path).exists()]
    folder = root / "dlthub" / name
    if not there and not draft.is_in_place and (folder.is_file() or (folder.is_dir() and any(folder.iterdir()))):
        there = [folder]
    for file in there:
        yield Problem(file, "is already there; nothing was written")


def _name_problems(root: Path, name: str) -> Iterator[Problem]:
    if reason := find_reason(name):
        accepted = "lower-case letters, digits and single _, beginning with a letter"
        message = f"'{name}' cannot be the name of a source: {reason}; accepted: {accepted}"
        yield Problem(root / "dlthub" / name, f"{message}, for instance '{suggest_name(name)}'")
