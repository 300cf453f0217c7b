"""A pseudo-terminal of a given width, and the lines that are on its screen when a command has ended."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

SEQUENCE = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)")


def run_in_terminal(
    command: Sequence[str], cwd: Path, width: int, settings: Mapping[str, str] | None = None, typed: str = ""
) -> tuple[int, list[str]]:
    """Runs a command in a terminal, in which a person types something.

    Returns:
        Its exit code, and the lines of the screen without those that are empty.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
    environment |= {"TERM": "xterm-256color", **(settings or {})}
    process = subprocess.Popen(command, cwd=cwd, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, typed.encode())
    written = b""
    with suppress(OSError):  # the other end is closed
        while read := os.read(ours, 1 << 16):
            written += read
    os.close(ours)
    return process.wait(), [line for line in draw(written.decode(), width) if line]


def draw(written: str, width: int) -> list[str]:
    """Returns the lines of an endlessly high screen after `written`, without trailing spaces."""
    screen: list[list[str]] = [[]]
    row = column = 0
    for numbers, code, control, text in SEQUENCE.findall(written):
        if control == "\r":
            column = 0
        elif control == "\n":
            row += 1
        elif code == "A":
            row = max(0, row - int(numbers or 1))
        elif code == "K":
            screen[row] = [] if numbers == "2" else screen[row][:column]
        for character in text:
            if column == width:
                row, column = row + 1, 0
            screen += [[] for _ in range(row + 1 - len(screen))]
            screen[row] += [" "] * (column + 1 - len(screen[row]))
            screen[row][column] = character
            column += 1
        screen += [[] for _ in range(row + 1 - len(screen))]
    return ["".join(line).rstrip() for line in screen]
