"""Tests of the SELECTs for MySQL, SQL Server and Oracle with SQLAlchemy's dialects, without a database."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql, oracle
from sqlalchemy.sql import quoted_name

from data_foundation.errors import LoadError, ValueRefused
from data_foundation.readers.sql.database import Column, SourceTable
from data_foundation.readers.sql.databases.python_rows import read_rows
from data_foundation.readers.sql.databases.sqlalchemy_types import make_column
from data_foundation.readers.sql.key_ranges import find_ranges
from data_foundation.readers.sql.query_filter import check_filter
from data_foundation.readers.sql.statement import build_select, named

MYSQL: Any = mysql
MSSQL: Any = mssql
ORACLE: Any = oracle
DIALECTS = {"mysql": MYSQL.dialect(), "mssql": MSSQL.dialect(), "oracle": ORACLE.dialect()}
SELECTS = {
    "mysql": "SELECT `id`, `A ``b` FROM `s`.`orders` WHERE `id` >= %s AND (a LIKE 'x%%') ORDER BY `id` ASC LIMIT %s",
    "mssql": "SELECT TOP 5 [id], [A `b] FROM [s].[orders] WHERE [id] >= :id_1 AND (a LIKE 'x%') ORDER BY [id] ASC",
    "oracle": "SELECT id, \"A `b\" FROM s.orders WHERE id >= :id_1 AND (a LIKE 'x%') ORDER BY id ASC "
    "FETCH FIRST 5 ROWS ONLY",
}


@pytest.mark.parametrize("dialect", SELECTS)
def test_a_select_follows_its_dialect(dialect: str) -> None:
    """Quotes, placeholders, limits and Oracle's uppercase names follow the dialect."""
    quote = None if dialect == "oracle" else True
    columns = [Column(quoted_name(name, quote), "INTEGER", pa.int64()) for name in ("id", "A `b")]
    table = SourceTable(quoted_name("s", quote), quoted_name("orders", quote), tuple(columns))
    checked = check_filter("a LIKE 'x%'", dialect)
    key = named(columns[0])
    conditions = [key >= sa.bindparam("id_1", 7), sa.literal_column(f"({checked})")]
    select = build_select(table, columns, conditions, key.asc(), 5)
    compiled = select.compile(dialect=DIALECTS[dialect], compile_kwargs={"render_postcompile": True})
    text = " ".join(str(compiled).split())
    for limit in ("TOP :param_1", "FIRST :param_1"):
        text = text.replace(limit, f"{limit.split()[0]} 5")
    assert text == SELECTS[dialect]


UTC, NAIVE = pa.timestamp("us", "UTC"), pa.timestamp("us")
TYPES: dict[str, tuple[str, Any, Any, str | None]] = {
    "mysql-bigint-unsigned": ("mysql", MYSQL.BIGINT(unsigned=True), pa.decimal128(20, 0), None),
    "mysql-decimal": ("mysql", MYSQL.DECIMAL(20, 5), pa.decimal128(20, 5), None),
    "mysql-bit": ("mysql", MYSQL.BIT(1), pa.bool_(), None),
    "mysql-bits": ("mysql", MYSQL.BIT(12), pa.binary(), None),
    "mysql-float": ("mysql", MYSQL.FLOAT(), pa.float64(), "x + 0e0"),
    "mysql-double": ("mysql", MYSQL.DOUBLE(), pa.float64(), None),
    "mysql-timestamp": ("mysql", MYSQL.TIMESTAMP(), UTC, None),
    "mysql-datetime": ("mysql", MYSQL.DATETIME(), NAIVE, None),
    "mysql-year": ("mysql", MYSQL.YEAR(), pa.int64(), None),
    "mysql-json": ("mysql", MYSQL.JSON(), pa.string(), None),
    "mysql-enum": ("mysql", MYSQL.ENUM("a"), pa.string(), None),
    "mysql-set": ("mysql", MYSQL.SET("a"), pa.string(), None),
    "mysql-blob": ("mysql", MYSQL.LONGBLOB(), pa.binary(), None),
    "mssql-bit": ("mssql", MSSQL.BIT(), pa.bool_(), None),
    "mssql-money": ("mssql", MSSQL.MONEY(), pa.decimal128(19, 4), None),
    "mssql-datetime": ("mssql", MSSQL.DATETIME(), NAIVE, None),
    "mssql-datetime2": ("mssql", MSSQL.DATETIME2(7), NAIVE, "CONVERT(VARCHAR(40), x, 126)"),
    "mssql-datetimeoffset": ("mssql", MSSQL.DATETIMEOFFSET(7), UTC, "CONVERT(VARCHAR(40), x, 126)"),
    "mssql-time": ("mssql", MSSQL.TIME(7), pa.time64("us"), "CONVERT(VARCHAR(40), x, 126)"),
    "mssql-rowversion": ("mssql", MSSQL.ROWVERSION(), pa.binary(), None),
    "mssql-uniqueidentifier": ("mssql", MSSQL.UNIQUEIDENTIFIER(), pa.string(), None),
    "mssql-nvarchar": ("mssql", MSSQL.NVARCHAR(None), pa.string(), None),
    "mssql-varbinary": ("mssql", MSSQL.VARBINARY(None), pa.binary(), None),
    "mssql-real": ("mssql", MSSQL.REAL(), pa.float64(), None),
    "oracle-number": ("oracle", ORACLE.NUMBER(), pa.decimal128(38, 9), None),
    "oracle-number-with-digits": ("oracle", ORACLE.NUMBER(12, 2), pa.decimal128(12, 2), None),
    "oracle-number-of-hundreds": ("oracle", ORACLE.NUMBER(5, -2), pa.decimal128(7, 0), None),
    "oracle-integer": ("oracle", sa.INTEGER(), pa.int64(), None),
    "oracle-float": ("oracle", ORACLE.FLOAT(binary_precision=126), pa.decimal128(38, 9), None),
    "oracle-binary-double": ("oracle", ORACLE.BINARY_DOUBLE(), pa.float64(), None),
    "oracle-date": ("oracle", ORACLE.DATE(), NAIVE, None),
    "oracle-timestamp": ("oracle", ORACLE.TIMESTAMP(), NAIVE, "TO_CHAR(x, 'YYYY-MM-DD\"T\"HH24:MI:SS.FF9')"),
    "oracle-timestamp-with-zone": ("oracle", ORACLE.TIMESTAMP(timezone=True), UTC,
                                   "TO_CHAR(SYS_EXTRACT_UTC(x), 'YYYY-MM-DD\"T\"HH24:MI:SS.FF9\"Z\"')"),
    "oracle-clob": ("oracle", ORACLE.CLOB(), pa.string(), None),
    "oracle-raw": ("oracle", ORACLE.RAW(16), pa.binary(), None),
    "oracle-interval": ("oracle", ORACLE.INTERVAL(), pa.string(), "TO_CHAR(x)"),
}  # fmt: skip


def column(kind: Any, dialect: str, **wanted: Any) -> Column:
    """Returns the column `x` with a type."""
    return make_column({"name": "x", "type": kind, "nullable": True, "is_key": False}, wanted, dialect, "x")


@pytest.mark.parametrize(("dialect", "kind", "arrow", "expression"), TYPES.values(), ids=TYPES)
def test_a_type_is_mapped_to_an_exact_arrow_type(dialect: str, kind: Any, arrow: Any, expression: str | None) -> None:
    """A type that the driver would truncate is selected as text and then parsed exactly."""
    made = column(kind, dialect)
    assert (made.kind, made.expression) == (arrow, expression)


UNKNOWN = {"mssql": MSSQL.SQL_VARIANT(), "mssql-geography": sa.types.NullType(), "oracle-bfile": ORACLE.BFILE()}


@pytest.mark.parametrize(("name", "kind"), UNKNOWN.items(), ids=UNKNOWN)
def test_a_type_without_an_exact_arrow_type_is_refused(name: str, kind: Any) -> None:
    """The error explains what to do: exclude the column, or read it as text."""
    dialect = name.partition("-")[0]
    with pytest.raises(
        LoadError, match=r"no exact type in a warehouse; leave it out with `exclude: \[x\]`, or read it as"
    ):
        column(kind, dialect)
    assert column(kind, dialect, data_type="text").kind == pa.string()


VALUES: dict[str, tuple[Any, Any, Any]] = {
    "seven-digits-that-are-six": (NAIVE, "2024-01-01T12:34:56.7890120", dt.datetime(2024, 1, 1, 12, 34, 56, 789012)),  # noqa: DTZ001 - no zone
    "nine-digits-in-utc": (UTC, "2024-01-01T12:34:56.789012000Z", dt.datetime(2024, 1, 1, 12, 34, 56, 789012, dt.UTC)),
    "an-offset": (UTC, "2024-01-01T12:34:56.7890120-05:30", dt.datetime(2024, 1, 1, 18, 4, 56, 789012, dt.UTC)),
    "a-moment-without-zone": (UTC, dt.datetime(2024, 1, 1, 12), dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)),  # noqa: DTZ001 - no zone
    "a-day-of-hours": (pa.time64("us"), dt.timedelta(hours=23, microseconds=1), dt.time(23, 0, 0, 1)),
    "a-time-as-text": (pa.time64("us"), "12:34:56.7890120", dt.time(12, 34, 56, 789012)),
    "a-bit": (pa.bool_(), b"\x01", True),
    "a-number-that-is-whole": (pa.int64(), Decimal(7), 7),
    "a-decimal": (pa.decimal128(12, 2), Decimal("1.5"), Decimal("1.50")),
    "a-decimal-as-double": (pa.decimal128(12, 2), 0.1, Decimal("0.10")),
    "bytes": (pa.binary(), bytearray(b"\x00"), b"\x00"),
}


@pytest.mark.parametrize(("kind", "value", "expected"), VALUES.values(), ids=VALUES)
def test_values_of_a_driver_are_converted(kind: Any, value: Any, expected: Any) -> None:
    """A driver may return one value as different Python types; the result is the same."""
    (page,) = read_rows([[(value,), (None,)]], [Column("x", "X", kind)])
    assert page.column("x").to_pylist() == [expected, None]


REFUSED: dict[str, tuple[Any, Any]] = {
    "nanoseconds": (NAIVE, "2024-01-01T12:34:56.7890121"),
    "nanoseconds-before-an-offset": (UTC, "2024-01-01T12:34:56.789012345-05:30"),
    "nanoseconds-of-a-day": (pa.time64("us"), "12:34:56.7890121"),
    "a-zero-date": (pa.date32(), "0000-00-00"),
    "hours-of-days": (pa.time64("us"), dt.timedelta(hours=25)),
    "half-a-number": (pa.int64(), Decimal("1.5")),
    "cents-of-cents": (pa.decimal128(12, 2), Decimal("1.005")),
    "a-number-as-text": (pa.int64(), "1"),
    "bytes-as-text": (pa.string(), b"x"),
    "an-integer-that-no-double-is": (pa.float64(), 2**53 + 1),
}


@pytest.mark.parametrize(("kind", "value"), REFUSED.values(), ids=REFUSED)
def test_a_value_that_would_change_is_refused(kind: Any, value: Any) -> None:
    """The error counts rows in reading order, over all pages."""
    with pytest.raises(ValueRefused, match=r"row 3, column x \(X\): got "):
        list(read_rows([[(None,)], [(None,), (value,)]], [Column("x", "X", kind)]))


class KnownBounds:
    """A database that knows the minimum and maximum of the key."""

    def __init__(self, *found: Any) -> None:
        self.found = found

    def row(self, _statement: Any) -> Sequence[Any]:
        """Returns minimum and maximum."""
        return self.found


def test_bounds_of_ranges_of_oracle_numbers_are_integers() -> None:
    """Oracle returns a NUMBER as a decimal; the bounds are integers."""
    key = Column("id", "NUMBER", pa.decimal128(38, 0), nullable=False)
    database: Any = KnownBounds(Decimal(0), Decimal(100))
    first, second = find_ranges(database, SourceTable(None, "orders", (key,)), key, [], 2)
    assert [str(sa.and_(*part).compile(compile_kwargs={"literal_binds": True})) for part in (first, second)] == [
        '"id" < 50', '"id" >= 50'
    ]  # fmt: skip
