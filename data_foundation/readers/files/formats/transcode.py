"""Converts a text file of any encoding to UTF-8."""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from data_foundation.errors import EntryError, LoadError

UTF8 = "utf-8"
_CHUNK = 1 << 20
_BOMS = {codecs.BOM_UTF8: UTF8, codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_SAMPLE_BYTES = 1 << 14
_ZEROS = 0.4
"""Share of characters with a zero byte from which on a text without a mark is UTF-16: ASCII is in nearly every text."""


def to_utf8(path: Path, name: str, folder: Path, encoding: str | Sequence[str] | None) -> Path:
    r"""Returns the path of a file in UTF-8: the file itself if it is one already, else a converted copy.

    UTF-16 is recognised by its byte order mark, which is removed, or by its zero bytes. A mark wins over `encoding`:
    files of one folder may differ, and `\xef\xbb\xbf` begins no text of another encoding.

    Args:
        path: The file.
        name: Name of the file in messages.
        folder: Folder for the copy.
        encoding: Encoding of the text, or several, of which the first that can be decoded is taken; None to recognise
            UTF-8 and UTF-16.

    Raises:
        EntryError: Python knows no such encoding.
        LoadError: The text has another encoding.
    """
    with path.open("rb") as file:
        start = file.read(_SAMPLE_BYTES)
    declared = [encoding] if isinstance(encoding, str) else list(encoding or [_recognise(start)])
    candidates = [_codec(one) for one in declared]
    codec = _mark(start) or next((one for one in candidates[:-1] if _fits(path, one)), candidates[-1])
    if codec in {UTF8, "utf-8-sig", "ascii"} and not start.startswith(codecs.BOM_UTF8):
        return path
    return _transcode(path, name, folder / "transcoded", "utf-8-sig" if codec == UTF8 else codec)


def find_doubt(path: Path, name: str, encoding: str | Sequence[str] | None) -> str:
    """Returns a warning if a file with one declared encoding is UTF-8 too, else "".

    Bytes of every text can be read as cp1252 or latin-1, so ü becomes Ã¼ without an error.
    """
    if not isinstance(encoding, str) or _codec(encoding).startswith(("utf", "ascii")):
        return ""
    with path.open("rb") as file:
        is_marked = _mark(file.read(_SAMPLE_BYTES))
    if is_marked or _fits(path, "ascii") or not _fits(path, UTF8):
        return ""
    return (
        f"{name} is read as {encoding}, and is UTF-8 too: if ü has become Ã¼, set `encoding: [utf-8, {encoding}]`, and "
        "`refresh: state` for one run"
    )


def _codec(encoding: str) -> str:
    """Returns Python's name of an encoding.

    Raises:
        EntryError: Python knows no such encoding.
    """
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise EntryError(
            f"encoding: got '{encoding}'; accepted: an encoding of Python, for instance utf-8, utf-16, cp1252, latin-1"
        ) from None


def _mark(start: bytes) -> str | None:
    """Returns the encoding that a byte order mark names, None without one."""
    return next((name for bom, name in _BOMS.items() if start.startswith(bom)), None)


def _recognise(start: bytes) -> str:
    """Returns the encoding of a text by its first bytes."""
    if marked := _mark(start):
        return marked
    pairs = len(start) // 2
    first, second = start[0::2].count(0), start[1::2].count(0)
    if pairs and first == 0 and second >= _ZEROS * pairs:
        return "utf-16-le"
    return "utf-16-be" if pairs and second == 0 and first >= _ZEROS * pairs else UTF8


def _transcode(path: Path, name: str, target: Path, codec: str) -> Path:
    with path.open("rb") as source, target.open("wb") as copy:
        try:
            _recode(source, copy, codec)
        except UnicodeError as error:
            raise wrong_encoding(name, f"the text is not {codec}: {getattr(error, 'reason', error)}") from None
    return target


def _recode(source: IO[bytes], copy: IO[bytes], codec: str) -> None:
    for text in _decode(source, codec):
        copy.write(text.encode())


def _fits(path: Path, codec: str) -> bool:
    """Whether the whole file can be decoded."""
    with path.open("rb") as source:
        try:
            deque(_decode(source, codec), maxlen=0)
        except UnicodeError:
            return False
    return True


def _decode(source: IO[bytes], codec: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(codec)()
    while chunk := source.read(_CHUNK):
        yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)


def wrong_encoding(name: str, reason: str) -> LoadError:
    """Returns the error for a file whose text has another encoding."""
    return LoadError(f"{name}: {reason}; set the encoding of the file, for instance `encoding: cp1252`")
