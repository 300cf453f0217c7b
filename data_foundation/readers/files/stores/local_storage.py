"""Lists and opens files of this machine, below one folder that no path and no link may leave."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from typing_extensions import override

from data_foundation.readers.files.path_pattern import check_pattern, file_not_found, has_wildcard
from data_foundation.readers.files.stores.storage import SourceFile, changed_while_read, leaves_root


class LocalStorage:
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        """Sets the root: the folder that no path and no link may leave."""
        self._root = root.resolve()

    @override
    def __str__(self) -> str:
        return str(self._root)

    def find(self, pattern: str) -> list[SourceFile]:
        """Returns the files that match a pattern, sorted by name; see `Storage`."""
        path = Path(pattern)
        # An absolute path is accepted if it is below the root.
        below = path.relative_to(self._root) if path.is_absolute() and path.is_relative_to(self._root) else path
        pattern = check_pattern(below.as_posix(), str(self))
        names = [pattern] if (self._root / pattern).is_file() else self._match(pattern)
        found = [self._describe(name) for name in names if (self._root / name).is_file()]
        if not found and not has_wildcard(pattern):
            raise file_not_found(pattern, str(self), [entry.name for entry in _entries((self._root / pattern).parent)])
        return found

    def _match(self, pattern: str) -> list[str]:
        return sorted(glob.glob(pattern, root_dir=self._root, recursive=True))  # noqa: PTH207 - pathlib would find hidden files too

    def _describe(self, name: str) -> SourceFile:
        place = (self._root / name).resolve()
        if not place.is_relative_to(self._root):
            raise leaves_root(name, str(self))
        status = place.stat()
        return SourceFile(Path(name).as_posix(), str(place), status.st_size, (str(status.st_mtime_ns),))

    @contextmanager
    def opened(self, file: SourceFile, folder: Path) -> Iterator[Path]:  # noqa: ARG002 - no copy is needed
        """Yields the path of the file itself; see `Storage`."""
        self._check(file)
        yield Path(file.place)
        self._check(file)

    def close(self) -> None:
        """Does nothing: no connection is open."""

    def _check(self, file: SourceFile) -> None:
        try:
            current = self._describe(file.name)
        except OSError:
            current = None
        if current != file:
            raise changed_while_read(file)


def _entries(folder: Path) -> Iterator[Path]:
    return folder.iterdir() if folder.is_dir() else iter(())
