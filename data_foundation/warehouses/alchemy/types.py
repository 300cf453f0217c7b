"""The column types of MariaDB, MySQL and SQLite that keep every value; dlt's own types cut or round some."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from dlt.destinations.impl.sqlalchemy.type_mapper import MysqlVariantTypeMapper, SqlalchemyTypeMapper
from sqlalchemy.dialects import mysql
from typing_extensions import override

CHARSET = "utf8mb4"


def _digits(precision: int | None) -> int:
    """Returns the digits of a second in the unit in which Arrow holds a precision: none, milli- or microseconds."""
    return 6 if precision is None else min(-(-precision // 3) * 3, 6)


class ExactMySQLTypes(MysqlVariantTypeMapper):
    """Texts of any length that differ if a character differs, bytes of any length, times with their microseconds."""

    @property
    def collation(self) -> str:
        """The collation by which texts are equal only if all their characters are, spaces at the end included."""
        return "utf8mb4_nopad_bin" if getattr(self.dialect, "is_mariadb", False) else "utf8mb4_0900_bin"

    @override
    def db_type_from_text_type(self, column: Any, table: Any) -> Any:
        precision = column.get("precision")
        compared = {"charset": CHARSET, "collation": self.collation}
        return mysql.VARCHAR(precision, **compared) if precision else mysql.LONGTEXT(**compared)

    @override
    def db_type_from_binary_type(self, column: Any, table: Any) -> Any:
        precision = column.get("precision")
        return mysql.VARBINARY(precision) if precision else mysql.LONGBLOB()

    @override
    def db_type_from_timestamp_type(self, column: Any, table: Any) -> Any:
        return mysql.DATETIME(fsp=_digits(column.get("precision")))

    @override
    def db_type_from_time_type(self, column: Any, table: Any) -> Any:
        return mysql.TIME(fsp=_digits(column.get("precision")))

    @override
    def db_type_from_json_type(self, column: Any, table: Any) -> Any:
        return mysql.JSON()


class ExactSQLiteTypes(SqlalchemyTypeMapper):
    """JSON as text: SQLite would store a document that is a number as a number, in a column called JSON."""

    @override
    def db_type_from_json_type(self, column: Any, table: Any) -> Any:
        return sa.Text()
