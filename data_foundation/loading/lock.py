"""One run of a resource at a time: a lock that goes with the process that holds it, and who that is."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout
from typing_extensions import override

from data_foundation.errors import ResourceBusy

WAIT_SECONDS = 600.0
"""How long a run waits for another run of the same resource."""


@dataclass(frozen=True)
class Holder:
    """Who loads a resource.

    Attributes:
        run_id: Of the run.
        pid: Its process.
        host: Where that runs.
        since: When it began, in UTC, ISO 8601.
    """

    run_id: str
    pid: int
    host: str
    since: str

    @override
    def __str__(self) -> str:
        return f"run {self.run_id}, process {self.pid} on {self.host}, since {self.since}"


@contextmanager
def hold(
    folder: Path, name: str, run_id: str, waiting: Callable[[str], None], seconds: float = WAIT_SECONDS
) -> Iterator[Holder | None]:
    """Holds the lock `name` until the block ends; yields who held it last and was killed, None where nobody was.

    The lock is the operating system's, on a file in `folder`: it works across threads and processes of one machine,
    and is free the moment its holder is gone.

    Args:
        folder: Where locks are; it is made, readable by its owner alone.
        name: Of the resource's pipeline.
        run_id: Told to whoever waits.
        waiting: Told once who holds the lock, if somebody does.
        seconds: How long to wait.

    Raises:
        ResourceBusy: After `seconds`, naming the holder.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)  # one that was there before
    lock, card = FileLock(folder / f"{name}.lock"), folder / f"{name}.holder"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waiting(f"waiting for {_told(card)}")
        try:
            lock.acquire(timeout=seconds)
        except Timeout:
            message = f"held for more than {seconds:g} s by {_told(card)}; wait for it, or stop it"
            raise ResourceBusy(message) from None
    try:
        killed = _read(card)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        card.write_text(json.dumps(asdict(Holder(run_id, os.getpid(), socket.gethostname(), since))), encoding="utf-8")
        yield killed
    finally:
        # Only a killed process leaves its card; one that failed says so itself.
        card.unlink(missing_ok=True)
        lock.release()


def _read(card: Path) -> Holder | None:
    """Returns who left the card, None where there is none or it was cut short."""
    try:
        return Holder(**json.loads(card.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _told(card: Path) -> str:
    holder = _read(card)
    return str(holder) if holder else "another run"
