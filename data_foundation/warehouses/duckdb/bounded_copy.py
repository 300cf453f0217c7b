"""Copies a parquet file into a DuckDB table, with memory that does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob
from typing_extensions import override

ROW_GROUP_ROWS = 122_880
"""Rows that each thread of DuckDB processes at a time."""

_DICTIONARY_BYTES = 2**20
"""Bytes of a parquet dictionary: beyond it, Arrow writes each text as often as it occurs."""

_VECTOR_ROWS = 2_048
"""Rows whose dictionary-encoded texts are decoded at a time."""

_VALUE_BYTES = 10
"""Bytes of a value that DuckDB processes, without the bytes of a text.

With this and `_SPARE_BYTES`, copies of narrow, wide and long rows get about twice the memory that they fail with
(DuckDB 1.5.6). A copy of a million rows of ten columns uses all of it; more rows need no more.
"""

_SPARE_BYTES = 16 * 2**20

_KEPT_BYTES = 5 * 2**10
"""Bytes that DuckDB keeps for a column of a row group until the transaction ends, outside of its memory limit.

A file of 20 million rows of twelve columns has 5,000 of them, and DuckDB 1.5.6 held 23 MiB more than its limit.
"""

_SMALLEST_SHARE = 2 / 3
"""The smallest share of the needed memory that is granted; a half is enough in practice."""

HIGHEST_LIMIT = 2**30
"""Bytes above which DuckDB keeps its own limit: for rows so wide or long, no better one can be estimated."""


class BoundedCopy(DuckDbCopyJob):
    """dlt's own copy, limited to the memory that DuckDB needs for the rows in process.

    Without a limit DuckDB would fill all memory of the machine with blocks that are on disk already.
    """

    @override
    def run(self) -> None:
        with self._bounded(self._job_client.sql_client):
            super().run()

    @contextmanager
    def _bounded(self, client: Any) -> Iterator[None]:
        threads, limit = client.execute_sql("SELECT current_setting('threads'), current_setting('memory_limit')")[0]
        # A staging table keeps its order: a merge chooses between rows with one key by it.
        if client.dataset_name != client.staging_dataset_name:
            client.execute_sql("SET preserve_insertion_order = false")
        if (needed := needed_bytes(self._file_path, threads)) < HIGHEST_LIMIT:
            client.execute_sql(f"SET memory_limit = '{needed}B'")
        try:
            yield
        except BaseException:
            # The transaction takes no statement after an error; these settings are those of all sessions.
            with client.native_connection.cursor() as session:
                _restore(session, limit)
            raise
        _restore(client.native_connection, limit)


def _restore(session: Any, limit: str) -> None:
    session.execute("RESET preserve_insertion_order")
    # Not RESET: DuckDB 1.5 then shows the default and still applies the smaller limit until a number is set.
    session.execute(f"SET memory_limit = '{limit}'")


def needed_bytes(path: Path | str, threads: int) -> int:
    """Returns a generous estimate of the bytes that DuckDB needs for the rows in process.

    The memory that it keeps for all other row groups is subtracted as far as possible, so that the sum does not grow
    with the file.
    """
    with pq.ParquetFile(path) as file:
        metadata = file.metadata
        groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
        fullest = max((group.total_byte_size / max(1, group.num_rows) for group in groups), default=0)
        longest = max(map(_longest_texts, groups), default=0)
    in_process = _SPARE_BYTES + threads * (
        ROW_GROUP_ROWS * (fullest + _VALUE_BYTES * metadata.num_columns) + 2 * _VECTOR_ROWS * longest
    )
    kept = _KEPT_BYTES * metadata.num_row_groups * metadata.num_columns
    return int(max(in_process * _SMALLEST_SHARE, in_process - kept))


def _longest_texts(group: pq.RowGroupMetaData) -> int:
    """Returns the most bytes that the dictionary-encoded texts of one row can have."""
    chunks = map(group.column, range(group.num_columns))
    return sum(_longest_text(chunk) for chunk in chunks if chunk.physical_type == "BYTE_ARRAY")


def _longest_text(chunk: pq.ColumnChunkMetaData) -> int:
    statistics = chunk.statistics
    if statistics and statistics.has_min_max and isinstance(statistics.max, str | bytes):
        return len(statistics.max)
    # For texts longer than 4 KB Arrow writes neither minimum nor maximum.
    return min(_DICTIONARY_BYTES, int(chunk.total_uncompressed_size))
