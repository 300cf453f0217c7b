"""Converts a text file of any encoding to UTF-8."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import IO

from data_foundation.errors import EntryError, LoadError

UTF8 = "utf-8"
_CHUNK = 1 << 20
_BOMS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_SAMPLE_BYTES = 1 << 14
_ZEROS = 0.4
"""Share of characters with a zero byte from which on a text without a mark is UTF-16: ASCII is in nearly every text."""


def to_utf8(path: Path, name: str, folder: Path, encoding: str | None) -> Path:
    """Returns the path of a file in UTF-8: the file itself if it is one already, else a converted copy.

    UTF-16 is recognised by its byte order mark, which is removed, or by its zero bytes.

    Args:
        path: The file.
        name: Name of the file in messages.
        folder: Folder for the copy.
        encoding: Encoding of the text; None to recognise UTF-8 and UTF-16.

    Raises:
        EntryError: Python knows no such encoding.
        LoadError: The text has another encoding.
    """
    with path.open("rb") as file:
        start = file.read(_SAMPLE_BYTES)
    try:
        codec = codecs.lookup(encoding or _recognise(start)).name
    except LookupError:
        raise EntryError(
            f"encoding: got '{encoding}'; accepted: an encoding of Python, for instance utf-8, utf-16, cp1252, latin-1"
        ) from None
    if codec in {UTF8, "utf-8-sig", "ascii"} and not start.startswith(codecs.BOM_UTF8):
        return path
    return _transcode(path, name, folder / "transcoded", "utf-8-sig" if codec == UTF8 else codec)


def _recognise(start: bytes) -> str:
    """Returns the encoding of a text by its first bytes."""
    if marked := next((name for bom, name in _BOMS.items() if start.startswith(bom)), None):
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
    decoder = codecs.getincrementaldecoder(codec)()
    while chunk := source.read(_CHUNK):
        copy.write(decoder.decode(chunk).encode())
    copy.write(decoder.decode(b"", final=True).encode())


def wrong_encoding(name: str, reason: str) -> LoadError:
    """Returns the error for a file whose text has another encoding."""
    return LoadError(f"{name}: {reason}; set the encoding of the file, for instance `encoding: cp1252`")
