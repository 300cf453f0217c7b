"""One parquet file into a DuckDB table, in memory that does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob
from typing_extensions import override

ROW_GROUP = 122_880
"""Rows that DuckDB works on at a time in each thread."""

_DICTIONARY = 2**20
"""Bytes of texts that a file has once for many rows: of more, Arrow writes each as often as it stands there."""

_VECTOR = 2_048
"""Rows whose texts are spelt out at a time, each as often as it stands there."""

_VALUE = 10
"""Bytes of a value in DuckDB's hands, a text's own not counted.

With this and what is spare, copies of narrow, wide and long rows have about twice what they fail with (DuckDB 1.5.6),
and one of a million rows of ten columns fills what it has: more rows take no more.
"""

_SPARE = 16 * 2**20

_KEPT = 5 * 2**10
"""Bytes that DuckDB keeps of a column of a row group until the transaction ends, which its limit does not cover.

A file of 20 million rows of twelve columns has 5,000 of them, and DuckDB 1.5.6 held 23 MiB more than its limit.
"""

_LEAST = 2 / 3
"""Share of what the rows need that is left of it for them at least; a half is enough."""

MOST = 2**30
"""Bytes from which on DuckDB decides by itself: rows so wide or so long leave no room for a better guess."""


class BoundedCopy(DuckDbCopyJob):
    """dlt's own copy, with as much memory as the rows need that DuckDB works on, and not all that the machine has.

    What is left of that would fill with blocks which are on disk already.
    """

    @override
    def run(self) -> None:
        with self._bounded(self._job_client.sql_client):
            super().run()

    @contextmanager
    def _bounded(self, client: Any) -> Iterator[None]:
        threads, limit = client.execute_sql("SELECT current_setting('threads'), current_setting('memory_limit')")[0]
        # Where rows are merged from here, the first of two with one key is the one that was yielded first.
        if client.dataset_name != client.staging_dataset_name:
            client.execute_sql("SET preserve_insertion_order = false")
        if (needed := needed_bytes(self._file_path, threads)) < MOST:
            client.execute_sql(f"SET memory_limit = '{needed}B'")
        try:
            yield
        finally:
            client.native_connection.execute("RESET preserve_insertion_order")
            # After a RESET, DuckDB 1.5 shows the default and goes by the smaller limit until it is told a number.
            client.native_connection.execute(f"SET memory_limit = '{limit}'")


def needed_bytes(path: Path | str, threads: int) -> int:
    """Returns how many bytes DuckDB needs for the rows of a file that it has in hand, generously.

    What it keeps of all the others is taken off, as far as that goes, so that both together do not grow with the file.
    """
    with pq.ParquetFile(path) as file:
        found = file.metadata
        groups = [found.row_group(index) for index in range(found.num_row_groups)]
        fullest = max((group.total_byte_size / max(1, group.num_rows) for group in groups), default=0)
        longest = max(map(_longest_texts, groups), default=0)
    in_hand = _SPARE + threads * (ROW_GROUP * (fullest + _VALUE * found.num_columns) + 2 * _VECTOR * longest)
    kept = _KEPT * found.num_row_groups * found.num_columns
    return int(max(in_hand * _LEAST, in_hand - kept))


def _longest_texts(group: pq.RowGroupMetaData) -> int:
    """Returns how many bytes the texts of a row may have that the file has once for many rows."""
    chunks = map(group.column, range(group.num_columns))
    return sum(_longest_text(chunk) for chunk in chunks if chunk.physical_type == "BYTE_ARRAY")


def _longest_text(chunk: pq.ColumnChunkMetaData) -> int:
    told = chunk.statistics
    if told and told.has_min_max and isinstance(told.max, str | bytes):
        return len(told.max)
    # Of texts longer than 4 KB Arrow tells neither the least nor the greatest.
    return min(_DICTIONARY, int(chunk.total_uncompressed_size))
