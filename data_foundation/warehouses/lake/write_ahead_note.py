"""The note of a load that is being written, from which the next run finishes or undoes a killed load."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlt.common.json import json as dlt_json

if TYPE_CHECKING:
    from dlt.destinations.impl.filesystem.filesystem import FilesystemClient

NOTE_FOLDER = "_dlt_unfinished"


@dataclass
class Note:
    """The files and table versions that a load changes.

    Attributes:
        load_id: dlt's load id; "" for deletions without rows, which have landed once the note is removed.
        versions: Version of each Delta table before the load, None if it did not exist.
        added: Paths of the files that the load creates.
        obsolete: Paths of the files that are deleted once the load has landed.
    """

    load_id: str
    versions: dict[str, int | None] = field(default_factory=dict)
    added: list[str] = field(default_factory=list)
    obsolete: list[str] = field(default_factory=list)


def write_note(client: FilesystemClient, note: Note) -> None:
    """Writes the note of a load; a table has one load at a time, so one note."""
    write_whole(client, _file(client), asdict(note))


def read_note(client: FilesystemClient) -> Note | None:
    """Returns the note of a killed load, None if there is none."""
    try:
        return Note(**json.loads(client.fs_client.cat_file(_file(client))))
    except FileNotFoundError:
        return None


def remove_note(client: FilesystemClient) -> None:
    """Removes the note: the load is finished or undone."""
    client._delete_file(_file(client))  # noqa: SLF001 - it handles the differences between services


def write_whole(client: FilesystemClient, path: str, content: Any) -> None:
    """Writes a file atomically, as an object in a bucket always is."""
    text = dlt_json.dumps(content)
    if not client.is_local_filesystem:
        # In one request: an opened file is uploaded in blocks, which two writers would mix up.
        client.fs_client.pipe_file(path, text.encode())
        return
    target, partial = Path(path), Path(_file(client) + ".partial")
    for folder in (target.parent, partial.parent):
        folder.mkdir(parents=True, exist_ok=True)
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, target)  # noqa: PTH105 - the same call as Path.replace, which a test can count


def _file(client: FilesystemClient) -> str:
    return str(client.pathlib.join(client.dataset_path, NOTE_FOLDER, f"{client.schema.name}.json"))
