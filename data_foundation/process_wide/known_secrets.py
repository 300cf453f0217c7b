"""The secrets that this process knows, and where a text contains one, in whatever spelling."""

from __future__ import annotations

import base64
import json
import re
import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from urllib.parse import quote

from data_foundation.process_wide.text_views import View, decoded_texts, decoded_views

MASK = "***"
SHORTEST = 6
"""Characters of the shortest masked value: shorter ones occur in too many texts by chance."""

SHORTEST_NUMBER = 8
"""The same for a value of digits only."""

COMMON = frozenset({"access", "bearer", "changeme", "default", "disable", "duckdb", "example", "localhost", "password",
                    "passwd", "prefer", "public", "require", "sandbox", "secret", "secrets", "snowflake", "string",
                    "unknown", "verify-ca", "verify-full"})  # fmt: skip
"""Common words, never masked, whatever setting holds them."""

LONG, PIECE = 24, 12
"""Of a value of LONG characters or more, each piece of PIECE characters is masked too: texts are often cut."""

MANY_CHANGES = 5
"""Changes of case in a piece of letters that show that it was generated."""

BLOCK = 6
"""Length of the pieces of a text that are looked up: one begins at every sixth character."""

ALIGNED = 2 * BLOCK - 1
"""Length from which a part of a text contains a whole such piece; what is shorter is searched for as a whole."""

OPEN = 4
"""Fewest characters at the end of a line that may be continued in the next line."""

LONGEST_BEGINNING, LONGEST_TAIL = 96, 1_000
"""Most characters of a beginning that is recognised at the end of what was written, and of its spelling there."""

_HALF_ESCAPE = re.compile(
    r"(?:%[C-Fc-f][0-9A-Fa-f](?:%[89ABab][0-9A-Fa-f]){0,2}(?:%[0-9A-Fa-f]?)?|%(?:u[0-9A-Fa-f]{0,3}|[0-9A-Fa-f])?|\x1b(?:\[[0-9;]*)?|&#?\w{0,6}|\\[uUx]?[0-9A-Fa-f]{0,7})$"
)
"""An escape at the end of a text that the text after it completes."""

_BORDER = " \t\r\n│|"
_WORD = re.compile(r"[^\s'\",;&()<>]*")


@dataclass(frozen=True)
class Spelling:
    """A secret as texts may spell it.

    Attributes:
        original: The whole spelling.
        text: The same in lower case.
        shortest: Fewest characters of it that are masked.
        is_common: False for a spelling inside of another one, which no line break divides.
    """

    original: str
    shortest: int
    is_common: bool = True
    text: str = field(init=False)

    def __post_init__(self) -> None:
        """Sets the text in lower case, which has as many characters."""
        object.__setattr__(self, "text", _lower(self.original))

    def spans(self, text: str, found: int, place: int, length: int) -> Iterator[tuple[int, int]]:
        """Yields the part of a text that is a piece of this secret, if it is long enough.

        Args:
            text: The text, in lower case.
            found: Where a part of both is in the text.
            place: Where it is in the spelling.
            length: Its length.
        """
        start, first = found, place
        while start and first and text[start - 1] == self.text[first - 1]:
            start, first = start - 1, first - 1
        end, last = found + length, place + length
        while end < len(text) and last < len(self.text) and text[end] == self.text[last]:
            end, last = end + 1, last + 1
        is_end = first == 0 or last == len(self.text)
        # A piece of a path, such as the name of a folder, may occur in any text.
        if end - start >= self.shortest and (is_end or _looks_generated(self.original[first:last])):
            if first == 0 and last < len(self.text):  # cut, and perhaps continued by other characters
                end += len(_WORD.match(text[end:])[0])  # type: ignore[index] # it always matches
            if first and last == len(self.text):
                start -= len(_WORD.match(text[:start][::-1])[0])  # type: ignore[index] # the same
            yield start, end


class KnownSecrets:
    """The masked values, in all their spellings."""

    def __init__(self) -> None:
        """Knows none yet."""
        self._lock = threading.Lock()
        self._values: set[str] = set()
        self._spellings: dict[str, Spelling] = {}
        self._short: tuple[str, ...] = ()
        self._blocks: frozenset[str] = frozenset()
        self._ends: frozenset[str] = frozenset()
        self._sorted: tuple[str, ...] = ()

    def add(self, values: Iterable[str]) -> None:
        """Adds values; skips those that are too short or too common."""
        with self._lock:
            if not (new := {value for value in values if _is_maskable(value)} - self._values):
                return
            self._values |= new
            made = {spelling.text: spelling for value in new for spelling in _spell(value)}
            self._spellings = {**self._spellings, **made}
            self._short = tuple(text for text in self._spellings if len(text) < ALIGNED)
            self._blocks |= {block for text in made if len(text) >= ALIGNED for block in _parts(text, BLOCK)}
            common = [text for text, spelling in made.items() if spelling.is_common]
            self._ends |= {end for text in common for end in _parts(text, OPEN)}
            self._sorted = tuple(sorted({*self._sorted, *common}))

    def mask(self, text: str) -> str:
        """Returns the text with every known secret replaced by a mask."""
        if not self._values or not any(map(self._may_contain, decoded_texts(text))):
            return text
        parts, done = [], 0
        for start, end in self._spans(text):
            if start >= done:
                parts += [text[done:start], MASK]
            done = max(done, end)
        return "".join((*parts, text[done:]))

    def _may_contain(self, text: str) -> bool:
        lower = text.lower()
        if not self._blocks.isdisjoint([lower[at : at + BLOCK] for at in range(0, len(lower), BLOCK)]):
            return True
        for short in self._short:  # noqa: SIM110 - a loop costs half of what `any` does
            if short in lower:
                return True
        return False

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """Returns start and end of each spelling of a secret in a text, sorted; they may overlap."""
        return sorted({(view.starts[first], view.ends[last - 1]) for view in decoded_views(text)
                       for first, last in self._find(view)})  # fmt: skip

    def _find(self, view: View) -> Iterator[tuple[int, int]]:
        lower = _lower(view.text)
        for at in range(0, len(lower), BLOCK):
            if (block := lower[at : at + BLOCK]) in self._blocks:
                for spelling in self._spellings.values():
                    for place in _places(spelling.text, block):
                        yield from spelling.spans(lower, at, place, BLOCK)
        for short in self._short:
            for at in _places(lower, short):
                yield at, at + len(short)

    def open_end(self, text: str, fewest: int = OPEN) -> int:
        """Returns how many characters at the end of a text may be the beginning of a secret, with line breaks between.

        Args:
            text: What was written so far.
            fewest: The smallest number that counts.
        """
        ends = {text.rstrip(_BORDER), text.rstrip(f"{_BORDER}\\=")} if text.endswith("\n") else {text}
        for one in ends | {_HALF_ESCAPE.sub("", end) for end in ends}:
            before = max(len(one) - LONGEST_TAIL, 0)
            if any(self._may_begin(decoded, fewest) for decoded in decoded_texts(one[before:])):
                found = (self._find_beginning(view, fewest) for view in decoded_views(one[before:]))
                if starts := [before + start for start in found if start is not None]:
                    inside = [last for first, last in self._spans(text) if first < min(starts) < last]
                    return len(text) - max(inside, default=min(starts))
        return 0

    def _may_begin(self, text: str, fewest: int) -> bool:
        return fewest < OPEN or _lower(text[-OPEN:]) in self._ends

    def _find_beginning(self, view: View, fewest: int) -> int | None:
        """Returns where the longest beginning of a spelling at the end of a view starts. Returns None without one."""
        end = _lower(view.text[-LONGEST_BEGINNING:])
        for length in range(len(end), fewest - 1, -1):
            tail = end[-length:]
            place = bisect_right(self._sorted, tail)
            if place < len(self._sorted) and self._sorted[place].startswith(tail):
                return view.starts[len(view.text) - length]
        return None


def _is_maskable(value: str) -> bool:
    shortest = SHORTEST_NUMBER if value.isdigit() else SHORTEST
    return len(value) >= shortest and value.lower() not in COMMON


def _spell(value: str) -> Iterator[Spelling]:
    """Yields the spellings of a value that decoding a text does not reveal: with doubled quotes, in base64, and in hex.

    What decoding makes of the value itself is a spelling too, because it is done to the whole text.
    """
    for text in decoded_texts(value):
        is_token = len(text) >= LONG and not any(map(str.isspace, text))
        yield Spelling(text, PIECE if is_token else len(text))
    for text in {value.replace("'", "''"), value.replace('"', '""'), value.replace("'", "'\\''")} - {value}:
        yield Spelling(text, len(text))
    raw = value.encode(errors="replace")
    texts = {raw, json.dumps(value)[1:-1].encode(), quote(raw, safe="").encode()}
    coded = [core for text in texts for core in _base64_cores(text)]
    for text in (raw.hex(), raw.hex(" "), raw.hex(":"), *coded):
        yield from _encoded(text, is_common=True)
    for text in coded:
        for again in (text.encode().hex(), *_base64_cores(text.encode())):
            yield from _encoded(again, is_common=False)
    for text in _base64_cores(raw.hex().encode()):
        yield from _encoded(text, is_common=False)
    yield from _spell_wide(value)


def _spell_wide(value: str) -> Iterator[Spelling]:
    """Yields the spellings of a value in UTF-16."""
    for order in ("utf-16-le", "utf-16-be"):
        wide = value.encode(order, "replace")
        for text in (wide.hex(), *_base64_cores(wide)):
            yield from _encoded(text, is_common=False)
        # Its bytes read as letters; decoding a text takes those without a value out, and blanks at the end of a line.
        if (text := wide.decode("latin-1").replace("\0", "").strip()) != value and _is_maskable(text):
            yield Spelling(text, len(text), is_common=False)


def _encoded(text: str, *, is_common: bool) -> Iterator[Spelling]:
    for one in {text, text.replace("+", "-").replace("/", "_")}:
        if len(one) >= SHORTEST:
            yield Spelling(one, PIECE if len(one) >= LONG else len(one), is_common)


def _base64_cores(raw: bytes) -> Iterator[str]:
    """Yields the constant part of base64 that contains a value, for each place that the value may have in it.

    The first and last characters also encode what is beside the value.
    """
    for before in range(3):
        yield base64.b64encode(bytes(before) + raw).decode()[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]


def _looks_generated(piece: str) -> bool:
    """Returns whether a piece has a digit, or changes between upper and lower case more often than words do."""
    changes = sum(one.isupper() != other.isupper() for one, other in pairwise(filter(str.isalpha, piece)))
    return any(map(str.isdigit, piece)) or changes >= MANY_CHANGES


def _parts(text: str, length: int) -> Iterator[str]:
    return (text[at : at + length] for at in range(len(text) - length + 1))


def _places(text: str, part: str) -> Iterator[int]:
    found = text.find(part)
    while found >= 0:
        yield found
        found = text.find(part, found + 1)


def _lower(text: str) -> str:
    """Returns a text in lower case, with as many characters as before."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(small if len(small := one.lower()) == 1 else one for one in text)
