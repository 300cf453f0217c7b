"""A file that was found, and what tells whether it is the one that was loaded."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from typing_extensions import override


@dataclass(frozen=True)
class SourceFile:
    """A file below a root.

    Attributes:
        name: Its path below the root, with slashes.
        place: Where it is, as its storage knows it.
        size: Bytes.
        stamp: What changes with its contents: the time of its last change, a store's etag.
    """

    name: str
    place: str
    size: int
    stamp: tuple[str, ...]

    @property
    def mark(self) -> list[str]:
        """What dlt's state keeps of it."""
        return [str(self.size), *self.stamp]


class Storage(Protocol):
    """Where files are."""

    @override
    def __str__(self) -> str:
        """Names it in a message, without a secret."""

    def find(self, pattern: str) -> list[SourceFile]:
        """Returns the files that a pattern matches, by name.

        Raises:
            EntryError: The pattern leaves the root.
            LoadError: A file does, or a path without a wildcard is that of none.
            ConnectionError: The storage is away.
        """

    def opened(self, file: SourceFile, folder: Path) -> AbstractContextManager[Path]:
        """Returns a block in which a file is on this machine, as it was found.

        Args:
            file: One that was found.
            folder: An empty one, for a copy.

        Raises:
            ConnectionError: It is no longer as it was found, before or after the block.
        """

    def close(self) -> None:
        """Ends what is held."""
