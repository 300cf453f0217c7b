"""The note of a load that is being written: what a killed process leaves behind for the next one."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlt.common.json import json as dlt_json

if TYPE_CHECKING:
    from dlt.destinations.impl.filesystem.filesystem import FilesystemClient

FOLDER = "_dlt_unfinished"


@dataclass
class Note:
    """What a load writes.

    Attributes:
        load_id: dlt's, "" for deletions alone, which count when the note is gone.
        versions: Of each Delta table before, None where there was none.
        added: Files that there were not.
        obsolete: Files that go when the load has landed.
    """

    load_id: str
    versions: dict[str, int | None] = field(default_factory=dict)
    added: list[str] = field(default_factory=list)
    obsolete: list[str] = field(default_factory=list)


def write_note(client: FilesystemClient, note: Note) -> None:
    """Writes the note of a table's load; there is one load of a table at a time."""
    write_whole(client, _file(client), asdict(note))


def read_note(client: FilesystemClient) -> Note | None:
    """Returns what a killed load has left behind, None where there is nothing."""
    try:
        return Note(**json.loads(client.fs_client.cat_file(_file(client))))
    except FileNotFoundError:
        return None


def remove_note(client: FilesystemClient) -> None:
    """Says that nothing is left to do."""
    client._delete_file(_file(client))  # noqa: SLF001 - it knows what services answer


def write_whole(client: FilesystemClient, path: str, content: Any) -> None:
    """Writes a file that is there as a whole or not at all, as an object of a bucket is by itself."""
    text = dlt_json.dumps(content)
    if not client.is_local_filesystem:
        # One request: a file that is opened is put together of blocks, which two writers mix up.
        client.fs_client.pipe_file(path, text.encode())
        return
    target, partial = Path(path), Path(_file(client) + ".partial")
    for folder in (target.parent, partial.parent):
        folder.mkdir(parents=True, exist_ok=True)
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, target)  # noqa: PTH105 - the same call as Path.replace, seen by who counts renames


def _file(client: FilesystemClient) -> str:
    return str(client.pathlib.join(client.dataset_path, FOLDER, f"{client.schema.name}.json"))
