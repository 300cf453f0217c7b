"""Maps SQLAlchemy's types of MySQL, SQL Server and Oracle: a column's SQL, its Arrow type, and its dlt hint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql, oracle

from data_foundation.errors import LoadError
from data_foundation.readers.sql.database import JSON, NO_ZONE, Column, decimal, wanted_decimal

_UTC, _NAIVE = pa.timestamp("us", "UTC"), pa.timestamp("us")
_TEXT = {"mysql": "CAST({} AS CHAR)", "mssql": "CAST({} AS NVARCHAR(MAX))", "oracle": "TO_CHAR({})"}
_UNSIGNED_DIGITS = 20
# Drivers silently truncate times to microseconds; as text all digits arrive, and finer times are refused by name.
_ISO = "CONVERT(VARCHAR(40), {}, 126)"
_ORACLE_TIME = "TO_CHAR({}, 'YYYY-MM-DD\"T\"HH24:MI:SS.FF9')"
_ORACLE_UTC = 'TO_CHAR(SYS_EXTRACT_UTC({}), \'YYYY-MM-DD"T"HH24:MI:SS.FF9"Z"\')'
# The first match counts, so a dialect's own types come before their base classes.
_TYPE_MAPPINGS: tuple[tuple[Any, Any, str | None], ...] = (
    (mssql.DATETIMEOFFSET, _UTC, _ISO),
    (mssql.DATETIME2, _NAIVE, _ISO),
    (mssql.TIME, pa.time64("us"), _ISO),
    (mssql.MONEY, decimal(19, 4), None),
    (mssql.SMALLMONEY, decimal(10, 4), None),
    (mssql.TIMESTAMP, pa.binary(), None),  # a version number of the row, not a time
    (mssql.UNIQUEIDENTIFIER, pa.string(), None),
    (mssql.XML, pa.string(), "CAST({} AS NVARCHAR(MAX))"),
    (oracle.TIMESTAMP, _NAIVE, _ORACLE_TIME),
    (oracle.DATE, _NAIVE, None),
    (oracle.INTERVAL, pa.string(), "TO_CHAR({})"),
    (oracle.ROWID, pa.string(), "ROWIDTOCHAR({})"),
    (oracle.BINARY_DOUBLE, pa.float64(), None),
    (oracle.BINARY_FLOAT, pa.float64(), None),
    (oracle.FLOAT, decimal(38, 9), None),  # a NUMBER of binary digits
    (oracle.BFILE, None, None),
    (mysql.FLOAT, pa.float64(), "{} + 0e0"),  # MySQL sends only six digits of the bare column
    (mysql.YEAR, pa.int64(), None),
    (mysql.TIMESTAMP, _UTC, None),  # the session is in UTC
    (mysql.SET, pa.string(), None),
    (sa.JSON, pa.string(), None),
    (sa.Boolean, pa.bool_(), None),
    (sa.Enum, pa.string(), None),
    (sa.Uuid, pa.string(), None),
    (sa.Integer, pa.int64(), None),
    (sa.Float, pa.float64(), None),
    (sa.DateTime, _NAIVE, None),
    (sa.Date, pa.date32(), None),
    (sa.Time, pa.time64("us"), None),
    (sa.String, pa.string(), None),
    (sa.types._Binary, pa.binary(), None),  # noqa: SLF001 - the common base of all binary types has no public name
)


def make_column(described: Mapping[str, Any], wanted: Mapping[str, Any], dialect: str, quoted: str) -> Column:
    """Returns the column with its SQL and its types.

    Args:
        described: The column in SQLAlchemy's inspector: name, type, nullable; and is_key.
        wanted: The column's hints in `sources.yaml`.
        dialect: Dialect of the connection.
        quoted: The column's quoted name in SQL.

    Raises:
        LoadError: No warehouse stores this type exactly, and no hint declares `data_type: text`.
    """
    kind, declared = described["type"], _declared(described["type"])
    facts: dict[str, Any] = {"name": described["name"], "declared": declared, "nullable": described["nullable"],
                             "is_key": described["is_key"]}  # fmt: skip
    if wanted.get("data_type") == "text":
        return Column(kind=pa.string(), expression=_TEXT[dialect].format(quoted), **facts)
    if arrow := wanted_decimal(wanted) or _decimal(kind):
        return Column(kind=arrow, **facts)
    if isinstance(kind, mysql.BIT):
        return Column(kind=pa.bool_() if kind.length in {None, 1} else pa.binary(), **facts)
    if isinstance(kind, oracle.TIMESTAMP) and (kind.timezone or kind.local_timezone):
        return Column(kind=_UTC, expression=_ORACLE_UTC.format(quoted), **facts)
    mapping = next((one for one in _TYPE_MAPPINGS if isinstance(kind, one[0])), None)
    if mapping and mapping[1] is not None:
        known, arrow, expression = mapping
        hint = JSON if known is sa.JSON else NO_ZONE if arrow == _NAIVE else {}
        return Column(kind=arrow, expression=expression and expression.format(quoted), hint=hint, **facts)
    name = described["name"]
    raise LoadError(
        f"column {name} is {declared}, which has no exact type in a warehouse; leave it out with `exclude: [{name}]`, "
        f"or read it as text with `columns: {{{name}: {{data_type: text}}}}`"
    )


def _decimal(kind: Any) -> Any:
    """Returns the Arrow decimal for a SQL type, or None if it is not a decimal."""
    if isinstance(kind, mysql.BIGINT) and kind.unsigned:
        return decimal(_UNSIGNED_DIGITS, 0)
    if not isinstance(kind, sa.Numeric) or isinstance(kind, sa.Float):
        return None
    if kind.precision is None:
        return wanted_decimal({"data_type": "decimal"})
    scale = kind.scale or 0
    # NUMBER(5, -2) has 7 digits before the point, NUMBER(2, 5) five after it.
    return decimal(max(kind.precision, scale, kind.precision - scale), max(scale, 0))


def _declared(kind: Any) -> str:
    return type(kind).__name__ if isinstance(kind, sa.types.NullType) else repr(kind)
