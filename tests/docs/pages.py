"""Parses the documentation: fenced blocks with their titles, and code in prose."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from typing_extensions import override

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r'^(?P<indent> *)```(?P<language>\w*)(?: title="(?P<title>[^"]+)")?$')
UNCHECKED = re.compile(r"<!-- unchecked: (.+) -->")
INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        page: The page's path in the repository.
        line: Line of the opening fence.
        language: The fence's first word, for instance yaml.
        title: The file that the block shows, "" for a fragment.
        text: The lines between the fences.
        unchecked: Why no test checks it, "" if one does.
    """

    page: str
    line: int
    language: str
    title: str
    text: str
    unchecked: str

    @override
    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@cache
def page_files() -> tuple[Path, ...]:
    """Returns every page for users and contributors."""
    return (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))


@cache
def all_blocks() -> tuple[Block, ...]:
    """Returns the fenced blocks of all pages, in order."""
    return tuple(block for file in page_files() for block in find_blocks(file))


def find_blocks(file: Path) -> Iterator[Block]:
    """Yields the fenced blocks of a page.

    Raises:
        ValueError: A fence is not closed, or is followed by unknown words.
    """
    page, lines = file.relative_to(ROOT).as_posix(), enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
    before = ""
    for number, line in lines:
        if line.lstrip().startswith("```"):
            opening = FENCE.match(line)
            if not opening:
                message = f'{page}:{number}: got {line}; accepted: ```language, or ```language title="file"'
                raise ValueError(message)
            indent = len(opening["indent"])
            inside = []
            for _, text in lines:
                if text.strip() == "```":
                    break
                inside.append(text[indent:])
            else:
                message = f"{page}:{number}: the block is not closed"
                raise ValueError(message)
            reason = UNCHECKED.match(before.strip())
            text = "\n".join(inside) + "\n"
            unchecked = reason[1] if reason else ""
            yield Block(page, number, opening["language"], opening["title"] or "", text, unchecked)
        before = line or before


def prose(file: Path) -> str:
    """Returns a page without its fenced blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def inline_code(file: Path) -> Iterator[str]:
    """Yields the code in a page's prose."""
    yield from (" ".join(found.split()) for found in INLINE.findall(prose(file)))
