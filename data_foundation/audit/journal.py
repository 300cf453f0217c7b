"""A file of lines that many processes append to, and how much of it has been taken elsewhere."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

logger = logging.getLogger(__name__)

MOST_BYTES = 4 * 1024 * 1024
"""Size at which a new file is begun; one older file is kept, so a journal never takes more than about twice this."""

MOST_BYTES_UNTAKEN = 4 * MOST_BYTES
"""Size at which a new file is begun although lines of the old one were never taken."""


class Journal:
    """Lines in files of a folder: `<name>.jsonl`, and `<name>.1.jsonl` with the older ones.

    Two locks of the operating system, free the moment their holder is gone: a short one for whoever changes the files,
    and one for whoever takes lines, which may last as long as it takes.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.file = folder / f"{name}.jsonl"
        self._older = folder / f"{name}.1.jsonl"
        self._mark = folder / f"{name}.taken"
        self._changing = FileLock(folder / f"{name}.lock")
        self._taking = FileLock(folder / f"{name}.taken.lock")

    def append(self, line: str) -> None:
        """Adds a line, in one write; the file is readable by its owner alone.

        Raises:
            OSError: The disk is full, or the folder cannot be written.
        """
        self._make_folder()
        with self._changing:
            self._begin_new_file()
            descriptor = os.open(self.file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                size = os.fstat(descriptor).st_size
                # A full disk may have cut the last line short: it must not swallow this one.
                start = "\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else ""
                os.write(descriptor, f"{start}{line}\n".encode())
            finally:
                os.close(descriptor)

    def lines(self) -> list[str]:
        """Returns every line there is, the oldest first."""
        texts = [file.read_text(encoding="utf-8") for file in (self._older, self.file) if file.exists()]
        return [line for text in texts for line in text.splitlines()]

    @contextmanager
    def untaken(self, seconds: float) -> Iterator[list[str]]:
        """Yields the lines that nobody has taken; they count as taken when the block ends without an error.

        A process killed in between has them yielded once more, so whoever takes them must know them again.

        Args:
            seconds: How long to wait for another who takes lines.

        Raises:
            TimeoutError: Another still does.
        """
        self._make_folder()
        with self._taking.acquire(timeout=seconds):
            with self._changing:
                number, start = self._taken()
                data = self.file.read_bytes()[start:] if self.file.exists() else b""
            complete = data[: data.rfind(b"\n") + 1]
            yield complete.decode().splitlines()
            if complete:
                with self._changing:
                    self._set_taken(number, start + len(complete))

    def _make_folder(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _begin_new_file(self) -> None:
        size = self.file.stat().st_size if self.file.exists() else 0
        if size < MOST_BYTES:
            return
        untaken = size - self._taken()[1]
        if untaken and size < MOST_BYTES_UNTAKEN:
            return
        if untaken:
            logger.warning("%s: %s bytes of lines were never taken; they stay in %s", self.file, untaken, self._older)
        self.file.replace(self._older)

    def _taken(self) -> tuple[int, int]:
        """Returns the file's number (its inode) and how many bytes of it were taken: none of a file that is new."""
        if not self.file.exists():
            return 0, 0
        status = self.file.stat()
        try:
            number, taken = map(int, self._mark.read_text(encoding="ascii").split())
        except (OSError, ValueError):
            return status.st_ino, 0
        return status.st_ino, taken if number == status.st_ino and taken <= status.st_size else 0

    def _set_taken(self, number: int, taken: int) -> None:
        partial = self._mark.with_suffix(".partial")
        partial.write_text(f"{number} {taken}", encoding="ascii")
        partial.replace(self._mark)
