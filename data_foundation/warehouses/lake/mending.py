"""Finishes or undoes what a process has left that lost its turn: killed, cut off from the lake, or paused."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING

from data_foundation.errors import WarehouseError
from data_foundation.warehouses.lake.turn_files import Entry, Note
from data_foundation.warehouses.lake.whole_files import read_text, write_whole

if TYPE_CHECKING:
    from data_foundation.warehouses.lake.dataset_files import DatasetFiles
    from data_foundation.warehouses.lake.turns import Turn

logger = logging.getLogger(__name__)

FORMER_FOLDER = "_dlt_unfinished"
"""Folder of the notes of earlier versions, which had no turns; the paths in such a note are whole ones."""

LATE_LOADS = 20
"""Loads that look for files of rows that a process has written after it lost its turn."""

_LOAD_ID = re.compile(r"\d{9,}\.\d+")


def mend(files: DatasetFiles, turn: Turn) -> None:
    """Finishes the loads of earlier turns that have landed, and undoes all others.

    Raises:
        LoadOvertaken: Another process has taken the next turn meanwhile.
    """
    for number, entry in turn.earlier():
        if entry.state == "unreadable":
            where = turn.files.set_aside(number)
            logger.warning("turn %s of %s was damaged and was set aside: %s", number, files.schema.name, where)
            _undo_unknown(files, turn)
        elif entry.state == "landed":
            finish(files, entry)
            break
        elif entry.note:
            undo(files, turn, entry.note, is_own=False)
    if turn.number == 0:
        _mend_former(files, turn)
    for path, left in turn.entry.late.items():
        files.delete(files.absolute(path))
        turn.entry.late[path] = left - 1
    turn.entry.late = {path: left for path, left in turn.entry.late.items() if left}
    if files.is_local_filesystem:
        turn.files.remove_partial()


def finish(files: DatasetFiles, landed: Entry) -> None:
    """Writes dlt's files of a landed load and deletes what it replaces; may be repeated."""
    for path, text in landed.files.items():
        write_whole(files, files.absolute(path), text)
    for path in landed.note.obsolete if landed.note else ():
        files.delete(files.absolute(path))


def undo(files: DatasetFiles, turn: Turn, note: Note, *, is_own: bool) -> None:
    """Undoes a load that has not landed.

    Args:
        files: The files of the dataset.
        turn: The turn of this process.
        note: What the load changes.
        is_own: True if the load is this process's own; any other may still be at work.

    Raises:
        LoadOvertaken: Another process has taken the next turn meanwhile.
    """
    for table, version in note.versions.items():
        if files.open_format:
            files.open_format.undo(files, table, version, note.load_id, turn.check, is_own=is_own)
    for path in note.added:
        # A load has paths of its own: they can be deleted at any time.
        files.delete(files.absolute(path))
    if not is_own:
        turn.entry.late.update(dict.fromkeys(note.added, LATE_LOADS))


def _undo_unknown(files: DatasetFiles, turn: Turn) -> None:
    """Undoes the load whose note is damaged: what is newer than all loads that have landed."""
    landed = files.landed_ids()
    stored = files.get_stored_schema(files.schema.name)
    names = json.loads(stored.schema)["tables"] if stored else {files.schema.name: {}}
    for name in names:
        if files.is_dlt_table(name):
            continue
        if files.open_format:
            files.open_format.undo_unlanded(files, name, set(landed), turn.check)
            continue
        for path in files.table_files(name):
            load_id = _LOAD_ID.search(files.pathlib.basename(path))
            if load_id and (not landed or float(load_id[0]) > float(landed[-1])):
                files.delete(path)


def has_former_note(files: DatasetFiles) -> bool:
    """Returns True if an earlier version of this project has left an unfinished load."""
    return bool(files.fs_client.exists(_former_note(files)))


def _former_note(files: DatasetFiles) -> str:
    return files.absolute(f"{FORMER_FOLDER}/{files.schema.name}.json")


def _mend_former(files: DatasetFiles, turn: Turn) -> None:
    """Finishes or undoes the load that an earlier version of this project has left.

    Raises:
        WarehouseError: Its note is damaged.
    """
    path = _former_note(files)
    text = read_text(files, path)
    if text is None:
        return
    try:
        note = Note(**json.loads(text))
    except (ValueError, TypeError):
        if files.open_format:
            # Only the note knows which versions of the tables were those before the load.
            message = (
                f"{path} is damaged: restore the tables to their versions before the load that wrote it, and delete it"
            )
            raise WarehouseError(message) from None
        where = f"{path}.unreadable"
        write_whole(files, where, text)
        logger.warning("the note %s was damaged and was set aside: %s", path, where)
        _undo_unknown(files, turn)
    else:
        note.added, note.obsolete = ([files.relative(item) for item in paths] for paths in (note.added, note.obsolete))
        if note.load_id in files.landed_ids():
            finish(files, Entry("landed", None, note=note))
        else:
            undo(files, turn, note, is_own=True)
    files.delete(path)
