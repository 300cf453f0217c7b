"""Times of INT96 in Parquet files, the old form of Spark, Hive and Impala: Arrow reads them as nanoseconds.

Of a year before 1677 or after 2262, as in 9999-12-31, that gives another time without an error: 64 bits are too few.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data_foundation.errors import LoadError


def read_batches(parquet: Any, path: Path, file: str, size: int) -> Iterator[Any]:
    """Yields the record batches of a file, each time as it is.

    Args:
        parquet: The open file.
        path: Its path.
        file: Its name, for messages.
        size: Largest number of rows in a batch.

    Raises:
        LoadError: A time inside of an object or a list is out of the range of nanoseconds, or a time in a column is,
            and has digits below the microsecond.
    """
    names = sorted(
        {
            column.path.partition(".")[0]
            for column in map(parquet.schema.column, range(len(parquet.schema)))
            if column.physical_type == "INT96"
        }
    )
    if not names:
        yield from parquet.iter_batches(size)
        return
    with pq.ParquetFile(path, coerce_int96_timestamp_unit="us") as again:
        for batch, times in zip(parquet.iter_batches(size), again.iter_batches(size, columns=names), strict=True):
            columns = dict(zip(batch.schema.names, batch.columns, strict=True))
            columns |= {name: _exact(columns[name], times[name], name, file) for name in names}
            yield pa.record_batch(list(columns.values()), list(columns))


def _exact(nanoseconds: Any, microseconds: Any, name: str, file: str) -> Any:
    """Returns the one of two readings of a column that has all digits of its times."""
    if not pa.types.is_timestamp(nanoseconds.type):
        if _fits(microseconds, nanoseconds.type):
            return nanoseconds
        raise LoadError(
            f"{file}: column {name} has a time, inside of an object or a list, that is before 1677 or after 2262; "
            "write the file without INT96 (`outputTimestampType=TIMESTAMP_MICROS` in Spark)"
        )
    # Arithmetic of 64 bits: the difference is right although its operands are not.
    below = pc.subtract(nanoseconds.cast(pa.int64()), pc.multiply(microseconds.cast(pa.int64()), 1000))
    if not pc.any(pc.not_equal(below, 0)).as_py():
        return microseconds
    if _fits(microseconds, nanoseconds.type):
        return nanoseconds
    raise LoadError(
        f"{file}: column {name} has times before 1677 or after 2262, and times with digits below the microsecond; no "
        "type has both"
    )


def _fits(microseconds: Any, kind: Any) -> bool:
    try:
        microseconds.cast(kind)
    except pa.ArrowInvalid:
        return False
    return True
