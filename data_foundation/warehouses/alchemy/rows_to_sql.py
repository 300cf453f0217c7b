"""Writes the rows of a parquet file as statements and values that a database stores without loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data_foundation.errors import ValueRefused
from data_foundation.warehouses.sql.value_texts import as_hex, as_json, as_plain_text, escape, is_bytes, is_text, join

ROWS_AT_ONCE = 10_000
MOST_BYTES = 1 << 20
"""Bytes of one INSERT; MySQL accepts 4 million by default in its oldest versions."""

EXACT_DIGITS = 15
"""Decimal digits that SQLite keeps of a number with a fraction."""

_ESCAPES = (("\\", "\\\\"), ("'", "\\'"), ("\0", "\\0"))
_LARGEST = 1 << 63


def read_batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a parquet file, a few at a time."""
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(ROWS_AT_ONCE)


def as_insert_lists(batch: pa.RecordBatch, most_bytes: int = MOST_BYTES) -> Iterator[str]:
    """Yields the rows as lists of MySQL's INSERT ... VALUES, each about `most_bytes` long at most.

    Raises:
        ValueRefused: A number is infinite or not a number, or a moment has nanoseconds.
    """
    columns = [
        pc.fill_null(_as_literals(column, name), "NULL")
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    rows = join("(", join(*columns, by=","), ")")
    size = pc.sum(pc.binary_length(rows)).as_py() or 0
    each = max(1, len(rows) * most_bytes // max(size, 1))
    for start in range(0, len(rows), each):
        yield ",".join(rows.slice(start, each).to_pylist())


def _as_literals(column: pa.Array, name: str) -> pa.Array:  # noqa: PLR0911 - one for each kind of type
    """Returns the values of a column as MySQL's literals; NULL stays NULL."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _as_literals(column.dictionary_decode(), name)
    if pa.types.is_nested(kind):
        return _quoted(as_json(column))
    if is_text(kind):
        return _quoted(column.cast(pa.large_string()))
    if is_bytes(kind):
        return as_hex(column, "x'", "'")
    if pa.types.is_boolean(kind):
        return column.cast(pa.int8()).cast(pa.large_string())
    if pa.types.is_temporal(kind):
        return join("'", as_plain_text(_in_microseconds(column, name)), "'")
    refuse_not_finite(column, name)
    return as_plain_text(column)


def _quoted(texts: pa.Array) -> pa.Array:
    if texts.offset:
        texts = pa.concat_arrays([texts])
    return join("'", escape(texts, _ESCAPES), "'")


def _in_microseconds(column: pa.Array, name: str) -> pa.Array:
    kind = column.type
    wanted = pa.timestamp("us", kind.tz) if pa.types.is_timestamp(kind) else pa.time64("us")
    if getattr(kind, "unit", "") != "ns":
        return column
    try:
        return column.cast(wanted)
    except pa.ArrowInvalid:
        message = f"column {name}: got nanoseconds, and the database stores microseconds; round the value in the entry"
        raise ValueRefused(message) from None


def refuse_not_finite(column: pa.Array, name: str) -> None:
    """Refuses NaN and infinite numbers, which the database stores as NULL or not at all.

    Raises:
        ValueRefused: There is one.
    """
    if pa.types.is_floating(column.type) and pc.all(pc.is_finite(column.cast(pa.float64()))).as_py() is False:
        message = f"column {name}: got NaN or infinity, which the database cannot store; make it None in the entry"
        raise ValueRefused(message)


def as_sqlite_rows(batch: pa.RecordBatch) -> Iterator[Sequence[Any]]:
    """Yields the rows with values that SQLite keeps, times as SQLAlchemy reads them.

    Raises:
        ValueRefused: A decimal has more digits than SQLite keeps; or as of `as_insert_lists`.
    """
    columns = (_sqlite_values(column, name) for name, column in zip(batch.schema.names, batch.columns, strict=True))
    return zip(*columns, strict=True)


def _sqlite_values(column: pa.Array, name: str) -> Sequence[Any]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _sqlite_values(column.dictionary_decode(), name)
    if pa.types.is_nested(kind):
        return list(as_json(column).to_pylist())
    if pa.types.is_timestamp(kind):
        zone = _in_microseconds(column, name).cast(pa.timestamp("us", kind.tz))
        return list(as_plain_text(zone).to_pylist())
    if pa.types.is_temporal(kind):
        whole = _in_microseconds(column, name)
        return list(as_plain_text(whole if pa.types.is_date(kind) else whole.cast(pa.time64("us"))).to_pylist())
    if pa.types.is_decimal(kind):
        return [_sqlite_number(value, name) for value in column.to_pylist()]
    refuse_not_finite(column, name)
    return list(column.to_pylist())


def _sqlite_number(value: Decimal | None, name: str) -> int | str | None:
    if value is None:
        return None
    if value == value.to_integral_value() and -_LARGEST <= value < _LARGEST:
        return int(value)
    if len(value.normalize().as_tuple().digits) <= EXACT_DIGITS:
        return str(value)
    message = (
        f"column {name}: got {value}, and SQLite keeps {EXACT_DIGITS} digits of a number; set "
        f"`columns: {{{name}: {{data_type: text}}}}`, or use another warehouse"
    )
    raise ValueRefused(message)
