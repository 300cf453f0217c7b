"""Writes small files of a lake as a whole, and creates files that only one process can create."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlt.destinations.impl.filesystem.filesystem import FilesystemClient

TURNS_FOLDER = "_dlt_turns"
PARTIAL = ".partial"
"""Ending of a local file that is not complete yet; it is among the table's turns, where no reader looks."""


def turns_folder(client: FilesystemClient, schema: str = "") -> str:
    """Returns the folder with the turns of a table.

    Args:
        client: The client of the lake.
        schema: The name of the table's dlt schema; default: that of the client.
    """
    return str(client.pathlib.join(client.dataset_path, TURNS_FOLDER, schema or client.schema.name))


def write_whole(client: FilesystemClient, path: str, text: str) -> None:
    """Writes a file, or replaces it as a whole.

    Args:
        client: The client of the lake.
        path: The file's path in the lake.
        text: Its content.
    """
    if not client.is_local_filesystem:
        # In one request: an opened file is uploaded in blocks, which two writers would mix up.
        client.fs_client.pipe_file(path, text.encode())
        return
    try:
        _replace(client, path, text)
    except FileNotFoundError:
        # Whoever took over has removed the partial file of a process that was paused.
        _replace(client, path, text)


def create_whole(client: FilesystemClient, path: str, text: str) -> bool:
    """Creates a file; returns False if it exists already, which the store decides for all processes.

    Args:
        client: The client of the lake.
        path: The file's path in the lake.
        text: Its content, which no other process writes.

    Raises:
        OSError: The store cannot be reached, or refuses.
    """
    try:
        if client.is_local_filesystem:
            with _complete(client, path, text) as partial:
                os.link(partial, path)
        else:
            client.fs_client.pipe_file(path, text.encode(), mode="create")
    except Exception as error:
        # A request that succeeded and got no answer is repeated, and then finds the file that it created.
        found = read_text(client, path)
        if found == text:
            return True
        if found is None and not isinstance(error, FileExistsError):
            raise
        return False
    return True


def read_text(client: FilesystemClient, path: str) -> str | None:
    """Returns the content of a file, None if it does not exist."""
    try:
        return str(client.fs_client.cat_file(path).decode(errors="replace"))
    except FileNotFoundError:
        return None


def _replace(client: FilesystemClient, path: str, text: str) -> None:
    with _complete(client, path, text) as partial:
        os.replace(partial, path)  # noqa: PTH105 - the same call as Path.replace, which a test can count


@contextmanager
def _complete(client: FilesystemClient, path: str, text: str) -> Iterator[Path]:
    """Yields a file with the whole content; it is removed afterwards."""
    partial = Path(turns_folder(client), f"{uuid.uuid4().hex}{PARTIAL}")
    for folder in (partial.parent, Path(path).parent):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield partial
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()
