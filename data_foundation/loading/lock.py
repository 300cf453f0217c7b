"""The lock of a resource: one run at a time on a machine; it is released if the process that holds it ends."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout
from typing_extensions import override

from data_foundation.errors import ResourceBusy
from data_foundation.warehouses.base import WORK_FOLDER

WAIT_SECONDS = 600.0
"""How long a run waits for another run of the same resource."""

CHECK_SECONDS = 0.5
"""Interval of the checks for a stop of a run that waits."""


@dataclass(frozen=True)
class Holder:
    """The run that holds a lock.

    Attributes:
        run_id: Id of the run.
        pid: Id of its process.
        host: Name of the process's machine.
        since: Time at which it got the lock, in UTC, ISO 8601.
    """

    run_id: str
    pid: int
    host: str
    since: str

    @override
    def __str__(self) -> str:
        return f"run {self.run_id}, process {self.pid} on {self.host}, since {self.since}"


@contextmanager
def hold(  # noqa: PLR0913 - a lock, who holds it, and how it is waited for
    folder: Path,
    name: str,
    run_id: str,
    on_waiting: Callable[[str], None],
    *,
    seconds: float = WAIT_SECONDS,
    check: Callable[[], None] = lambda: None,
) -> Iterator[Holder | None]:
    """Holds the lock `name` during the block; yields the last holder if it was killed, else None.

    It is a lock of the operating system on a file in `folder`: it works across threads and processes of one machine,
    and is released as soon as its holder ends.

    Args:
        folder: Folder of the locks; it is created, readable by its owner alone.
        name: Name of the lock, for a resource that of its pipeline.
        run_id: Id of this run, shown to runs that wait for it.
        on_waiting: Called once, with a message that names the holder, if this run has to wait.
        seconds: Maximum time to wait.
        check: Called again and again while this run waits; an error that it raises ends the wait.

    Raises:
        WarehouseError: The folder cannot be created.
        ResourceBusy: The lock was not released within `seconds`; the message names the holder.
    """
    WORK_FOLDER.create(folder, mode=0o700)
    folder.chmod(0o700)  # mkdir leaves the mode of an existing folder
    lock, card = FileLock(folder / f"{name}.lock"), folder / f"{name}.holder"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        on_waiting(f"waiting for {_describe_holder(card)}")
        if not _wait(lock, seconds, check):
            message = f"held for more than {seconds:g} s by {_describe_holder(card)}; wait for it, or stop it"
            raise ResourceBusy(message) from None
    try:
        killed = _read(card)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        card.write_text(json.dumps(asdict(Holder(run_id, os.getpid(), socket.gethostname(), since))), encoding="utf-8")
        yield killed
    finally:
        # Only a killed process leaves its card; a run that fails records its failure itself.
        card.unlink(missing_ok=True)
        lock.release()


def _wait(lock: FileLock, seconds: float, check: Callable[[], None]) -> bool:
    """Returns whether the lock was acquired within `seconds`."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        check()
        with suppress(Timeout):
            lock.acquire(timeout=min(left, CHECK_SECONDS))
            return True
    return False


def _read(card: Path) -> Holder | None:
    """Returns the holder that wrote the card, None if there is no card or it is incomplete."""
    try:
        return Holder(**json.loads(card.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _describe_holder(card: Path) -> str:
    holder = _read(card)
    return str(holder) if holder else "another run"
