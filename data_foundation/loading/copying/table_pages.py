"""Reads a table of any engine in pages of equal values, and sums the digests of its rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.libs.pyarrow import get_py_arrow_datatype
from dlt.common.schema.utils import is_complete_column

from data_foundation.errors import LoadError

if TYPE_CHECKING:
    from dlt.common.schema.typing import TColumnSchema, TTableSchema
    from dlt.destinations.sql_client import SqlClientBase

PAGE_ROWS = 20_000
"""Rows of a page, which is in memory as a whole."""

_WIDTH = 2**128
_MICROSECONDS = 6
_MIDNIGHT = datetime(2000, 1, 1, tzinfo=UTC)
_ANY_ENGINE = DestinationCapabilitiesContext.generic_capabilities()


@dataclass(frozen=True)
class Content:
    """What two tables with the same rows have in common, in whatever order they are read.

    Attributes:
        rows: The number of rows.
        digest: The sum of the digests of the rows.
    """

    rows: int = 0
    digest: int = 0

    def plus(self, page: pa.Table, columns: Mapping[str, TColumnSchema]) -> Content:
        """Returns the content with the rows of one more page."""
        values = [
            list(map(_canonical, column.to_pylist())) if columns[name]["data_type"] == "json" else column.to_pylist()
            for name, column in zip(page.column_names, page.columns, strict=True)
        ]
        digests = (hashlib.blake2b(repr(row).encode(), digest_size=16).digest() for row in zip(*values, strict=True))
        return Content(self.rows + page.num_rows, (self.digest + sum(map(int.from_bytes, digests))) % _WIDTH)


def loaded_columns(table: TTableSchema) -> dict[str, TColumnSchema]:
    """Returns the columns of a table of dlt's schema that have a type.

    Raises:
        LoadError: A column has parts of a microsecond, which Python's values do not have.
    """
    columns = {name: column for name, column in table["columns"].items() if is_complete_column(column)}
    fine = [
        name
        for name, column in columns.items()
        if column["data_type"] in ("timestamp", "time") and (column.get("precision") or 0) > _MICROSECONDS
    ]
    if fine:
        raise LoadError(
            f"{table['name']}: {', '.join(fine)} has nanoseconds, which a copy would cut off; nothing was written"
        )
    return columns


def read_pages(
    client: SqlClientBase[Any], table: str, columns: Mapping[str, TColumnSchema], json_text: str
) -> Iterator[pa.Table]:
    """Yields the rows of a table, each page with the same columns; of an empty table one page without rows.

    Args:
        client: From `connect`.
        table: Name of the table.
        columns: Its columns, from `loaded_columns`.
        json_text: The text of the JSON column `{}`, in SQL of the engine.
    """
    types = pa.schema([(name, get_py_arrow_datatype(column, _ANY_ENGINE, "UTC")) for name, column in columns.items()])
    quoted = {name: client.escape_column_name(name) for name in columns}
    chosen = ", ".join(
        json_text.format(quoted[name]) if column["data_type"] == "json" else quoted[name]
        for name, column in columns.items()
    )
    query = f"SELECT {chosen} FROM {client.make_qualified_table_name(table)}"  # noqa: S608 - quoted by dlt
    with client.execute_query(query) as cursor:
        rows = cursor.fetchmany(PAGE_ROWS)
        if not rows:
            yield types.empty_table()
        while rows:
            values = zip(*rows, strict=True)
            arrays = [
                pa.array(map(_converter(kind), column), kind) for column, kind in zip(values, types.types, strict=True)
            ]
            yield pa.Table.from_arrays(arrays, schema=types)
            rows = cursor.fetchmany(PAGE_ROWS)


def read_content(
    client: SqlClientBase[Any], table: str, columns: Mapping[str, TColumnSchema], json_text: str
) -> Content:
    """Returns the content of a table; the arguments are those of `read_pages`."""
    content = Content()
    for page in read_pages(client, table, columns, json_text):
        content = content.plus(page, columns)
    return content


def _converter(kind: pa.DataType) -> Callable[[Any], Any]:
    """Returns the function that makes a driver's value one of an Arrow type: SQLite has no times, MariaDB no bool."""
    found = next((convert for is_kind, convert in _CONVERTERS if is_kind(kind)), None)
    return (lambda value: None if value is None else found(value)) if found else lambda value: value


def _as_moment(value: datetime | str) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _as_date(value: date | str) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _as_time(value: time | timedelta | str) -> time:
    if isinstance(value, timedelta):
        return (_MIDNIGHT + value).time()
    return time.fromisoformat(value) if isinstance(value, str) else value


def _as_decimal(value: Decimal | float) -> Decimal:
    # By its text: that is the shortest one of a float, which has the digits that were written.
    return value if isinstance(value, Decimal) else Decimal(str(value))


_CONVERTERS: Sequence[tuple[Callable[[pa.DataType], bool], Callable[[Any], Any]]] = (
    (pa.types.is_timestamp, _as_moment),
    (pa.types.is_date, _as_date),
    (pa.types.is_time, _as_time),
    (pa.types.is_decimal, _as_decimal),
    (pa.types.is_boolean, bool),
    (pa.types.is_binary, bytes),
)


def _canonical(text: str | None) -> str | None:
    """Returns JSON as every engine would write it: keys in order, numbers without zeros at their end."""
    if text is None:
        return None
    return json.dumps(json.loads(text, parse_float=_number, parse_int=_number), sort_keys=True)


def _number(text: str) -> str:
    return f"number {Decimal(text).normalize():f}"
