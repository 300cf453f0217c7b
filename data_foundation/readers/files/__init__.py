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
    encoding: str | Sequence[str] | None = None,
    delimiter: str | None = None,
    quote: str | None = None,
    escape: str | None = None,
    header: bool | Sequence[str] | None = None,
    skip: int | None = None,
    null_values: Sequence[str] | None = None,
    number_format: str | None = None,
    decimal_separator: str | None = None,
    date_format: str | None = None,
    timestamp_format: str | None = None,
    sheet: str | None = None,
    tables_with: Sequence[str] | None = None,
    table_settings: Mapping[str, Any] | None = None,
) -> Iterator[Any]:
    """Reads the rows of all files that match a path. Files that were loaded and have not changed are not read again.

    Args:
        path: Path of one file, or a pattern with wildcards, below the root.
        connection: Name of a connection, whose settings are `[sources.<folder>.<connection>]` of dlt's configuration;
            its `url` is the root. The default root is the repository.
        format: csv, jsonl, json, parquet, excel or pdf; by default, the format of the file's ending.
        on_bad_row: `fail` refuses the load; `quarantine` writes bad rows to the table `<table>__quarantine`.
        encoding: Encoding of text files without a byte order mark, or several, of which the first that can decode a
            file is taken; by default UTF-8 or UTF-16.
        delimiter: Character between the values of a CSV; by default the one that the line `sep=;` names, or the one of
            , ; tab and | that is most frequent in the first row.
        quote: Character around values that contain delimiters; by default ".
        escape: Character before a quote inside of a quoted value; by default ".
        header: True if the first row names the columns (the default); otherwise their names, or False for
            `column_1`, `column_2`.
        skip: Number of lines before the first row, those inside of quotes included.
        null_values: Texts that are read as NULL, in addition to an empty value.
        number_format: A number as the file writes it, for instance `1 234,50` or `EUR 12.50`: its separators and its
            currency. A sign may then be behind a number, and parentheses around it make it negative.
        decimal_separator: Decimal separator of columns with a number type in `columns`; by default a point.
        date_format: Format of columns with the type date, in the notation of `strptime`; by default ISO 8601.
        timestamp_format: Format of columns with the type timestamp, in the same notation.
        sheet: Name of the sheet, for Excel workbooks with several.
        tables_with: Headings that the PDF tables to read have, beside others; by default all tables of a document are
            read, and must have the same columns.
        table_settings: pdfplumber's settings for finding tables.

    Yields:
        Arrow tables, JSON or dicts, with the columns `_file` and `_row`.

    Raises:
        FoundationError: A file cannot be read; the message names the reason.
        ConnectionError: The storage cannot be reached; a retry may help.
    """
    # `foundation check` imports this module to check arguments, and needs no file systems.
    from data_foundation.readers.files.file_reader import ReadRequest, read_files  # noqa: PLC0415
    from data_foundation.readers.files.stores.storage_settings import find_storage  # noqa: PLC0415

    options = {
        "encoding": encoding, "delimiter": delimiter, "quote": quote, "escape": escape, "header": header, "skip": skip,
        "null_values": null_values, "number_format": number_format, "decimal_separator": decimal_separator,
        "date_format": date_format, "timestamp_format": timestamp_format, "sheet": sheet,
        "tables_with": tables_with, "table_settings": table_settings,
    }  # fmt: skip
    given = {key: value for key, value in options.items() if value is not None}
    resource = dlt.current.resource()
    with closing(find_storage(resource.section, connection, path, resource.custom_metrics.get(ROOT))) as storage:
        yield from read_files(storage, ReadRequest(path, format, on_bad_row, given), resource)
