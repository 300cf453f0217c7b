"""Reads Parquet files, with the types that they have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data_foundation.errors import LoadError
from data_foundation.readers.files.formats.column_names import refuse_repeated_names
from data_foundation.readers.files.formats.int96_times import read_batches
from data_foundation.readers.files.page import Page, add_place

_PAGE_ROWS = 50_000


class ParquetReader:
    """Reads Parquet files."""

    def read(self, path: Path, file: str) -> Iterator[Page]:
        """Yields the rows of a file.

        Args:
            path: Path of the file.
            file: Name of the file in messages and in `_file`.

        Raises:
            LoadError: The file is not a complete Parquet file, or two of its columns become one.
        """
        before = 0
        try:
            with pq.ParquetFile(path) as parquet:
                refuse_repeated_names(parquet.schema_arrow.names, file)
                if not parquet.metadata.num_rows:
                    yield Page(add_place(parquet.schema_arrow.empty_table(), file, []))
                for batch in read_batches(parquet, path, file, _PAGE_ROWS):
                    numbers = range(before + 1, before + len(batch) + 1)
                    yield Page(add_place(pa.Table.from_batches([batch]), file, numbers))
                    before += len(batch)
        except (pa.ArrowException, OSError) as error:
            raise LoadError(f"{file} is not a complete Parquet file: {str(error).partition(chr(10))[0]}") from None
