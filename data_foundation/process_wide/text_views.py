"""Reads a text with its escapes decoded and its line breaks removed, and knows the place of each character."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

DEPTH = 3
"""Number of times that a text is decoded: a value may be escaped in a text that is escaped again."""

_BORDER = " \t│|\r"
_BREAK = re.compile(r"[ \t│|]*\r?\n[ \t│|]*")
_SOFT_BREAK = re.compile(r"[\\=]\r?\n")
"""The end of a line that a shell or an e-mail continues; its character may also be the text's own."""

_ESCAPED = re.compile(
    r"(%u[0-9A-Fa-f]{4}|%[0-7][0-9A-Fa-f]|(?:%[89A-Fa-f][0-9A-Fa-f])+"
    r"|&(?:\#\d{1,7}|\#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});"
    r"|\\(?:u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]{1,6}\}|U[0-9A-Fa-f]{8}|x[0-7][0-9A-Fa-f]|[01][0-7]{2}|[^\w\s]|[nrt])"
    r"|(?:\\x[89A-Fa-f][0-9A-Fa-f])+|(?:\\[23][0-7]{2})+"
    r"|=3D|(?:=[89A-F][0-9A-F])+"
    r"|\x1b\[[0-9;]*m|\x00)"
)
"""The last two are a colour of a terminal, and the bytes between the letters of UTF-16."""

_GATES = ("%", "\\", "=3D", "=C", "=E", "\x1b", "\x00")
"""Texts without one of these, and without an & before a semicolon, contain nothing to decode."""

_LETTERS = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True)
class View:
    """A text as it reads once it is decoded.

    Attributes:
        text: The decoded text.
        starts: For each of its characters, where in the original text its spelling begins.
        ends: The same for the end.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]


def decoded_texts(text: str) -> Iterator[str]:
    """Yields the text itself, and its views: the lines joined, decoded once, twice, and so on, if that changes it."""
    yield text
    starts = [text]
    if "\n" in text:
        starts = [_join(text)] if not _SOFT_BREAK.search(text) else [_join(text), _join(_SOFT_BREAK.sub("\n", text))]
        yield from starts
    for start in starts:
        former = start
        for _ in range(DEPTH):
            if (decoded := _decode_all(former)) == former:
                break
            former = _join(decoded) if "\n" in decoded else decoded
            yield former


def decoded_views(text: str) -> Iterator[View]:
    """Yields the same as `decoded_texts`, with the place of each character."""
    whole = View(text, range(len(text)), range(1, len(text) + 1))
    yield whole
    for start in (whole, _place(whole, _SOFT_BREAK, lambda _found: "\n")):
        view = _place(start, _BREAK, lambda _found: "")
        yield view
        for _ in range(DEPTH):
            decoded = _place(_place(view, _ESCAPED, _decode), _BREAK, lambda _found: "")
            if decoded.text == view.text:
                break
            yield decoded
            view = decoded


def _join(text: str) -> str:
    """Returns a text without its line breaks, and without the blanks and borders around them."""
    first, *others = text.split("\n")
    if not others:
        return text
    inner = "".join([one.strip(_BORDER) for one in others[:-1]])
    return f"{first.rstrip(_BORDER)}{inner}{others[-1].lstrip(_BORDER)}"


def _place(view: View, pattern: re.Pattern[str], decode: Callable[[re.Match[str]], str]) -> View:
    """Returns a view in which what the pattern matches is decoded."""
    parts, starts, ends, done = [], list[int](), list[int](), 0
    for found in pattern.finditer(view.text):
        first, last = found.span()
        decoded = decode(found)
        parts += [view.text[done:first], decoded]
        starts += [*view.starts[done:first], *[view.starts[first]] * len(decoded)]
        ends += [*view.ends[done:first], *[view.ends[last - 1]] * len(decoded)]
        done = last
    return View("".join((*parts, view.text[done:])), [*starts, *view.starts[done:]], [*ends, *view.ends[done:]])


def _decode(found: re.Match[str]) -> str:
    return _decode_text(found[0])


def _decode_all(text: str) -> str:
    """Returns a text with its escapes decoded once."""
    if not ("&" in text and ";" in text) and not any(gate in text for gate in _GATES):
        return text
    # A text between two escapes, an escape, and so on: without a call of Python for each of them.
    parts = _ESCAPED.split(text)
    parts[1::2] = map(_decode_text, parts[1::2])
    return "".join(parts)


@lru_cache(maxsize=1024)
def _decode_text(text: str) -> str:
    """Returns what an escape stands for; a text has few different ones."""
    if text[0] in "\x1b\x00":
        return ""
    if text[0] == "&":
        return html.unescape(text)
    if text.startswith("%u"):
        return _character(int(text.removeprefix("%u"), base=16))
    if text[0] != "\\":
        return _from_bytes(bytes.fromhex(text.replace(text[0], "")))
    return _decode_backslash(text)


def _decode_backslash(text: str) -> str:
    kind = text[1]
    if kind == "x":
        return _from_bytes(bytes.fromhex(text.replace("\\x", "")))
    if kind in "uU":
        return _character(int(text[2:].strip("{}"), 16))
    if kind.isdigit():
        return _from_bytes(bytes(int(one, 8) for one in text.split("\\")[1:]))
    return _LETTERS.get(kind, kind)


def _character(number: int) -> str:
    return chr(number) if number <= 0x10FFFF else ""  # noqa: PLR2004 - the last character of Unicode


def _from_bytes(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
