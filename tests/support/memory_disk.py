"""A folder in memory for the files of tests, where the system has one."""

import os
import tempfile
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
