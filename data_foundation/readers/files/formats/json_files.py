"""JSON and JSON lines, handed over as JSON: every object gets the keys that tell its place, and is left as it is."""

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
from data_foundation.readers.files.path_pattern import literal

_BYTES = 4 * 2**20
"""Of JSON that are handed over at once, about."""

_ROWS = 2_000
_LARGEST = 64 * 2**20
_OURS = (f'"{FILE}"', f'"{ROW}"')


@dataclass(frozen=True)
class JsonFileReader:
    """Reads JSON.

    Attributes:
        by_line: One object a line, of which one that is none is a bad row; else an array of objects, or objects.
    """

    by_line: bool

    def read(self, path: Path, file: str) -> Iterator[Page]:
        """Yields the objects of a file.

        Args:
            path: Where it is, as UTF-8.
            file: As it is called.

        Raises:
            LoadError: It is no JSON.
            ValueRefused: An object has a key that is ours.
        """
        place = f'{{"{FILE}":{json.dumps(file)},"{ROW}":'
        with duckdb.connect() as connection:
            try:
                for objects, bad in _lines(connection, path, file) if self.by_line else _objects(connection, path):
                    yield Page(_document(objects, place, file) if objects else None, bad)
            except duckdb.Error as error:
                raise LoadError(
                    f"{file} is no JSON: {str(error).partition('in file')[0]}{_where(str(error))}"
                ) from None


Objects = Sequence[tuple[int, str]]


def _lines(connection: duckdb.DuckDBPyConnection, path: Path, file: str) -> Iterator[tuple[Objects, Sequence[BadRow]]]:
    """Yields the lines of a file that are objects, with their numbers, and those that are none."""
    number = 0
    with path.open("rb") as lines:
        while gathered := lines.readlines(_BYTES):
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
            bad = [BadRow(at, text, "is no JSON" if kind is None else f"is JSON, and no object: {kind}")
                   for at, text, kind in checked if kind != "object"]  # fmt: skip
            yield [(at, text) for at, text, kind in checked if kind == "object"], bad


def _objects(connection: duckdb.DuckDBPyConnection, path: Path) -> Iterator[tuple[Objects, Sequence[BadRow]]]:
    """Yields the items of an array, or one object after another, with their numbers."""
    with path.open("rb") as file:
        start = file.read(1024).lstrip()
    if not start:
        return
    connection.execute(
        "SELECT json FROM read_json_objects(?, format = ?, maximum_object_size = ?, compression = 'uncompressed')",
        [literal(path), "array" if start.startswith(b"[") else "unstructured", _LARGEST],
    )
    number = 0
    while rows := connection.fetchmany(_ROWS):
        page = [(number + index, text.strip()) for index, (text,) in enumerate(rows, 1)]
        number += len(rows)
        bad = [BadRow(at, text, "is JSON, and no object") for at, text in page if not text.startswith("{")]
        yield [(at, text) for at, text in page if text.startswith("{")], bad


def _document(objects: Objects, place: str, file: str) -> bytes:
    """Returns objects as an array, each with the keys that tell its place in front."""
    for number, text in objects:
        if any(ours in text for ours in _OURS) and not {FILE, ROW}.isdisjoint(json.loads(text)):
            raise ValueRefused(
                f"{file}: row {number} has a key {FILE} or {ROW} itself, which tells the row's place here"
            )
    placed = (
        f"{place}{number}{'' if (rest := text[1:].lstrip()).startswith('}') else ','}{rest}" for number, text in objects
    )
    return f"[{','.join(placed)}]".encode()


def _where(told: str) -> str:
    """Returns what DuckDB says of the place, without the file's."""
    return told.rpartition('", ')[2].partition("\n")[0]
