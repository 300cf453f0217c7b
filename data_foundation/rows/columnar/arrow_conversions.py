"""Converts the values of a column to an Arrow array of the column's type, all unchanged, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import combinations
from math import isfinite
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.json import json
from pendulum import DateTime

from data_foundation.rows.exact.column_rules import NUMBER
from data_foundation.rows.exact.value_rules import INT64, Unacceptable, as_json_text, as_written, check_json

Values = Any
"""A list of values, or an Arrow array that was read from JSON."""


class NotColumnar(Exception):
    """A page cannot become Arrow tables; the message gives the reason."""


def without_value(name: str) -> NotColumnar:
    """Returns the error for a None in a column that is not nullable; the check of single rows names the row."""
    return NotColumnar(f"{name}: no value for a column that is not nullable")


def to_array(values: Values, kinds: frozenset[type], data_type: str, wanted: pa.DataType) -> pa.Array:
    """Returns the values of a column as an Arrow array.

    Args:
        values: Values of the given types, or None.
        kinds: The types of the values but None; not empty.
        data_type: The column's dlt data type.
        wanted: The column's Arrow type in dlt's own files.

    Raises:
        NotColumnar: No conversion exists for these types, or a value would be changed.
    """
    convert = _CONVERSIONS.get((data_type, kinds))
    if convert is None:
        names = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise NotColumnar(f"{names} in a column of type {data_type}")
    try:
        return convert(values, wanted)
    except (pa.ArrowException, ValueError, OverflowError, TypeError, RecursionError) as error:
        raise NotColumnar(f"a value that a column of type {data_type} cannot store unchanged") from error


def _plain(values: Values, wanted: pa.DataType) -> pa.Array:
    """Leaves it to Arrow to refuse what does not fit: wide integers, decimals with more digits, lone surrogates."""
    if not isinstance(values, pa.Array):
        return pa.array(values, wanted)
    if pa.types.is_floating(values.type) and pc.any(pc.greater_equal(pc.abs(values), 2.0**53)).as_py():
        # In JSON, a wide integer, which would be rounded, looks like a wide double.
        raise ValueError
    return values.cast(wanted)


def _texts(values: Values) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, pa.string())


def _uuids(values: Values, wanted: pa.DataType) -> pa.Array:
    return pa.array([None if value is None else str(value) for value in values], wanted)


def _number_texts(values: Values, wanted: pa.DataType) -> pa.Array:
    read = int if pa.types.is_integer(wanted) else float
    return pa.array([None if text is None else _number(text, read) for text in _each(values)], wanted)


def _number(text: str, read: Callable[[str], Any]) -> Any:
    """Returns the number in a text, exactly.

    Raises:
        ValueError: It is no number, or has too many digits.
    """
    number = read(text)
    if not NUMBER.fullmatch(text) or Decimal(str(number)) != Decimal(text):
        raise ValueError
    return number


def _spelt(values: Values, wanted: pa.DataType) -> pa.Array:
    if isinstance(values, pa.Array) and pa.types.is_floating(values.type):
        # Once read as floats, 1 and 1.0 of JSON are the same.
        raise ValueError
    return pa.array([None if value is None else _spell(value) for value in _each(values)], wanted)


def _spell(value: float | str) -> str:
    """Returns a value as text.

    Raises:
        ValueError: dlt's files cannot hold it.
    """
    if (type(value) is float and not isfinite(value)) or (type(value) is int and value not in INT64):
        raise ValueError
    return str(value)


def _each(values: Values) -> Sequence[Any]:
    listed: Sequence[Any] = values.to_pylist() if isinstance(values, pa.Array) else values
    return listed


def _moments(values: Values, wanted: pa.DataType) -> pa.Array:
    """Reads times without a zone as UTC, like dlt."""
    return _in_time(pa.array(values, pa.timestamp("us", "UTC")), wanted)


def _moment_texts(values: Values, wanted: pa.DataType) -> pa.Array:
    """Reads ISO 8601, either all with a zone or all without; Arrow refuses anything else."""
    texts = _texts(values)
    try:
        return _in_time(texts.cast(pa.timestamp("us", "UTC")), wanted)
    except pa.ArrowInvalid:
        return _in_time(texts.cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC")), wanted)


def _in_time(moments: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Returns times in the wanted type; refuses the first and last year, which may leave the calendar in UTC."""
    if wanted.tz not in {"UTC", None}:
        raise ValueError
    years = pc.min_max(pc.year(moments)).as_py()
    if years["min"] is not None and not (years["min"] >= _FIRST_YEAR and years["max"] <= _LAST_YEAR):
        raise ValueError
    return moments.cast(wanted)


def _dates(values: Values, wanted: pa.DataType) -> pa.Array:
    return pa.array(values, wanted)


def _date_texts(values: Values, wanted: pa.DataType) -> pa.Array:
    """Reads days, also if given as their midnight."""
    texts = _texts(values)
    try:
        days = texts.cast(wanted)
    except pa.ArrowInvalid:
        moments = texts.cast(pa.timestamp("us"))
        days = moments.cast(wanted)
        if not days.cast(moments.type).equals(moments):
            raise
    if pc.any(pc.less(pc.year(days), 1)).as_py():
        raise ValueError
    return days


def _times(values: Values, wanted: pa.DataType) -> pa.Array:
    if any(value is not None and value.tzinfo for value in values):
        raise ValueError
    return pa.array(values, pa.time64("us")).cast(wanted)


def _documents(values: Values, wanted: pa.DataType) -> pa.Array:
    return pa.array([None if value is None else _document(value) for value in _each(values)], wanted)


def _document(value: Any) -> str:
    """Returns JSON text as in dlt's own files.

    Raises:
        ValueError: JSON cannot hold the value unchanged.
    """
    if isinstance(value, str):
        return as_json_text(value)
    text: str = json.dumps(value)
    if json.loads(text) != value:
        # Times, decimals and the like, which dlt writes as text after reading them back; or what JSON cannot hold.
        try:
            check_json(value)
            text = json.dumps(as_written(value))
        except Unacceptable as error:
            raise ValueError(str(error)) from error
    return text


_FIRST_YEAR, _LAST_YEAR = 2, 9998
_KINDS: dict[str, dict[tuple[type, ...], Callable[[Values, pa.DataType], pa.Array]]] = {
    "text": {
        **{kinds: _spelt for count in range(1, 5) for kinds in combinations((str, int, float, bool), count)},
        (str,): _plain,
        (UUID,): _uuids,
    },
    "bigint": {(int,): _plain, (str,): _number_texts},
    "double": {(float,): _plain, (int,): _plain, (float, int): _plain, (str,): _number_texts},
    "bool": {(bool,): _plain},
    "binary": {(bytes,): _plain},
    "decimal": {(Decimal,): _plain},
    "timestamp": {
        (datetime,): _moments,
        (DateTime,): _moments,
        (datetime, DateTime): _moments,
        (str,): _moment_texts,
    },
    "date": {(date,): _dates, (str,): _date_texts},
    "time": {(time,): _times},
    "json": {kinds: _documents for count in range(1, 4) for kinds in combinations((dict, list, str), count)},
}
_CONVERSIONS = {
    (data_type, frozenset(kinds)): convert for data_type, known in _KINDS.items() for kinds, convert in known.items()
}
