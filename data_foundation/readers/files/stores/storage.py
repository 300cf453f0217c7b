"""The interface of every store, and a file in it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from typing_extensions import override

from data_foundation.errors import LoadError


@dataclass(frozen=True)
class SourceFile:
    """A file below the root of a store.

    Attributes:
        name: Path below the root, with slashes.
        place: Path in the store.
        size: Size in bytes.
        stamp: Values that change with the content: the time of the last change, or the ETag of a bucket.
    """

    name: str
    place: str
    size: int
    stamp: tuple[str, ...]

    @property
    def mark(self) -> list[str]:
        """The values that dlt's state stores, to recognise the file when it is unchanged."""
        return [str(self.size), *self.stamp]


class Storage(Protocol):
    """A place with files: a folder, a bucket or a server."""

    @override
    def __str__(self) -> str:
        """Returns its address for messages, without a secret."""

    def find(self, pattern: str) -> list[SourceFile]:
        """Returns the files that match a pattern, sorted by name.

        Raises:
            EntryError: The pattern leaves the root.
            LoadError: A file leaves the root through a link, or there is no file at a path without a wildcard.
            ConnectionError: The store cannot be reached; a retry may help.
        """

    def opened(self, file: SourceFile, folder: Path) -> AbstractContextManager[Path]:
        """Returns a context that yields the path of a file on this machine.

        Args:
            file: A file from `find`.
            folder: An empty folder for a copy.

        Raises:
            ConnectionError: The file changed since `find`.
        """

    def close(self) -> None:
        """Closes the connection, if one is open."""


def leaves_root(name: str, root: str) -> LoadError:
    """Returns the error for a link that leads out of the root."""
    return LoadError(f"{name} is a link to a place outside of {root}; accepted: files below it, so copy the file there")


def changed_while_read(file: SourceFile) -> ConnectionError:
    """Returns the error for a file that changed after it was listed. A retry may help."""
    return ConnectionError(f"{file.name} changed while it was read; load it again once it is complete")
