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
from data_foundation.readers.files.formats.delimited.csv_files import CsvReader
from data_foundation.readers.files.formats.delimited.dialect import Dialect
from data_foundation.readers.files.formats.json_files import JsonFileReader
from data_foundation.readers.files.formats.notation import Notation
from data_foundation.readers.files.formats.parquet_files import ParquetReader
from data_foundation.readers.files.formats.pdf_files import PdfReader
from data_foundation.readers.files.formats.sheets.excel_files import ExcelReader
from data_foundation.readers.files.formats.transcode import find_doubt, to_utf8
from data_foundation.readers.files.formats.unpack import unpack
from data_foundation.readers.files.ledger import Ledger
from data_foundation.readers.files.page import BadRow, Page
from data_foundation.readers.files.spellings import Spellings
from data_foundation.readers.files.stores.storage import SourceFile, Storage
from data_foundation.readers.load_warning import warn
from data_foundation.readers.read_ahead import ReadAhead
from data_foundation.suggestions import nearest

TEXT_FORMATS = frozenset({"csv", "json", "jsonl"})
"""Formats that have an encoding."""


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

    def format_of(self, file: SourceFile, name: str) -> Format:
        """Returns the format of a file.

        Args:
            file: The file.
            name: The name that it has without compression.

        Raises:
            EntryError: The format is unknown, or does not accept one of the options.
        """
        found = self.format or format_by_name(name) or format_by_name(file.name)
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
    place = f"'{request.path}' below {storage}"
    ledger = Ledger(resource, storage.find(request.path), place, partial(_digest_of, storage))
    bad = BadRows(request.on_bad_row, resource, replaced=ledger.reads_all)
    spellings = Spellings()
    files = ledger.unread()
    for file in files:
        count = 0
        read = partial(_pages, storage, file, request, resource, ledger, spellings=spellings, sets_aside=bad.sets_aside)
        for page in ReadAhead([read], []):
            if page.warning:
                warn(page.warning)
            yield from bad.take(file.name, page.bad)
            if page.rows is not None:
                yield spellings.unify(page.rows)
            count += page.count
        if not count:
            warn(f"{file.name} has no rows")
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
    storage: Storage,
    file: SourceFile,
    request: ReadRequest,
    resource: Any,
    ledger: Ledger,
    *,
    spellings: Spellings,
    sets_aside: bool,
) -> Iterator[Page]:
    with tempfile.TemporaryDirectory() as folder, storage.opened(file, Path(folder)) as path:
        ledger.note_read(file, _digest(path))
        plain, name = unpack(path, file.name, Path(folder))
        kind = request.format_of(file, name)
        if kind in TEXT_FORMATS:
            encoding = request.options.get("encoding")
            yield Page(None, warning=find_doubt(plain, file.name, encoding))
            plain = to_utf8(plain, file.name, Path(folder), encoding)
        is_understood = not (size := plain.stat().st_size)
        for page in _reader(request, kind, resource, spellings, sets_aside=sets_aside).read(plain, file.name):
            is_understood = is_understood or page.rows is not None or bool(page.bad)
            yield page
        if not is_understood:
            yield Page(None, [BadRow(0, "", f"no row was found in {size:,} bytes")])


def _reader(request: ReadRequest, kind: str, resource: Any, spellings: Spellings, *, sets_aside: bool) -> Reader:
    """Returns the reader of a format."""
    hints = resource.columns if isinstance(resource.columns, Mapping) else {}
    given = {key: value for key, value in request.options.items() if key != "encoding"}
    notation = Notation(**{key: given.pop(key) for key in NOTATION_OPTIONS if key in given})
    known: Mapping[str, Callable[[], Reader]] = {
        "csv": lambda: CsvReader(Dialect(**given, notation=notation), hints, sets_aside),
        "jsonl": lambda: JsonFileReader(hints, spellings, by_line=True),
        "json": lambda: JsonFileReader(hints, spellings, by_line=False),
        "parquet": ParquetReader,
        "excel": lambda: ExcelReader(hints, **given, notation=notation),
        "pdf": lambda: PdfReader(hints, **given, notation=notation),
    }
    return known[kind]()
