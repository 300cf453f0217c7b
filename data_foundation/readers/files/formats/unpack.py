"""Unpacks compressed files, which are recognised by their first bytes: gzip, bzip2, xz, Zstandard, and zip archives."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pyarrow as pa

from data_foundation.errors import LoadError
from data_foundation.readers.files.file_arguments import COMPRESSED_ENDINGS
from data_foundation.workbook.unpack_limits import MAX_RATIO, max_unpacked_bytes

_CHUNK = 1 << 20
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_NAMED_FILES = 3
"""Files of an archive that a message names."""


def _open_zstandard(path: Path) -> Any:
    return pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")


_COMPRESSIONS: Mapping[bytes, tuple[str, Callable[[Path], Any]]] = {
    b"\x1f\x8b": ("gzip", gzip.open),
    b"BZh": ("bzip2", bz2.open),
    b"\xfd7zXZ\x00": ("xz", lzma.open),
    b"\x28\xb5\x2f\xfd": ("Zstandard", _open_zstandard),
}
"""The first bytes of compressed files, the name of their format, and the function that opens them."""
_BLOCK_OF_BZIP2 = b"1AY&SY"
"""The bytes behind the first four; a text may begin with BZh."""

_DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError, pa.ArrowException, zipfile.BadZipFile, NotImplementedError)


def unpack(path: Path, name: str, folder: Path) -> tuple[Path, str]:
    """Returns the path of the unpacked file, and the name that it has without compression.

    Args:
        path: The file; returned if it is not compressed.
        name: Name of the file in messages.
        folder: Folder for the unpacked file.

    Raises:
        LoadError: The file is damaged, unpacks to more than it may, or is an archive that is encrypted or has not
            exactly one file.
    """
    with path.open("rb") as file:
        start = file.read(10)
    is_named = name.lower().endswith(COMPRESSED_ENDINGS)
    plain = name.rpartition(".")[0] if is_named else name
    if start.startswith((_ZIP, _EMPTY_ZIP)) and name.lower().endswith(".zip"):
        return _unpack_archive(path, name, folder / "unpacked")
    for magic, (kind, opened) in _COMPRESSIONS.items():
        if start.startswith(magic) and (kind != "bzip2" or start[4:] == _BLOCK_OF_BZIP2):
            try:
                with opened(path) as source:
                    _copy(source, folder / "unpacked", path, name)
            except _DAMAGED as error:
                raise LoadError(f"{name} is a damaged {kind} file: {error}") from None
            return folder / "unpacked", plain
    return path, plain


def _unpack_archive(path: Path, name: str, target: Path) -> tuple[Path, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            files = [file for file in archive.infolist() if not file.is_dir() and not _is_hidden(file.filename)]
            if len(files) != 1:
                names = ", ".join(file.filename for file in files[:_NAMED_FILES])
                more = ", ..." if len(files) > _NAMED_FILES else ""
                has = f"{len(files)} files ({names}{more})" if files else "no file"
                raise LoadError(f"{name} has {has}; accepted: one file in an archive, so put each into its own")
            if files[0].flag_bits & 1:
                raise LoadError(f"{name} is encrypted; save it without a password")
            with archive.open(files[0]) as source:
                _copy(source, target, path, name)
            return target, files[0].filename
    except _DAMAGED as error:
        raise LoadError(f"{name} is a damaged zip archive: {error}") from None


def _is_hidden(name: str) -> bool:
    """Returns whether a file is one that a file manager adds to an archive, for instance that of macOS."""
    return name.startswith("__MACOSX/") or PurePosixPath(name).name.startswith(".")


def _copy(source: IO[bytes], target: Path, path: Path, name: str) -> None:
    limit, written = max_unpacked_bytes(path.stat().st_size), 0
    with target.open("wb") as copy:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > limit:
                raise LoadError(f"{name} unpacks to more than {MAX_RATIO} times its size, as a zip bomb does")
            copy.write(chunk)
