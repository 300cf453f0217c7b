"""Reads the new and changed files of one path, page by page."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

from data_foundation.errors import EntryError
from data_foundation.readers.files.bad_rows import BadRows
from data_foundation.readers.files.file_arguments import (
    NOTATION_OPTIONS,
    OPTIONS,
    Format,
    explain_unknown_option,
    format_by_name,
)
from data_foundation.readers.files.formats.csv_files import CsvReader, Dialect
from data_foundation.readers.files.formats.decompress import unpack
from data_foundation.readers.files.formats.excel_files import ExcelReader
from data_foundation.readers.files.formats.json_files import JsonFileReader
from data_foundation.readers.files.formats.parquet_files import ParquetReader
from data_foundation.readers.files.formats.pdf_files import PdfReader
from data_foundation.readers.files.formats.text_columns import Notation
from data_foundation.readers.files.ledger import Ledger
from data_foundation.readers.files.page import Page
from data_foundation.readers.files.stores.storage import SourceFile, Storage
from data_foundation.readers.read_ahead import ReadAhead
from data_foundation.suggestions import nearest

TEXT_FORMATS = frozenset({"csv", "json", "jsonl"})
"""Formats that have an encoding, and may be compressed."""


@dataclass(frozen=True)
class ReadRequest:
    """The `kwargs` of `get_rows`, which documents them.

    Attributes:
        options: The keys of `OPTIONS` that are set.
    """

    path: str
    format: str | None
    on_bad_row: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def format_of(self, file: SourceFile) -> Format:
        """Returns the format of a file.

        Raises:
            EntryError: The format is unknown, or does not accept one of the options.
        """
        found = self.format or format_by_name(file.name)
        accepted = list(OPTIONS)
        if found is None:
            message = f"{file.name}: no format has this ending; set `format` to one of {', '.join(accepted)}"
            raise EntryError(message)
        if found not in OPTIONS:
            raise EntryError(f"format: got '{found}'; accepted: {', '.join(accepted)}{nearest(found, accepted)}")
        kind = cast("Format", found)
        if message := explain_unknown_option(self.options, kind):
            raise EntryError(message)
        return kind


class Reader(Protocol):
    """Reads files of one format."""

    def read(self, path: Path, file: str) -> Iterator[Page]:
        """Yields the rows of the file at `path`; `file` is its name in messages and in `_file`."""


def read_files(storage: Storage, request: ReadRequest, resource: Any) -> Iterator[Any]:
    """Yields the rows of every new or changed file; bad rows are handled as `on_bad_row` sets it.

    Args:
        storage: Where the files are stored.
        request: The files to read, and their options.
        resource: The running dlt resource.

    Raises:
        FoundationError: A file cannot be read; the message names the reason.
        ConnectionError: The storage cannot be reached, or a file changed while it was read; a retry may help.
    """
    ledger = Ledger(resource, storage.find(request.path), partial(_digest_of, storage))
    bad = BadRows(request.on_bad_row, resource, replaced=ledger.reads_all)
    files = ledger.unread()
    for file in files:
        kind = request.format_of(file)
        reader = _reader(request, kind, resource, sets_aside=bad.sets_aside)
        read = partial(_pages, storage, file, reader, kind, request.options.get("encoding"), ledger=ledger)
        for page in ReadAhead([read], []):
            yield from bad.take(file.name, page.bad)
            if page.rows is not None:
                yield page.rows
    if files:
        yield from bad.finish()
    ledger.note()


def _digest_of(storage: Storage, file: SourceFile) -> str:
    """Returns the digest of the content of a file."""
    with tempfile.TemporaryDirectory() as folder, storage.opened(file, Path(folder)) as path:
        return _digest(path)


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _pages(  # noqa: PLR0913 - a file, where it is, how it is read, and who remembers it
    storage: Storage, file: SourceFile, reader: Reader, kind: str, encoding: str | None, *, ledger: Ledger
) -> Iterator[Page]:
    with tempfile.TemporaryDirectory() as folder, storage.opened(file, Path(folder)) as path:
        ledger.note_read(file, _digest(path))
        plain = unpack(path, file.name, Path(folder), encoding) if kind in TEXT_FORMATS else path
        yield from reader.read(plain, file.name)


def _reader(request: ReadRequest, kind: str, resource: Any, *, sets_aside: bool) -> Reader:
    """Returns the reader of a format."""
    hints = resource.columns if isinstance(resource.columns, Mapping) else {}
    given = {key: value for key, value in request.options.items() if key != "encoding"}
    notation = Notation(**{key: given.pop(key) for key in NOTATION_OPTIONS if key in given})
    known: Mapping[str, Callable[[], Reader]] = {
        "csv": lambda: CsvReader(Dialect(**given, notation=notation), hints, sets_aside),
        "jsonl": lambda: JsonFileReader(by_line=True),
        "json": lambda: JsonFileReader(by_line=False),
        "parquet": ParquetReader,
        "excel": lambda: ExcelReader(hints, **given),
        "pdf": lambda: PdfReader(hints, **given, notation=notation),
    }
    return known[kind]()
