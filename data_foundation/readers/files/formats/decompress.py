"""Converts a text file to UTF-8: unpacks gzip and decodes other encodings."""

from __future__ import annotations

import codecs
import gzip
import zlib
from pathlib import Path
from typing import IO

from data_foundation.errors import EntryError, LoadError
from data_foundation.workbook.unpack_limits import MAX_RATIO, max_unpacked_bytes

UTF8 = "utf-8"
_CHUNK = 1 << 20
_BOMS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_GZIP = b"\x1f\x8b"


def unpack(path: Path, name: str, folder: Path, encoding: str | None) -> Path:
    """Returns the path of a file in UTF-8: the file itself if it is one already, else a converted copy.

    Files with a UTF-16 byte order mark are read as UTF-16; the mark is removed.

    Args:
        path: The file.
        name: Name of the file in messages.
        folder: Folder for copies.
        encoding: Encoding of the text; None for UTF-8.

    Raises:
        EntryError: Python knows no such encoding.
        LoadError: The file is a damaged gzip file, unpacks to more than it may, or has another encoding.
    """
    with path.open("rb") as file:
        if file.read(2) == _GZIP:
            path = _gunzip(path, name, folder / "unpacked")
    with path.open("rb") as file:
        start = file.read(3)
    encoding = encoding or next((name for bom, name in _BOMS.items() if start.startswith(bom)), UTF8)
    try:
        codec = codecs.lookup(encoding).name
    except LookupError:
        raise EntryError(
            f"encoding: got '{encoding}'; accepted: an encoding of Python, for instance utf-8, utf-16, cp1252, latin-1"
        ) from None
    if codec in {UTF8, "utf-8-sig", "ascii"} and not start.startswith(codecs.BOM_UTF8):
        return path
    return _transcode(path, name, folder / "transcoded", "utf-8-sig" if codec == UTF8 else codec)


def _gunzip(path: Path, name: str, target: Path) -> Path:
    limit, written = max_unpacked_bytes(path.stat().st_size), 0
    try:
        with gzip.open(path, "rb") as source, target.open("wb") as copy:
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                if written > limit:
                    raise LoadError(f"{name} unpacks to more than {MAX_RATIO} times its size, as a zip bomb does")
                copy.write(chunk)
    except (OSError, EOFError, zlib.error) as error:
        raise LoadError(f"{name} is a damaged gzip file: {error}") from None
    return target


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
