"""Writes the files of a new repository into a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from data_foundation.errors import FoundationError
from data_foundation.project.repository.editor_schemas import write_schemas
from data_foundation.project.repository.files import LINKS, build_files, package_version
from data_foundation.project.repository.record import RECORD_FILE, Record


@dataclass(frozen=True)
class CreatedRepository:
    """What `create_repository` did.

    Attributes:
        written: The new files, relative to the folder.
        kept: Files that were there before, with another content; they were not changed.
    """

    written: tuple[str, ...]
    kept: tuple[str, ...]


def create_repository(folder: Path) -> CreatedRepository:
    """Writes every file that is not there yet; a file that is there is not changed.

    Args:
        folder: The folder, which is created if it does not exist.

    Raises:
        FoundationError: It is a repository already, or a file is where a folder is needed; nothing was written.
    """
    files = build_files()
    if (folder / RECORD_FILE).exists() or (folder / "dlthub").exists():
        message = (
            f"{folder}: is a repository already, nothing was written; `foundation upgrade` there shows what this "
            "version would change"
        )
        raise FoundationError(message)
    _refuse_files_in_the_way(folder, files)
    there = {path for path in files if (folder / path).exists()}
    for path in files.keys() - there:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(files[path], encoding="utf-8")
    links = [path for path in LINKS if write_link(folder, path)]
    schemas = [file.relative_to(folder).as_posix() for file in write_schemas(folder)]
    kept = sorted(
        path for path in there if (folder / path).read_text(encoding="utf-8", errors="replace") != files[path]
    )
    Record(package_version(), {path: text for path, text in files.items() if path not in kept}).write(folder)
    written = sorted([*(files.keys() - there), *links, *schemas, RECORD_FILE])
    return CreatedRepository(tuple(written), tuple(kept))


def write_link(folder: Path, path: str) -> bool:
    """Writes a symbolic link, or a copy where the system has no links; returns False if something is there."""
    link, target = folder / path, LINKS[path]
    if link.is_symlink() or link.exists():
        return False
    try:
        link.symlink_to(target)
    except OSError:  # Windows allows links to administrators and developers only
        link.write_bytes((folder / target).read_bytes())
    return True


def _refuse_files_in_the_way(folder: Path, files: dict[str, str]) -> None:
    """Raises FoundationError for a file where the repository has a folder."""
    folders = {
        folder,
        *(parent for path in files for parent in (folder / path).parents if parent.is_relative_to(folder)),
    }
    if blocking := sorted(str(one) for one in folders if one.exists() and not one.is_dir()):
        raise FoundationError(f"{', '.join(blocking)}: got a file, where a folder is needed; nothing was written")
