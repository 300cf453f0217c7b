"""Files of a store or a server, through fsspec: each is fetched whole before its first row is read."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from typing_extensions import override

from data_foundation.errors import EntryError, FoundationError, LoadError
from data_foundation.process_wide.redaction import redact
from data_foundation.readers.files.path_pattern import check_pattern, has_wildcard, missing
from data_foundation.readers.files.stores.storage import SourceFile

_CHANGED = ("mtime", "LastModified", "last_modified")
_TAGS = ("ETag", "etag")
_REFUSED = ("AuthenticationException", "BadHostKeyException", "ClientAuthenticationError", "NoCredentialsError",
            "UnknownHostKey")  # fmt: skip
"""Names of exceptions that say the same however often it is tried."""


class RemoteStorage:
    """A bucket, a container or a server's folder."""

    def __init__(self, url: str, root: str, open_store: Any) -> None:
        """Connects to nothing yet.

        Args:
            url: Of the root, without a secret.
            root: Its path as the store knows it.
            open_store: Returns fsspec's file system.
        """
        self._url = url
        self._root = root.rstrip("/")
        self._open_store = open_store
        self._store: Any = None

    @override
    def __str__(self) -> str:
        return self._url

    def find(self, pattern: str) -> list[SourceFile]:
        """Returns the files that a pattern matches, by name; see `Storage`."""
        pattern = check_pattern(pattern.removeprefix(f"{self._url.rstrip('/')}/"), str(self))
        with self._told():
            self._store = self._open_store()
            found: Mapping[str, Any] = self._store.glob(f"{self._root}/{pattern}", detail=True)
            files = [self._found(place, info) for place, info in sorted(found.items()) if info["type"] == "file"]
            if not files and not has_wildcard(pattern):
                folder = posixpath.dirname(f"{self._root}/{pattern}")
                names = self._store.ls(folder, detail=False) if self._store.isdir(folder) else []
                raise missing(pattern, str(self), [posixpath.basename(name) for name in names])
            return files

    def _found(self, place: str, info: Mapping[str, Any]) -> SourceFile:
        if hasattr(self._store, "real_path"):
            self._check_link(place)
        stamp = tuple(str(info[key]) for key in (*_CHANGED, *_TAGS) if info.get(key) is not None)
        below = place.lstrip("/").removeprefix(self._root.lstrip("/")).lstrip("/")
        return SourceFile(below, place, int(info["size"]), stamp)

    def _check_link(self, place: str) -> None:
        root, real = (self._store.real_path(path) for path in (self._root or "/", place))
        if posixpath.commonpath([root, real]) != root:
            raise LoadError(f"{place} is a link that leaves {self}; only files below it are read")

    @contextmanager
    def opened(self, file: SourceFile, folder: Path) -> Iterator[Path]:
        """Fetches the file; see `Storage`."""
        copy = folder / "fetched"
        with self._told():
            self._store.get_file(file.place, str(copy))
            now = self._found(file.place, self._store.info(file.place))
            if now != file or copy.stat().st_size != file.size:
                raise ConnectionError(f"{file.name} changed while it was read")
        yield copy

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tells what a store raises, whatever it is, as what passes and what does not."""
        try:
            yield
        except (FoundationError, ConnectionError):
            raise
        except ImportError as error:
            extras = "data-foundation[lake] brings Azure and S3, data-foundation[files] SFTP"
            raise EntryError(f"{self._url}: {error.name or error} is not installed; {extras}") from None
        except Exception as error:  # noqa: BLE001 - each store raises what it likes
            told = f"{self._url}: {type(error).__name__}: {redact(str(error))}"
            lasting = isinstance(error, FileNotFoundError | PermissionError) or type(error).__name__ in _REFUSED
            raise (LoadError(told) if lasting else ConnectionError(told)) from None

    def close(self) -> None:
        """Ends a connection that is held."""
        if hasattr(self._store, "close"):
            self._store.close()
