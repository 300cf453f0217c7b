"""The files of one path read: those that are new or changed, each whole, page by page."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

from data_foundation.errors import EntryError
from data_foundation.readers.files.bad_rows import BadRows
from data_foundation.readers.files.file_arguments import NOTATION, OPTIONS, Format, find_meaningless, format_by_name
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

TEXTS = frozenset({"csv", "json", "jsonl"})
"""Formats that are text."""


@dataclass(frozen=True)
class ReadRequest:
    """What a person asked for in `kwargs`; see `get_rows`.

    Attributes:
        options: Those that were given of `OPTIONS`.
    """

    path: str
    format: str | None
    on_bad_row: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def format_of(self, file: SourceFile) -> Format:
        """Returns the format of a file.

        Raises:
            EntryError: Nothing tells it, there is none such, or an option means nothing for it.
        """
        found = self.format or format_by_name(file.name)
        accepted = list(OPTIONS)
        if found is None:
            raise EntryError(f"{file.name}: its ending tells no format; say `format:`, one of {', '.join(accepted)}")
        if found not in OPTIONS:
            raise EntryError(f"format: got '{found}'; accepted: {', '.join(accepted)}{nearest(found, accepted)}")
        kind = cast("Format", found)
        if message := find_meaningless(self.options, kind):
            raise EntryError(message)
        return kind


class Reader(Protocol):
    """Reads files of one format."""

    def read(self, path: Path, file: str) -> Iterator[Page]:
        """Yields the rows of the file at `path`, which is called `file`."""


def read_files(storage: Storage, request: ReadRequest, resource: Any) -> Iterator[Any]:
    """Yields the rows of every file that is new or has changed, and the bad ones as was asked for.

    Args:
        storage: Where the files are.
        request: Which, and how they are read.
        resource: dlt's, while it runs.

    Raises:
        FoundationError: They cannot be read, and why.
        ConnectionError: The storage is away, or a file changed meanwhile.
    """
    ledger = Ledger(resource, storage.find(request.path))
    bad = BadRows(request.on_bad_row, resource, replaced=ledger.reads_all)
    files = ledger.unread()
    for file in files:
        kind = request.format_of(file)
        reader = _reader(request, kind, resource, sets_aside=bad.sets_aside)
        read = partial(_pages, storage, file, reader, kind, request.options.get("encoding"))
        for page in ReadAhead([read], []):
            yield from bad.take(file.name, page.bad)
            if page.rows is not None:
                yield page.rows
    if files:
        yield from bad.finish()
    ledger.note()


def _pages(storage: Storage, file: SourceFile, reader: Reader, kind: str, encoding: str | None) -> Iterator[Page]:
    with tempfile.TemporaryDirectory() as folder, storage.opened(file, Path(folder)) as path:
        plain = unpack(path, file.name, Path(folder), encoding) if kind in TEXTS else path
        yield from reader.read(plain, file.name)


def _reader(request: ReadRequest, kind: str, resource: Any, *, sets_aside: bool) -> Reader:
    """Returns what reads a format."""
    hints = resource.columns if isinstance(resource.columns, Mapping) else {}
    given = {key: value for key, value in request.options.items() if key != "encoding"}
    notation = Notation(**{key: given.pop(key) for key in NOTATION if key in given})
    known: Mapping[str, Callable[[], Reader]] = {
        "csv": lambda: CsvReader(Dialect(**given, notation=notation), hints, sets_aside),
        "jsonl": lambda: JsonFileReader(by_line=True),
        "json": lambda: JsonFileReader(by_line=False),
        "parquet": ParquetReader,
        "excel": lambda: ExcelReader(hints, **given),
        "pdf": lambda: PdfReader(hints, **given, notation=notation),
    }
    return known[kind]()
