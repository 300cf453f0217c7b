"""The folders of tests: in memory, where the system has a disk for that, and removed in time."""

import itertools
import os
import shutil
import tempfile
from collections import deque
from pathlib import Path

MEMORY_DISK = Path("/dev/shm")  # noqa: S108 - pytest creates a private folder in it
SPACE = 4 * 2**30
"""Bytes that must be free, of which the tests need a part: the folder of a container is often 64 MB."""


def use_memory_disk() -> None:
    """Lets temporary files be made in memory, unless `TMPDIR` names a folder, or the one in memory does not suit.

    Tests make and remove some hundred thousand small files; on a disk they wait for it half of the time.
    """
    if "TMPDIR" not in os.environ and MEMORY_DISK.is_dir() and _suits(os.statvfs(MEMORY_DISK)):
        # Processes that tests start, and those of pytest-xdist, inherit it.
        os.environ["TMPDIR"] = str(MEMORY_DISK)
        tempfile.tempdir = None


def _suits(disk: os.statvfs_result) -> bool:
    """Returns whether there is space, and programs can be started from there, as tests do."""
    return disk.f_bavail * disk.f_frsize >= SPACE and not disk.f_flag & (os.ST_NOEXEC | os.ST_RDONLY)


class Folders:
    """Folders of tests, removed some tests later: a thread that a test has left may still look at its own.

    No two have one path, because what this process knows of a path may be of the former one.
    """

    MOST = 60
    """The newest that are kept, of some megabytes each."""

    def __init__(self) -> None:
        self._kept: deque[Path] = deque()
        self._numbers = itertools.count()

    def next_number(self) -> int:
        """Returns the number of the next folder of this process."""
        return next(self._numbers)

    def keep(self, folder: Path) -> Path:
        """Keeps a folder for now, and returns it."""
        self._kept.append(folder)
        if len(self._kept) > self.MOST:
            shutil.rmtree(self._kept.popleft(), ignore_errors=True)
        return folder
