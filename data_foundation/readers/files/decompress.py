"""A file's text as UTF-8: taken out of gzip, and of whatever it is encoded in."""

from __future__ import annotations

import codecs
import gzip
import zlib
from pathlib import Path
from typing import IO

from data_foundation.errors import EntryError, LoadError

UTF8 = "utf-8"
MOST_TIMES = 200
"""How many times its own size a packed file may unpack to, beyond `FREE_BYTES`."""

FREE_BYTES = 64 * 2**20
"""Bytes that any file may unpack to."""

_CHUNK = 1 << 20
_BOMS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_GZIP = b"\x1f\x8b"


def most_bytes(packed: int) -> int:
    """Returns how many bytes a file of `packed` bytes may unpack to."""
    return max(FREE_BYTES, MOST_TIMES * packed)


def unpack(path: Path, name: str, folder: Path, encoding: str | None) -> Path:
    """Returns a file of UTF-8: the file itself where it is one, else a copy.

    A byte order mark tells UTF-16, and is left out.

    Args:
        path: The file.
        name: As it is called in a message.
        folder: For copies.
        encoding: What its text is encoded in, None for UTF-8.

    Raises:
        EntryError: There is no such encoding.
        LoadError: The file is no gzip, unpacks to too much, or is encoded in something else.
    """
    with path.open("rb") as file:
        if file.read(2) == _GZIP:
            path = _gunzip(path, name, folder / "unpacked")
    with path.open("rb") as file:
        start = file.read(3)
    said = encoding or next((said for bom, said in _BOMS.items() if start.startswith(bom)), UTF8)
    try:
        codec = codecs.lookup(said).name
    except LookupError:
        raise EntryError(
            f"encoding: got '{said}'; accepted is a name of Python's, for instance utf-8, utf-16, cp1252, latin-1"
        ) from None
    if codec in {UTF8, "utf-8-sig", "ascii"} and not start.startswith(codecs.BOM_UTF8):
        return path
    return _transcode(path, name, folder / "transcoded", "utf-8-sig" if codec == UTF8 else codec)


def _gunzip(path: Path, name: str, target: Path) -> Path:
    most, written = most_bytes(path.stat().st_size), 0
    try:
        with gzip.open(path, "rb") as source, target.open("wb") as copy:
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                if written > most:
                    raise LoadError(f"{name} unpacks to more than {MOST_TIMES} times its size, as a zip bomb does")
                copy.write(chunk)
    except (OSError, EOFError, zlib.error) as error:
        raise LoadError(f"{name} is no whole gzip file: {error}") from None
    return target


def _transcode(path: Path, name: str, target: Path, codec: str) -> Path:
    with path.open("rb") as source, target.open("wb") as copy:
        try:
            _recode(source, copy, codec)
        except UnicodeError as error:
            raise wrong_encoding(name, f"it is not {codec}: {getattr(error, 'reason', error)}") from None
    return target


def _recode(source: IO[bytes], copy: IO[bytes], codec: str) -> None:
    decoder = codecs.getincrementaldecoder(codec)()
    while chunk := source.read(_CHUNK):
        copy.write(decoder.decode(chunk).encode())
    copy.write(decoder.decode(b"", final=True).encode())


def wrong_encoding(name: str, seen: str) -> LoadError:
    """Returns the error for a file that is encoded in something else."""
    return LoadError(f"{name}: {seen}; say what it is encoded in, for instance `encoding: cp1252`")
