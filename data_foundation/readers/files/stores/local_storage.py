"""Files of this machine, below one folder that nothing leads out of."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from typing_extensions import override

from data_foundation.errors import LoadError
from data_foundation.readers.files.path_pattern import check_pattern, has_wildcard, missing
from data_foundation.readers.files.stores.storage import SourceFile


class LocalStorage:
    """A folder."""

    def __init__(self, root: Path) -> None:
        """Takes the folder that no path and no link may leave."""
        self._root = root.resolve()

    @override
    def __str__(self) -> str:
        return str(self._root)

    def find(self, pattern: str) -> list[SourceFile]:
        """Returns the files that a pattern matches, by name; see `Storage`."""
        path = Path(pattern)
        # An absolute path may be one below the root.
        below = path.relative_to(self._root) if path.is_absolute() and path.is_relative_to(self._root) else path
        pattern = check_pattern(below.as_posix(), str(self))
        names = sorted(glob.glob(pattern, root_dir=self._root, recursive=True))  # noqa: PTH207 - it leaves hidden files out
        found = [self._look(name) for name in names if (self._root / name).is_file()]
        if not found and not has_wildcard(pattern):
            raise missing(pattern, str(self), [entry.name for entry in _entries((self._root / pattern).parent)])
        return found

    def _look(self, name: str) -> SourceFile:
        place = (self._root / name).resolve()
        if not place.is_relative_to(self._root):
            raise LoadError(f"{name} is a link that leaves {self}; only files below it are read")
        told = place.stat()
        return SourceFile(Path(name).as_posix(), str(place), told.st_size, (str(told.st_mtime_ns),))

    @contextmanager
    def opened(self, file: SourceFile, folder: Path) -> Iterator[Path]:  # noqa: ARG002 - no copy is needed
        """Gives the file itself; see `Storage`."""
        self._check(file)
        yield Path(file.place)
        self._check(file)

    def close(self) -> None:
        """Holds nothing."""

    def _check(self, file: SourceFile) -> None:
        try:
            seen = self._look(file.name)
        except OSError:
            seen = None
        if seen != file:
            raise ConnectionError(f"{file.name} changed while it was read")


def _entries(folder: Path) -> Iterator[Path]:
    return folder.iterdir() if folder.is_dir() else iter(())
