"""Reads JSON and JSON lines as JSON: adds the keys `_file` and `_row` to objects, and spells keys as the first one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import orjson

from data_foundation.errors import LoadError, ValueRefused
from data_foundation.readers.files.formats.declared_json import DeclaredKeys
from data_foundation.readers.files.formats.transcode import wrong_encoding
from data_foundation.readers.files.page import FILE, ROW, BadRow, Page
from data_foundation.readers.files.path_pattern import escape_wildcards
from data_foundation.readers.files.spellings import Spellings

_PAGE_BYTES = 4 * 2**20
_PAGE_OBJECTS = 2_000
_MAX_OBJECT_BYTES = 64 * 2**20
_CHUNK = 1 << 16
_BLANKS = b" \t\r\n"

Texts = Sequence[tuple[int, bytes]]
"""Texts that should be objects, with their numbers."""


@dataclass(frozen=True)
class JsonFileReader:
    """Reads JSON files.

    Attributes:
        wanted: The hints of `columns` in `sources.yaml`, by column.
        spellings: The first spelling of each key of the load.
        by_line: True for JSON lines, where a line without an object is a bad row. False for an array of objects, or
            objects one after the other.
    """

    wanted: Mapping[str, Mapping[str, Any]]
    spellings: Spellings
    by_line: bool

    def read(self, path: Path, file: str) -> Iterator[Page]:
        """Yields the objects of a file.

        Args:
            path: Path of the file, which is UTF-8.
            file: Name of the file in messages and in `_file`.

        Raises:
            LoadError: The file is not valid JSON, or not UTF-8.
            ValueRefused: An object has a key `_file` or `_row` of its own.
        """
        pages = _ObjectPages(file, DeclaredKeys(self.wanted), self.spellings)
        if self.by_line:
            yield from map(pages.build, _lines(path))
            return
        try:
            yield from map(pages.build, _objects(path))
        except duckdb.Error as error:
            raise LoadError(
                f"{file} is not valid JSON: {str(error).partition('in file')[0]}{_place_in(str(error))}"
            ) from None


class _ObjectPages:
    """Builds pages of the objects of one file."""

    def __init__(self, file: str, declared: DeclaredKeys, spellings: Spellings) -> None:
        self._file, self._declared, self._spellings = file, declared, spellings
        self._place = f'{{"{FILE}":{json.dumps(file)},"{ROW}":'.encode()

    def build(self, texts: Texts) -> Page:
        """Returns the objects as a JSON array; each object begins with the keys `_file` and `_row`."""
        good: list[bytes] = []
        bad: list[BadRow] = []
        for number, text in texts:
            fault, spelt = self._inspect(number, text)
            if fault:
                bad.append(BadRow(number, text.decode(errors="replace"), fault))
            else:
                rest = spelt[1:].lstrip()
                comma = b"" if rest.startswith(b"}") else b","
                good.append(b"%b%d%b%b" % (self._place, number, comma, rest))
        return Page(b"[%b]" % b",".join(good) if good or not texts else None, bad, len(good))

    def _inspect(self, number: int, text: bytes) -> tuple[str, bytes]:
        """Returns why a text cannot be loaded, "" if it can, and the text with the first spelling of its keys."""
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            if not _is_utf8(text):
                raise wrong_encoding(self._file, f"row {number} is not UTF-8") from None
            return f"is not valid JSON: {str(error).partition(': line')[0]}", text
        if not isinstance(value, dict):
            return f"got JSON of type {_kind(value)}; accepted: objects", text
        if FILE in value or ROW in value:
            raise ValueRefused(
                f"{self._file}: row {number} has a key {FILE} or {ROW}, which are the columns with the place of a row; "
                "rename the key in the file"
            )
        fault = self._declared.fault(value, text)
        return fault, text if fault else self._spellings.unify_object(value, text)


def _lines(path: Path) -> Iterator[Texts]:
    """Yields the lines of a file that are not blank, with their numbers."""
    number = 0
    with path.open("rb") as lines:
        while gathered := lines.readlines(_PAGE_BYTES):
            numbered = [(number + index, text) for index, line in enumerate(gathered, 1) if (text := line.strip())]
            number += len(gathered)
            if numbered:
                yield numbered


def _objects(path: Path) -> Iterator[Texts]:
    """Yields the items of an array, or the values of a file, with their numbers; nothing for an empty array."""
    if not (first := _first_character(path)):
        return
    with duckdb.connect() as connection:
        connection.execute(
            "SELECT json FROM read_json_objects(?, format = ?, maximum_object_size = ?, compression = 'uncompressed')",
            [escape_wildcards(path), "array" if first == b"[" else "unstructured", _MAX_OBJECT_BYTES],
        )
        number = 0
        while rows := connection.fetchmany(_PAGE_OBJECTS):
            yield [(number + index, text.strip().encode()) for index, (text,) in enumerate(rows, 1)]
            number += len(rows)
        if not number:
            yield []


def _first_character(path: Path) -> bytes:
    """Returns the first byte of a file that is not blank, b"" if there is none."""
    with path.open("rb") as file:
        chunks = iter(lambda: file.read(_CHUNK), b"")
        return next((text[:1] for chunk in chunks if (text := chunk.lstrip(_BLANKS))), b"")


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _kind(value: Any) -> str:
    kinds = {list: "array", str: "string", bool: "boolean", int: "number", float: "number"}
    return kinds.get(type(value), "null")


def _place_in(message: str) -> str:
    """Returns the place that DuckDB's message names, without the path of the file."""
    return message.rpartition('", ')[2].partition("\n")[0]
