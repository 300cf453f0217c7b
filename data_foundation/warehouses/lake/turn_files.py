"""The numbered files with the turns of a table: who writes, what is written, and whether it counts."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from typing_extensions import override

from data_foundation.warehouses.lake.whole_files import PARTIAL, create_whole, read_text, turns_folder, write_whole

if TYPE_CHECKING:
    from dlt.destinations.impl.filesystem.filesystem import FilesystemClient

State = Literal["writing", "landed", "free", "unreadable"]


@dataclass(frozen=True)
class Holder:
    """A process that takes turns.

    Attributes:
        work_folder: The folder with its locks of resources: of all processes there, one at a time loads a table.
        run_id: Id of its run.
        host: Name of its machine.
    """

    work_folder: str
    run_id: str = ""
    host: str = field(default_factory=socket.gethostname)

    def has_lock_of(self, other: Holder | None) -> bool:
        """Returns True if `other` must have ended, as this process holds the lock that it had."""
        return other is not None and (self.host, self.work_folder) == (other.host, other.work_folder)

    @override
    def __str__(self) -> str:
        return f"run {self.run_id or 'without an id'} on {self.host}, in {self.work_folder}"


@dataclass
class Note:
    """The files and table versions that a load changes.

    Paths are relative to the dataset, as machines may have a lake mounted in different folders.

    Attributes:
        load_id: dlt's load id; "" for deletions without rows.
        versions: Version of each Delta table before the load, None if it did not exist.
        added: Paths of the files with rows that the load creates.
        obsolete: Paths of the files that are deleted once the load has landed.
    """

    load_id: str
    versions: dict[str, int | None] = field(default_factory=dict)
    added: list[str] = field(default_factory=list)
    obsolete: list[str] = field(default_factory=list)


@dataclass
class Entry:
    """The content of a turn's file.

    Attributes:
        state: `writing` until the load has landed or is undone, `landed` until its files are written, then `free`.
        holder: The process that has the turn; None if the file is unreadable.
        token: An id of its own, so that no other process writes the same content.
        beat: Grows while the holder is at work.
        is_mended: True once all that earlier turns left is finished or undone.
        note: What the load changes.
        files: Content by path of dlt's files with schema, state and load, which a landed load writes.
        spare: The same of the newest schema and state, from which a damaged file is written again.
        late: Paths of files that the process that lost a turn may still write, with the loads that will look for each.
    """

    state: State
    holder: Holder | None
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    beat: int = 0
    is_mended: bool = False
    note: Note | None = None
    files: dict[str, str] = field(default_factory=dict)
    spare: dict[str, str] = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Entry:
        """Returns the entry in a file, an unreadable one if the file is damaged."""
        try:
            found: dict[str, Any] = json.loads(text)
            found["holder"] = Holder(**found["holder"])
            found["note"] = found["note"] and Note(**found["note"])
            return cls(**found)
        except (ValueError, TypeError, KeyError):
            return cls("unreadable", None, token=text)


class TurnFiles:
    """The files with the turns of one table."""

    def __init__(self, client: FilesystemClient, schema: str = "") -> None:
        """Finds the files.

        Args:
            client: The client of the lake.
            schema: The name of the table's dlt schema; default: that of the client.
        """
        self._client = client
        self.folder = turns_folder(client, schema)

    def numbers(self) -> list[int]:
        """Returns the numbers of all turns, in ascending order."""
        return sorted(int(name.removesuffix(".json")) for name in self._names() if name.endswith(".json"))

    def read(self, number: int) -> Entry | None:
        """Returns the content of a file, None if it does not exist."""
        text = read_text(self._client, self._path(number))
        return None if text is None else Entry.parse(text)

    def create(self, number: int, entry: Entry) -> bool:
        """Creates a file; returns False if another process has."""
        try:
            return create_whole(self._client, self._path(number), _to_text(entry))
        except FileNotFoundError:
            return False  # whoever took over removed the file that was to become this one

    def write(self, number: int, entry: Entry) -> None:
        """Writes a file of this process again."""
        write_whole(self._client, self._path(number), _to_text(entry))

    def remove_before(self, number: int) -> None:
        """Removes the files of all turns before `number`."""
        for older in self.numbers():
            if older < number:
                self._client._delete_file(self._path(older))  # noqa: SLF001 - it handles the differences between services

    def remove_partial(self) -> None:
        """Removes what killed processes were writing."""
        for name in self._names():
            if name.endswith(PARTIAL):
                self._client._delete_file(self._client.pathlib.join(self.folder, name))  # noqa: SLF001 - the same

    def set_aside(self, number: int) -> str:
        """Copies a damaged file beside the turns and returns the copy's path."""
        path = str(self._client.pathlib.join(self.folder, f"unreadable-{number}.txt"))
        write_whole(self._client, path, read_text(self._client, self._path(number)) or "")
        return path

    def find_spare(self, table: str) -> dict[str, str]:
        """Returns the copies of dlt's newest files of one of dlt's tables: content by path."""
        numbers = self.numbers()
        entry = self.read(numbers[-1]) if numbers else None
        spare = entry.spare if entry else {}
        return {path: text for path, text in spare.items() if path.startswith(f"{table}/")}

    def has_any(self, files: Mapping[str, str]) -> bool:
        """Returns whether the dataset has one of these files, each a path and its content."""
        join, folder = self._client.pathlib.join, self._client.dataset_path
        return any(read_text(self._client, str(join(folder, path))) == text for path, text in files.items())

    def _names(self) -> list[str]:
        files = self._client.fs_client
        files.invalidate_cache()
        try:
            return [self._client.pathlib.basename(path) for path in files.ls(self.folder, detail=False)]
        except FileNotFoundError:
            return []

    def _path(self, number: int) -> str:
        return str(self._client.pathlib.join(self.folder, f"{number:012}.json"))


def _to_text(entry: Entry) -> str:
    return json.dumps(asdict(entry))
