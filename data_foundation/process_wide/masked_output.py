"""Masks secrets in what this process and its child processes write to stdout and stderr."""

from __future__ import annotations

import codecs
import os
import select
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any, TextIO, cast

from data_foundation.process_wide.redaction import open_end, redact

LONGEST_LINE = 1 << 16
"""Characters of a line without end that are kept back, so that a secret in several writes is seen as a whole."""

_STDOUT, _STDERR = 1, 2

QUIET_SECONDS = 0.05
"""Time without output of child processes after which their last line is shown, although it has no end."""

END_SECONDS = 1.0
"""Longest wait for output of child processes at the end; one that runs on keeps its masked output."""


@contextmanager
def redacted_output() -> Iterator[None]:
    """Masks what Python code and child processes print until the block ends.

    Output belongs to the process: with several threads in such a block, it is masked until the last one leaves.
    """
    _output.enter()
    try:
        yield
    finally:
        _output.leave()


@contextmanager
def diverted_stdout() -> Iterator[TextIO]:
    """Sends to stderr what Python code, libraries and child processes write to stdout; yields the former stdout."""
    stdout = sys.stdout
    below = stdout._below if isinstance(stdout, MaskedStream) else stdout  # noqa: SLF001 - of this module
    with suppress(OSError, ValueError, AttributeError):  # a test's stream has no descriptor
        if below.fileno() == _STDOUT:
            below.flush()
            below = os.fdopen(os.dup(_STDOUT), "w", 1, below.encoding, below.errors)
            stdout = cast("TextIO", MaskedStream(below, stdout))
    with redirect_stdout(sys.stderr), _moved(_STDOUT, _STDERR):
        yield stdout
        stdout.flush()


@contextmanager
def _moved(number: int, to: int) -> Iterator[None]:
    """Replaces a file descriptor of the process until the block ends."""
    former = None
    with suppress(OSError):  # the process may have been started without one of them
        former = os.dup(number)
        os.dup2(to, number)
    try:
        yield
    finally:
        if former is not None:
            os.dup2(former, number)
            os.close(former)


def finish_output() -> None:
    """Writes what was kept back, before the process ends without Python's own end."""
    _output.finish()


class _Output:
    """The process's output, masked while a thread is inside `redacted_output`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._former: tuple[TextIO, TextIO] = (sys.stdout, sys.stderr)
        self._masked: tuple[MaskedStream, ...] = ()
        self._pipes: tuple[_ChildPipe, ...] = ()

    def enter(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside > 1:
                return
            self._former = sys.stdout, sys.stderr
            self._pipes = tuple(_open_pipes())
            self._masked = tuple(MaskedStream(self._below(stream), stream) for stream in self._former)
            sys.stdout, sys.stderr = (cast("TextIO", stream) for stream in self._masked)

    def _below(self, stream: TextIO) -> TextIO:
        """Returns the stream that writes past the pipe of child processes, so that output is masked once."""
        with suppress(OSError, ValueError, AttributeError):
            number = stream.fileno()
            for pipe in self._pipes:
                if pipe.number == number:
                    stream.flush()
                    return open(pipe.former, "w", 1, stream.encoding, stream.errors, closefd=False)
        return stream

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                sys.stdout, sys.stderr = self._former
                self._finish()
                self._masked, self._pipes = (), ()

    def finish(self) -> None:
        with self._lock:
            self._finish()

    def _finish(self) -> None:
        for stream in self._masked:
            with suppress(OSError, ValueError):
                stream.finish()
        for pipe in self._pipes:
            pipe.end()


_output = _Output()


class MaskedStream:
    """A stream that masks text before it writes it to another stream.

    A line is written when it ends, or when the stream is flushed. What may be the beginning of a secret waits for the
    text after it.
    """

    def __init__(self, below: TextIO, former: TextIO) -> None:
        """Writes nothing yet.

        Args:
            below: Where the masked text is written.
            former: The stream whose place this one takes. Bytes are written to it, and child processes receive it.
        """
        self._below, self._former = below, former
        self._kept: dict[int, str] = {}

    def write(self, text: str) -> int:
        """Writes the lines that are complete."""
        thread = threading.get_ident()
        pending = self._kept.pop(thread, "") + text
        ready = pending.rfind("\n") + 1
        if ready:
            ready -= open_end(pending[:ready], is_line=True)
        elif len(pending) > LONGEST_LINE:
            ready = len(pending) // 2
        self._write(thread, pending, ready)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Writes several texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Writes what this thread has written, but for the beginning of a secret."""
        thread = threading.get_ident()
        if pending := self._kept.pop(thread, ""):
            self._write(thread, pending, len(pending) - open_end(pending, is_line=pending.endswith("\n")))
        self._below.flush()

    def finish(self) -> None:
        """Writes everything."""
        while self._kept:
            self._below.write(redact(self._kept.popitem()[1]))
        self._below.flush()

    @property
    def buffer(self) -> Any:
        """The stream of bytes, which are masked in the pipe of child processes."""
        return self._former.buffer

    def fileno(self) -> int:
        """Returns the file descriptor, that of the pipe of child processes."""
        return self._former.fileno()

    def _write(self, thread: int, pending: str, ready: int) -> None:
        if pending[ready:]:
            self._kept[thread] = pending[ready:]
        if ready:
            self._below.write(redact(pending[:ready]))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._below, name)


def _open_pipes() -> Iterator[_ChildPipe]:
    for number in (1, 2):
        if os.name == "posix":
            with suppress(OSError):  # the process may have been started without it
                yield _ChildPipe(number)


class _ChildPipe:
    """A pipe in the place of stdout or stderr, which child processes inherit; a thread masks what they write.

    Attributes:
        number: 1 for stdout, 2 for stderr.
        former: The file descriptor that was in this place.
    """

    def __init__(self, number: int) -> None:
        self.number, self.former = number, os.dup(number)
        self._outlet, inlet = os.pipe()
        os.dup2(inlet, number)
        os.close(inlet)
        self._own = os.fstat(number)
        self._thread = threading.Thread(target=self._pass_on, name="child output", daemon=True)
        self._thread.start()

    def _pass_on(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        with open(self.former, "w", encoding="utf-8", errors="surrogateescape", closefd=False) as below:
            stream = MaskedStream(below, below)
            with suppress(OSError):  # nobody reads the output any more
                while True:
                    if not select.select([self._outlet], [], [], QUIET_SECONDS)[0]:
                        stream.flush()
                        select.select([self._outlet], [], [])
                    if not (data := os.read(self._outlet, LONGEST_LINE)):
                        break
                    stream.write(decoder.decode(data))
                stream.finish()
        os.close(self._outlet)

    def end(self) -> None:
        """Puts the former descriptor back, if this pipe is still in its place, and waits for the output before."""
        with suppress(OSError):
            if os.path.samestat(os.fstat(self.number), self._own):
                os.dup2(self.former, self.number)
            self._thread.join(END_SECONDS)
            if not self._thread.is_alive():
                os.close(self.former)
