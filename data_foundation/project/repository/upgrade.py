"""What this version of the package changes in the files of a repository that an older version wrote."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from data_foundation.project.repository.create import write_link
from data_foundation.project.repository.editor_schemas import build_schema_files
from data_foundation.project.repository.files import LINKS, build_files, package_version
from data_foundation.project.repository.merge import merge
from data_foundation.project.repository.record import Record

UNUSED = "this version needs it no longer, and it was changed by hand"
FOREIGN = "it was not written by `foundation init`"
GENERATED = "generated: it is written anew each time"
"""The note of a file whose differences tell a person nothing."""

Kind = Literal["new", "changed", "merged", "conflict", "removed", "kept"]


@dataclass(frozen=True)
class Change:
    """What an upgrade does to one file.

    Attributes:
        path: Relative to the repository.
        kind: new: the file is created. changed: it was never edited, and gets the new text. merged: edits stay, and
            the changes of the new version are added. conflict: both changed the same lines. removed: the new version
            has no such file, and it was never edited. kept: it is not changed, for the reason in `note`.
        before: The text of the file, "" if there is none.
        after: The text that it gets, "" if it is removed.
        note: Why it is kept, or that it is generated.
    """

    path: str
    kind: Kind
    before: str
    after: str
    note: str = ""

    def diff(self) -> str:
        """Returns the change as a unified diff."""
        names = (f"a/{self.path}" if self.before else "/dev/null", f"b/{self.path}" if self.after else "/dev/null")
        lines = difflib.unified_diff(
            self.before.splitlines(keepends=True), self.after.splitlines(keepends=True), *names
        )
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


@dataclass(frozen=True)
class Upgrade:
    """The changes from one version to another; `apply` makes them.

    Attributes:
        root: The repository.
        old: The version that wrote its files last, "" if none did.
        new: The version of the installed package.
        changes: One for each file that differs, by path.
    """

    root: Path
    old: str
    new: str
    changes: tuple[Change, ...]

    @property
    def conflicts(self) -> list[str]:
        """The files in which a person has to choose."""
        return [change.path for change in self.changes if change.kind == "conflict"]

    @property
    def is_current(self) -> bool:
        """Whether nothing would be written."""
        return self.old == self.new and all(change.kind == "kept" for change in self.changes)

    def apply(self) -> None:
        """Writes the changed files, and the record of this version. A conflict is written with git's markers."""
        for change in self.changes:
            file = self.root / change.path
            if change.kind == "removed":
                file.unlink()
            elif change.kind != "kept":
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(change.after, encoding="utf-8")
        for path in LINKS:
            write_link(self.root, path)
        unknown = {change.path for change in self.changes if change.kind == "kept"}
        Record(self.new, {path: text for path, text in build_files().items() if path not in unknown}).write(self.root)


def plan_upgrade(root: Path) -> Upgrade:
    """Returns what the installed version would change; nothing is written.

    Raises:
        FoundationError: The record of the repository cannot be read, or git is needed and not installed.
    """
    record, new, files = Record.read(root), package_version(), build_files()
    changes = [
        change
        for path in sorted({*record.files, *files})
        if (change := _change(root, path, record.files.get(path), files.get(path), new))
    ]
    return Upgrade(root, record.version, new, (*changes, *_generated(root)))


def _change(root: Path, path: str, before: str | None, theirs: str | None, version: str) -> Change | None:
    """Returns what happens to one file, None if nothing does.

    Args:
        root: The repository.
        path: The file.
        before: Its text as it was written last, None if no version wrote it.
        theirs: Its text in this version, None if this version has no such file.
        version: This version.
    """
    mine = _read(root / path)
    is_edited = mine != before
    match before, theirs, mine:
        case _ if theirs in (before, mine):
            change = None
        case None, str(), None:
            change = Change(path, "new", "", theirs)
        case _, _, None:
            change = None  # a file that was deleted by hand stays deleted
        case _, None, str():
            change = Change(path, "removed", mine, "") if not is_edited else Change(path, "kept", mine, mine, UNUSED)
        case None, str(), str():
            change = Change(path, "kept", mine, mine, FOREIGN)
        case str(), str(), str():
            change = _join(path, mine, before, theirs, version) if is_edited else Change(path, "changed", mine, theirs)
    return change


def _join(path: str, mine: str, before: str, theirs: str, version: str) -> Change | None:
    """Returns the change of a file that was edited, None if it has what is new already."""
    merged = merge(mine, before, theirs, version)
    if merged.text == mine:
        return None
    return Change(path, "conflict" if merged.conflicts else "merged", mine, merged.text)


def _generated(root: Path) -> Iterator[Change]:
    """Yields the generated files that differ: they are written anew."""
    for path, text in build_schema_files(root).items():
        mine = _read(root / path)
        if mine != text:
            yield Change(path, "new" if mine is None else "changed", mine or "", text, GENERATED)


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None
