"""Finds the columns of a query on MySQL, SQL Server and Oracle: their names, and their types as SQLAlchemy has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql
from sqlalchemy.dialects import oracle as oracle_dialect

from data_foundation.errors import LoadError
from data_foundation.readers.sql.statement import from_query

oracle: Any = oracle_dialect  # its constructors have no annotations

_UNSIGNED, _ENUM, _SET = 32, 256, 2048
"""Flags of a column in MySQL's protocol."""
_BYTES = 63
"""MySQL's character set of bytes."""
# Numbers of the types in MySQL's protocol.
_MYSQL: Mapping[int, Any] = {
    **dict.fromkeys((1, 2, 3, 9), sa.Integer()), 4: mysql.FLOAT(), 5: mysql.DOUBLE(), 7: mysql.TIMESTAMP(),
    **dict.fromkeys((10, 14), mysql.DATE()), 11: mysql.TIME(), 12: mysql.DATETIME(), 13: mysql.YEAR(),
    245: mysql.JSON(),
}  # fmt: skip
_MYSQL_BIG, _MYSQL_BIT, _MYSQL_DECIMALS = 8, 16, (0, 246)
_MYSQL_TEXTS = (15, 247, 248, 249, 250, 251, 252, 253, 254)

_ORACLE: Mapping[str, Any] = {
    "DB_TYPE_BINARY_DOUBLE": oracle.BINARY_DOUBLE(), "DB_TYPE_BINARY_FLOAT": oracle.BINARY_FLOAT(),
    "DB_TYPE_DATE": oracle.DATE(), "DB_TYPE_TIMESTAMP": oracle.TIMESTAMP(),
    "DB_TYPE_TIMESTAMP_TZ": oracle.TIMESTAMP(timezone=True),
    "DB_TYPE_TIMESTAMP_LTZ": oracle.TIMESTAMP(local_timezone=True),
    **dict.fromkeys(("DB_TYPE_INTERVAL_DS", "DB_TYPE_INTERVAL_YM"), oracle.INTERVAL()), "DB_TYPE_ROWID": oracle.ROWID(),
    **dict.fromkeys(("DB_TYPE_RAW", "DB_TYPE_LONG_RAW", "DB_TYPE_BLOB"), sa.LargeBinary()),
    "DB_TYPE_BFILE": oracle.BFILE(),
    **dict.fromkeys(("DB_TYPE_VARCHAR", "DB_TYPE_NVARCHAR", "DB_TYPE_CHAR", "DB_TYPE_NCHAR", "DB_TYPE_CLOB",
                     "DB_TYPE_NCLOB", "DB_TYPE_LONG"), sa.String()),
}  # fmt: skip
_FLOAT_SCALE = -127
"""Scale by which Oracle marks a number of binary digits, or one without digits."""

_MSSQL_COLUMNS = sa.text(
    "SELECT name, system_type_name, error_message FROM sys.dm_exec_describe_first_result_set(:query, NULL, 0) "
    "ORDER BY column_ordinal"
)
_DECLARED = re.compile(r"(\w+)(?:\((\d+)(?:,(\d+))?\))?")


def describe_query(connection: sa.Connection, query: str, dialect: str) -> list[dict[str, Any]]:
    """Returns name, type and nullable of each column of a checked SELECT; reads no row.

    Args:
        connection: An open connection.
        query: The SELECT.
        dialect: Dialect of the connection.

    Raises:
        LoadError: SQL Server cannot describe the statement.
    """
    if dialect == "mssql":
        rows = connection.execute(_MSSQL_COLUMNS, {"query": query}).all()
        if refused := next((message for _, _, message in rows if message), ""):
            raise LoadError(f"query: SQL Server answers: {refused}")
        return [_column(name or "", mssql_type(declared or "")) for name, declared, _ in rows]
    # No row meets the condition, which MySQL and Oracle know before they read any.
    nothing = sa.select(sa.text("*")).select_from(from_query(query)).where(sa.false())
    with connection.execute(nothing) as result:
        cursor: Any = result.cursor
        if dialect == "mysql":
            # The description of the DB-API has neither flags nor character set.
            fields = cursor._result.fields  # noqa: SLF001 - PyMySQL 1.1 has no public name for them
            return [_column(field.name, mysql_type(field)) for field in fields]
        normalize: Any = connection.dialect.normalize_name
        return [_column(normalize(info[0]), oracle_type(info[1].name, info[4], info[5])) for info in cursor.description]


def _column(name: str, kind: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "nullable": True}


def mysql_type(field: Any) -> Any:
    """Returns the type of a column, by its description in MySQL's protocol."""
    code, flags = field.type_code, field.flags
    if code in _MYSQL_DECIMALS:
        # The length counts the point and, unless the column is unsigned, the sign.
        digits = field.length - (field.scale > 0) - (not flags & _UNSIGNED)
        return mysql.DECIMAL(digits, field.scale)
    if code == _MYSQL_BIG:
        return mysql.BIGINT(unsigned=bool(flags & _UNSIGNED))
    if code == _MYSQL_BIT:
        return mysql.BIT(field.length)
    if code in _MYSQL_TEXTS:
        is_text = flags & (_ENUM | _SET) or field.charsetnr != _BYTES
        return sa.String() if is_text else sa.LargeBinary()
    return _MYSQL.get(code, sa.types.NullType())


def oracle_type(name: str, precision: int | None, scale: int | None) -> Any:
    """Returns the type of a column, by the name of its type in Oracle's driver."""
    if name != "DB_TYPE_NUMBER":
        return _ORACLE.get(name, sa.types.NullType())
    if not precision:
        return oracle.NUMBER()
    return oracle.FLOAT(binary_precision=precision) if scale == _FLOAT_SCALE else oracle.NUMBER(precision, scale)


def mssql_type(declared: str) -> Any:
    """Returns the type of a column, by its declaration, for instance `decimal(12,2)`."""
    found = _DECLARED.match(declared)
    known: Mapping[str, Any] = mssql.base.ischema_names
    if found is None or (kind := known.get(found[1])) is None:
        return sa.types.NullType()
    if issubclass(kind, sa.Numeric) and not issubclass(kind, sa.Float) and found[2]:
        return kind(int(found[2]), int(found[3] or 0))
    return kind()
