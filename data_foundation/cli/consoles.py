"""The consoles that every command prints to, and what several commands print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from data_foundation.errors import Problem

out = Console(width=None if Console().is_terminal else 140)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def print_problems(problems: Sequence[Problem]) -> None:
    """Prints the errors of a source's configuration, one on a line."""
    for problem in problems:
        err.print(escape(str(problem)))


def counted(count: int, noun: str) -> str:
    """Returns a count with its noun, for instance `1 source` or `2 sources`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
