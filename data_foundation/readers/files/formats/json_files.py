"""Reads JSON and JSON lines as JSON: adds the keys `_file` and `_row` to every object, and changes nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from data_foundation.errors import LoadError, ValueRefused
from data_foundation.readers.files.formats.decompress import wrong_encoding
from data_foundation.readers.files.page import FILE, ROW, BadRow, Page
from data_foundation.readers.files.path_pattern import escape_wildcards

_PAGE_BYTES = 4 * 2**20
_PAGE_OBJECTS = 2_000
_MAX_OBJECT_BYTES = 64 * 2**20
_PLACE_KEYS = (f'"{FILE}"', f'"{ROW}"')


@dataclass(frozen=True)
class JsonFileReader:
    """Reads JSON files.

    Attributes:
        by_line: True for JSON lines, where a line without an object is a bad row. False for an array of objects, or
            objects one after the other.
    """

    by_line: bool

    def read(self, path: Path, file: str) -> Iterator[Page]:
        """Yields the objects of a file.

        Args:
            path: Path of the file, which is UTF-8.
            file: Name of the file in messages and in `_file`.

        Raises:
            LoadError: The file is not valid JSON.
            ValueRefused: An object has a key `_file` or `_row` of its own.
        """
        place = f'{{"{FILE}":{json.dumps(file)},"{ROW}":'
        with duckdb.connect() as connection:
            try:
                for objects, bad in _lines(connection, path, file) if self.by_line else _objects(connection, path):
                    yield Page(_document(objects, place, file) if objects else None, bad)
            except duckdb.Error as error:
                raise LoadError(
                    f"{file} is not valid JSON: {str(error).partition('in file')[0]}{_place_in(str(error))}"
                ) from None


_NOT_AN_OBJECT = "is not an object; accepted: JSON objects"

Objects = Sequence[tuple[int, str]]


def _lines(connection: duckdb.DuckDBPyConnection, path: Path, file: str) -> Iterator[tuple[Objects, Sequence[BadRow]]]:
    """Yields the lines of a file that are objects, with their numbers, and the bad rows."""
    number = 0
    with path.open("rb") as lines:
        while gathered := lines.readlines(_PAGE_BYTES):
            texts = [line.strip() for line in gathered]
            numbered = [(number + index, text) for index, text in enumerate(texts, 1) if text]
            number += len(texts)
            if not numbered:
                continue
            try:
                page = pa.table({"number": [at for at, _ in numbered],
                                 "text": pa.array([text for _, text in numbered]).cast(pa.string())})  # fmt: skip
            except pa.ArrowInvalid:
                raise wrong_encoding(file, f"a line before line {number + 1} is not UTF-8") from None
            connection.register("page", page)
            checked = connection.execute(
                "SELECT number, text, CASE WHEN json_valid(text) THEN lower(json_type(text)) END FROM page"
            ).fetchall()
            bad = [BadRow(at, text, f"got JSON of type {kind}; accepted: objects" if kind else "is not valid JSON")
                   for at, text, kind in checked if kind != "object"]  # fmt: skip
            yield [(at, text) for at, text, kind in checked if kind == "object"], bad


def _objects(connection: duckdb.DuckDBPyConnection, path: Path) -> Iterator[tuple[Objects, Sequence[BadRow]]]:
    """Yields the objects of an array or of a file of objects, with their numbers, and the bad rows."""
    with path.open("rb") as file:
        start = file.read(1024).lstrip()
    if not start:
        return
    connection.execute(
        "SELECT json FROM read_json_objects(?, format = ?, maximum_object_size = ?, compression = 'uncompressed')",
        [escape_wildcards(path), "array" if start.startswith(b"[") else "unstructured", _MAX_OBJECT_BYTES],
    )
    number = 0
    while rows := connection.fetchmany(_PAGE_OBJECTS):
        page = [(number + index, text.strip()) for index, (text,) in enumerate(rows, 1)]
        number += len(rows)
        bad = [BadRow(at, text, _NOT_AN_OBJECT) for at, text in page if not text.startswith("{")]
        yield [(at, text) for at, text in page if text.startswith("{")], bad


def _document(objects: Objects, place: str, file: str) -> bytes:
    """Returns objects as a JSON array; each object begins with the keys `_file` and `_row`."""
    for number, text in objects:
        if any(key in text for key in _PLACE_KEYS) and not {FILE, ROW}.isdisjoint(json.loads(text)):
            raise ValueRefused(
                f"{file}: row {number} has a key {FILE} or {ROW}, which are the columns with the place of a row; "
                "rename the key in the file"
            )
    with_place = (
        f"{place}{number}{'' if (rest := text[1:].lstrip()).startswith('}') else ','}{rest}" for number, text in objects
    )
    return f"[{','.join(with_place)}]".encode()


def _place_in(message: str) -> str:
    """Returns the place that DuckDB's message names, without the path of the file."""
    return message.rpartition('", ')[2].partition("\n")[0]
