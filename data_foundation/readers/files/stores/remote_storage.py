"""Lists files of a bucket or a server through fsspec; each file is downloaded before its first row is read."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from typing_extensions import override

from data_foundation.errors import EntryError, FoundationError, LoadError
from data_foundation.process_wide.redaction import redact
from data_foundation.readers.files.path_pattern import check_pattern, file_not_found, has_wildcard
from data_foundation.readers.files.stores.storage import SourceFile, changed_while_read, leaves_root

_VERSION_KEYS = ("mtime", "LastModified", "last_modified", "ETag", "etag")
"""Keys of fsspec's file information whose value changes with the content."""

_PERMANENT_ERRORS = ("AuthenticationException", "BadHostKeyException", "ClientAuthenticationError",
                     "NoCredentialsError", "UnknownHostKey")  # fmt: skip
"""Names of exceptions that a retry cannot help."""


class RemoteStorage:
    """A bucket, a container, or a folder of a server."""

    def __init__(self, url: str, root: str, open_store: Any) -> None:
        """Does not connect yet.

        Args:
            url: URL of the root, without a secret.
            root: Path of the root in the file system.
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
        """Returns the files that match a pattern, sorted by name; see `Storage`."""
        pattern = check_pattern(pattern.removeprefix(f"{self._url.rstrip('/')}/"), str(self))
        with self._translating_errors():
            self._store = self._open_store()
            found = self._match(f"{self._root}/{pattern}")
            files = [self._describe(place, info) for place, info in sorted(found.items()) if info["type"] == "file"]
            if not files and not has_wildcard(pattern):
                folder = posixpath.dirname(f"{self._root}/{pattern}")
                names = self._store.ls(folder, detail=False) if self._store.isdir(folder) else []
                raise file_not_found(pattern, str(self), [posixpath.basename(name) for name in names])
            return files

    def _match(self, place: str) -> Mapping[str, Any]:
        """Returns the files that match a pattern, with their information; a file of exactly this name comes first."""
        if has_wildcard(place) and self._store.isfile(place):
            return {place: self._store.info(place)}
        found: Mapping[str, Any] = self._store.glob(place, detail=True)
        return found

    def _describe(self, place: str, info: Mapping[str, Any]) -> SourceFile:
        if hasattr(self._store, "real_path"):
            self._check_link(place)
        stamp = tuple(str(info[key]) for key in _VERSION_KEYS if info.get(key) is not None)
        below = place.lstrip("/").removeprefix(self._root.lstrip("/")).lstrip("/")
        return SourceFile(below, place, int(info["size"]), stamp)

    def _check_link(self, place: str) -> None:
        root, real = (self._store.real_path(path) for path in (self._root or "/", place))
        if posixpath.commonpath([root, real]) != root:
            raise leaves_root(place, str(self))

    @contextmanager
    def opened(self, file: SourceFile, folder: Path) -> Iterator[Path]:
        """Downloads the file into `folder`; see `Storage`."""
        copy = folder / "downloaded"
        with self._translating_errors():
            self._store.get_file(file.place, str(copy))
            current = self._describe(file.place, self._store.info(file.place))
            if current != file or copy.stat().st_size != file.size:
                raise changed_while_read(file)
        yield copy

    @contextmanager
    def _translating_errors(self) -> Iterator[None]:
        """Raises any error of the store as a LoadError if it is permanent, as a ConnectionError if a retry may help."""
        try:
            yield
        except (FoundationError, ConnectionError):
            raise
        except ImportError as error:
            extras = "data-foundation[lake] for Azure and S3, data-foundation[files] for SFTP"
            raise EntryError(f"{self._url}: {error.name or error} is not installed; install {extras}") from None
        except Exception as error:  # noqa: BLE001 - the stores' exceptions have no common class
            name = type(error).__name__
            message = f"{self._url}: {name}: {redact(str(error))}"
            is_permanent = isinstance(error, FileNotFoundError | PermissionError) or name in _PERMANENT_ERRORS
            raise (LoadError(message) if is_permanent else ConnectionError(message)) from None

    def close(self) -> None:
        """Closes the connection, if one is open."""
        if hasattr(self._store, "close"):
            self._store.close()
