"""Files of rows: `data_foundation.readers.files.get_rows` is an entry for `sources.yaml`.

`file_reader` lists the files that are new or changed (`ledger`), and yields their pages; `stores/` lists and opens
files, `formats/` reads them. No database is read here. Begin with `file_reader`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import dlt

from data_foundation.dlt_keys import ROOT


def get_rows(  # noqa: PLR0913 - each is a key of `kwargs` in sources.yaml
    path: str,
    *,
    connection: str | None = None,
    format: str | None = None,  # noqa: A002 - the word that people look for
    on_bad_row: str = "fail",
    encoding: str | None = None,
    delimiter: str | None = None,
    quote: str | None = None,
    escape: str | None = None,
    header: bool | Sequence[str] | None = None,
    skip: int | None = None,
    null_values: Sequence[str] | None = None,
    decimal_separator: str | None = None,
    date_format: str | None = None,
    timestamp_format: str | None = None,
    sheet: str | None = None,
    tables_with: Sequence[str] | None = None,
    table_settings: Mapping[str, Any] | None = None,
) -> Iterator[Any]:
    """The rows of all files that a path matches; those that were loaded and have not changed are not read again.

    Args:
        path: Of one file, or with wildcards of several, below the root.
        connection: Its settings are `[sources.<folder>.<connection>]` of dlt's configuration; without, the root is
            the repository.
        format: csv, jsonl, json, parquet, excel or pdf; without, as the file's ending says.
        on_bad_row: `fail` refuses the load, `quarantine` lands such rows in a table `<table>__quarantine`.
        encoding: Of text, UTF-8 (or UTF-16 where a byte order mark says so) without.
        delimiter: Between the values of a CSV; without, the one that its first row has most of.
        quote: Around them, " without.
        escape: Before a quote inside of quotes, the quote itself without.
        header: Whether the first row names the columns, or their names where it does not.
        skip: Lines before the first row.
        null_values: Texts that stand for no value, beside an empty one.
        decimal_separator: Of numbers that `columns` names, a point without.
        date_format: Of dates that `columns` names, in the letters of `strptime`; ISO without.
        timestamp_format: The same of times.
        sheet: Of an Excel workbook that has several.
        tables_with: Headings of the tables of a PDF that are read; all of them, and alike, without.
        table_settings: How pdfplumber finds tables.

    Yields:
        Arrow tables, JSON or dicts, with the columns `_file` and `_row`.

    Raises:
        FoundationError: A file cannot be read, and why.
        ConnectionError: The storage is away.
    """
    # What text tells of the arguments needs no file systems.
    from data_foundation.readers.files.file_reader import ReadRequest, read_files  # noqa: PLC0415
    from data_foundation.readers.files.stores.storage_settings import find_storage  # noqa: PLC0415

    options = {
        "encoding": encoding, "delimiter": delimiter, "quote": quote, "escape": escape, "header": header, "skip": skip,
        "null_values": null_values, "decimal_separator": decimal_separator, "date_format": date_format,
        "timestamp_format": timestamp_format, "sheet": sheet,
        "tables_with": tables_with, "table_settings": table_settings,
    }  # fmt: skip
    given = {key: value for key, value in options.items() if value is not None}
    resource = dlt.current.resource()
    with closing(find_storage(resource.section, connection, path, resource.custom_metrics.get(ROOT))) as storage:
        yield from read_files(storage, ReadRequest(path, format, on_bad_row, given), resource)
