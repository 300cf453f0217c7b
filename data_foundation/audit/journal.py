"""A file of lines that many processes append to, with a mark up to which lines were copied elsewhere."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

logger = logging.getLogger(__name__)

MOST_BYTES = 4 * 1024 * 1024
"""Size at which a new file is begun; one older file is kept, so a journal takes at most about twice this."""

MOST_BYTES_UNCOPIED = 4 * MOST_BYTES
"""Size at which a new file is begun although lines of the old one were not copied yet."""


class Journal:
    """Lines in two files of a folder: `<name>.jsonl`, and `<name>.1.jsonl` with older lines.

    Two locks of the operating system, which are released as soon as their holder ends, guard it: one is held briefly
    while the files change, the other while lines are copied, which may take long.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.file = folder / f"{name}.jsonl"
        self._older = folder / f"{name}.1.jsonl"
        self._mark = folder / f"{name}.taken"
        self._file_lock = FileLock(folder / f"{name}.lock")
        self._copy_lock = FileLock(folder / f"{name}.taken.lock")

    def append(self, line: str) -> None:
        """Appends a line in one write; the file is readable by its owner alone.

        Raises:
            OSError: The disk is full, or the folder is not writable.
        """
        self._make_folder()
        with self._file_lock:
            self._begin_new_file()
            descriptor = os.open(self.file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                size = os.fstat(descriptor).st_size
                # A full disk may have cut the last line short; without a line break this line would be lost with it.
                start = "\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else ""
                os.write(descriptor, f"{start}{line}\n".encode())
            finally:
                os.close(descriptor)

    def lines(self) -> list[str]:
        """Returns the lines of both files, the oldest first."""
        texts = [file.read_text(encoding="utf-8") for file in (self._older, self.file) if file.exists()]
        return [line for text in texts for line in text.splitlines()]

    @contextmanager
    def uncopied(self, seconds: float) -> Iterator[list[str]]:
        """Yields the lines that were not copied yet; they are marked as copied if the block ends without an error.

        If the process is killed during the block they are yielded again, so copying a line twice must be harmless.

        Args:
            seconds: Maximum time to wait for another process that copies lines.

        Raises:
            TimeoutError: The other process did not finish in that time.
        """
        self._make_folder()
        with self._copy_lock.acquire(timeout=seconds):
            with self._file_lock:
                number, start = self._copied()
                data = self.file.read_bytes()[start:] if self.file.exists() else b""
            complete = data[: data.rfind(b"\n") + 1]
            yield complete.decode().splitlines()
            if complete:
                with self._file_lock:
                    self._set_copied(number, start + len(complete))

    def _make_folder(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _begin_new_file(self) -> None:
        size = self.file.stat().st_size if self.file.exists() else 0
        if size < MOST_BYTES:
            return
        uncopied = size - self._copied()[1]
        if uncopied and size < MOST_BYTES_UNCOPIED:
            return
        if uncopied:
            logger.warning(
                "%s: %s bytes of lines were never copied to the warehouse; they stay in %s",
                self.file,
                uncopied,
                self._older,
            )
        self.file.replace(self._older)

    def _copied(self) -> tuple[int, int]:
        """Returns the file's inode and the number of its bytes that were copied, 0 for a new file."""
        if not self.file.exists():
            return 0, 0
        status = self.file.stat()
        try:
            number, copied = map(int, self._mark.read_text(encoding="ascii").split())
        except (OSError, ValueError):
            return status.st_ino, 0
        return status.st_ino, copied if number == status.st_ino and copied <= status.st_size else 0

    def _set_copied(self, number: int, copied: int) -> None:
        partial = self._mark.with_suffix(".partial")
        partial.write_text(f"{number} {copied}", encoding="ascii")
        partial.replace(self._mark)
