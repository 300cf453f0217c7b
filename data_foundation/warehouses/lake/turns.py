"""Turns: one process after the other may write to a table of a lake, on whatever machine, by no clock that two share.

The folder `_dlt_turns/<table>` has numbered files. The store lets only one process create a file, so one process only
takes each turn: it creates the file with the next number. It rewrites its file every few seconds; a process that waits
takes the next turn once the newest file has not changed for some time, or once its holder has ended. To land, a load
creates the file after its own: a process that has lost its turn, however late it wakes up, finds that file created.
The newest file is never removed, so numbers only grow.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Self

from data_foundation.errors import LoadOvertaken, ResourceBusy, WarehouseError
from data_foundation.warehouses.lake.turn_files import Entry, Holder, Note, TurnFiles

logger = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
"""Interval at which the holder of a turn rewrites its file."""

SILENT_SECONDS = 30.0
"""Time without a change, by the clock of the process that waits, after which a turn is taken over."""

WAIT_SECONDS = 600.0
"""How long a load waits for its turn."""

POLL_SECONDS = (0.1, 1.0)
"""Shortest and longest interval at which it looks."""


class Turn:
    """The turn of this process; as a context, it keeps the turn's file changing.

    Attributes:
        number: Its number.
        entry: Its content.
        files: The files of all turns of the table.
        is_landing: True if the load may count although `land` has failed, as the store has not answered.
    """

    def __init__(self, files: TurnFiles, number: int, entry: Entry) -> None:
        self.number, self.entry = number, entry
        self.files = files
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self.is_landing = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._beat, name="turn of a lake", daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()

    def is_current(self) -> bool:
        """Returns True if no other process has taken the next turn, and this load has not landed."""
        return self.files.numbers()[-1:] == [self.number]

    def check(self) -> None:
        """Continues unless the turn is lost.

        Raises:
            LoadOvertaken: Another process has taken the next turn.
        """
        if not self.is_current():
            raise self.overtaken()

    def earlier(self) -> Iterator[tuple[int, Entry]]:
        """Yields the turns that left something to finish or to undo, the newest first; a free one has left nothing."""
        for number in range(self.number - 1, -1, -1):
            entry = self.files.read(number)
            if entry is None or entry.state == "free":
                return
            yield number, entry
            if entry.is_mended:
                return

    def announce(self, note: Note | None) -> None:
        """Writes what the load will change, so that whoever takes over can undo it.

        Raises:
            LoadOvertaken: Another process has taken the next turn, and may have missed the note.
        """
        self.entry.note, self.entry.is_mended = note, True
        self._write()
        self.check()

    def land(self, files: Mapping[str, str]) -> None:
        """Makes the load count, if no other process has taken the next turn.

        Args:
            files: Content by path of the files to write now.

        Raises:
            LoadOvertaken: Another process has; nothing of this load counts.
        """
        now = Entry(**{**vars(self.entry), "state": "landed", "files": dict(files), "token": uuid.uuid4().hex})
        spare = {
            path.replace("\\", "/").partition("/")[0]: (path, text) for path, text in {**now.spare, **files}.items()
        }
        now.spare = dict(spare.values())
        self.is_landing = True
        if not self.files.create(self.number + 1, now) or not self._has_landed(now):
            self.is_landing = False
            raise self.overtaken()
        with self._lock:
            self.number, self.entry = self.number + 1, now

    def _has_landed(self, now: Entry) -> bool:
        """Returns whether the created file is a turn; it is none if a later process has removed one of that number."""
        for number in range(self.files.numbers()[-1], self.number + 1, -1):
            entry = self.files.read(number)
            if entry is None or entry.state != "writing" or entry.is_mended:
                # Whoever took over has finished this load, or never saw it.
                return self.files.has_any(now.files)
        return True

    def end(self) -> None:
        """Frees the turn, and removes those before it."""
        self._ended.set()
        self.entry.state, self.entry.note, self.entry.files = "free", None, {}
        self._write()
        self.files.remove_before(self.number)

    def overtaken(self) -> LoadOvertaken:
        """Returns the error of a load that has lost its turn, naming who has the newest."""
        newest = self.files.numbers()[-1:]
        entry = self.files.read(newest[0]) if newest else None
        who = f"by {entry.holder}" if entry and entry.holder else "by another process"
        return LoadOvertaken(f"overtaken {who}, which took the turn because this process had not been heard of")

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            # If the store cannot be reached, the load finds out by itself.
            with suppress(Exception):
                self.entry.beat += 1
                self._write()

    def _write(self) -> None:
        with self._lock:
            self.files.write(self.number, self.entry)


def take(files: TurnFiles, holder: Holder, check: Callable[[], None] = lambda: None) -> Turn:
    """Takes the next turn of a table, after waiting for the process that has it.

    Args:
        files: The turns of the table.
        holder: This process; it holds the table's lock on its machine.
        check: Called again and again while this process waits; an error that it raises ends the wait.

    Raises:
        ResourceBusy: The turn was not free within `WAIT_SECONDS`; the message names its holder.
        WarehouseError: The store cannot say who created a file.
    """
    patience = _Patience()
    while True:
        numbers = files.numbers()
        entry = files.read(numbers[-1]) if numbers else None
        if numbers and entry is None:
            time.sleep(POLL_SECONDS[0])  # the next turn has ended meanwhile
            continue
        number = numbers[-1] + 1 if numbers else 0
        if (
            entry is None
            or entry.state == "free"
            or holder.has_lock_of(entry.holder)
            or patience.is_over(number, entry)
        ):
            mine = Entry("writing", holder, spare=entry.spare if entry else {}, late=entry.late if entry else {})
            if files.create(number, mine):
                _refuse_unsafe(files, number, holder)
                return Turn(files, number, mine)
            continue
        check()
        patience.wait(entry)


class _Patience:
    """How long the newest turn has not changed, and how long to wait for it."""

    def __init__(self) -> None:
        self._began = self._changed = time.monotonic()
        self._seen: tuple[int, str, int] | None = None
        self._seconds = POLL_SECONDS[0]

    def is_over(self, number: int, entry: Entry) -> bool:
        """Returns True if the holder has not been heard of for too long."""
        seen = (number, entry.token, entry.beat)
        if seen != self._seen:
            self._seen, self._changed = seen, time.monotonic()
        return time.monotonic() - self._changed >= SILENT_SECONDS

    def wait(self, entry: Entry) -> None:
        """Waits a moment.

        Raises:
            ResourceBusy: This process has waited long enough.
        """
        if time.monotonic() - self._began > WAIT_SECONDS:
            message = f"being written for more than {WAIT_SECONDS:g} s by {entry.holder}; wait for it, or stop it"
            raise ResourceBusy(message)
        if self._seconds == POLL_SECONDS[0]:
            logger.info("waiting for %s", entry.holder)
        time.sleep(self._seconds)
        self._seconds = min(self._seconds * 1.5, POLL_SECONDS[1])


def _refuse_unsafe(files: TurnFiles, number: int, holder: Holder) -> None:
    """Refuses a store that creates a file twice, when the first load of a table begins.

    Raises:
        WarehouseError: It does.
    """
    if number == 0 and files.create(0, Entry("writing", holder)):
        message = (
            "the store of the lake ignores the condition `If-None-Match: *` of a write, so two machines could load a "
            "table at once; use a store that keeps it, as S3 and Azure do"
        )
        raise WarehouseError(message)
