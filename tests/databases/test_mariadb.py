"""Tests of `data_foundation.readers.sql` on types that only MySQL and MariaDB have."""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from data_foundation.errors import FoundationError
from tests.databases.servers import Database
from tests.support.sql_sources import SqlTree

pytestmark = pytest.mark.xdist_group("databases")  # one server for all

MOMENT = dt.datetime(2024, 1, 31, 12, 34, 56, 789012, dt.UTC)
TYPES: dict[str, tuple[str, str, Any]] = {
    "tinyint(1)": ("-128", "BIGINT", -128),  # other databases' readers treat it as a bool
    "int unsigned": ("4294967295", "BIGINT", 2**32 - 1),
    "bigint unsigned": ("18446744073709551615", "DECIMAL(20,0)", Decimal(2**64 - 1)),
    "decimal(38,20)": ("-123456789012345678.12345678901234567890", "DECIMAL(38,20)",
                       Decimal("-123456789012345678.12345678901234567890")),
    "float": ("1.1", "DOUBLE", 1.100000023841858),
    "double": ("0.1", "DOUBLE", 0.1),
    "year": ("2024", "BIGINT", 2024),
    "datetime(6)": ("'2024-01-31 12:34:56.789012'", "TIMESTAMP", MOMENT.replace(tzinfo=None)),
    "timestamp(6)": ("'2024-01-31 12:34:56.789012'", "TIMESTAMP WITH TIME ZONE", MOMENT),
    "date": ("'2024-02-29'", "DATE", dt.date(2024, 2, 29)),
    "enum('a','b')": ("'b'", "VARCHAR", "b"),
    "longtext": ("'Ä \\'x\\' 😀'", "VARCHAR", "Ä 'x' 😀"),
    "char(3)": ("'c'", "VARCHAR", "c"),
    "varbinary(3)": ("x'00ff'", "BLOB", b"\x00\xff"),
    "longblob": ("x'00ff'", "BLOB", b"\x00\xff"),
}  # fmt: skip


@pytest.fixture
def mariadb(there: tuple[str, Mapping[str, str]], database: Database) -> Database:
    """A MariaDB whose tables can hold every character."""
    assert there[0] == "mariadb"
    database.execute("DROP TABLE IF EXISTS orders")
    return database


def test_every_type_has_its_type_in_the_warehouse(tree: SqlTree, mariadb: Database) -> None:
    """Every type of the database has its type and value in the warehouse."""
    declared = ", ".join(f"c{number} {kind} NULL" for number, kind in enumerate(TYPES))
    mariadb.execute(
        f"CREATE TABLE orders (id INT PRIMARY KEY, {declared}) CHARACTER SET utf8mb4",
        "SET time_zone = '+00:00'",
    )
    values = ", ".join(literal for literal, _, _ in TYPES.values())
    mariadb.execute(
        "SET time_zone = '+00:00'",
        f"INSERT INTO orders VALUES (1, {values})",
        f"INSERT INTO orders VALUES (2, {', '.join(['NULL'] * len(TYPES))})",
    )
    tree.read()
    tree.load("shop.landed")
    landed = tree.landed()
    assert {kind: (landed[f"c{n}"][0], landed[f"c{n}"][1][0]) for n, kind in enumerate(TYPES)} == {
        kind: (warehouse, value) for kind, (_, warehouse, value) in TYPES.items()
    }
    assert [landed[f"c{n}"][1][1] for n in range(len(TYPES))] == [None] * len(TYPES)


REFUSED: dict[str, tuple[str, str]] = {
    "zero-date": ("date", "'0000-00-00'"),
    "zero-time": ("datetime", "'0000-00-00 00:00:00'"),
    "long-time": ("time", "'25:00:00'"),
}


@pytest.mark.parametrize(("kind", "literal"), REFUSED.values(), ids=REFUSED)
def test_a_value_that_the_warehouse_cannot_hold_is_refused(
    tree: SqlTree, mariadb: Database, kind: str, literal: str
) -> None:
    """The error names row and column; no value becomes NULL silently."""
    mariadb.execute("SET sql_mode = ''", f"CREATE TABLE orders (id INT PRIMARY KEY, odd {kind})",
                    f"INSERT INTO orders VALUES (1, {literal})")  # fmt: skip
    tree.read()
    with pytest.raises(FoundationError, match="odd"):
        tree.load("shop.landed")


def test_names_of_any_kind_are_read(tree: SqlTree, mariadb: Database) -> None:
    """Capitals, spaces, backticks and SQL keywords in names are quoted."""
    mariadb.execute("DROP TABLE IF EXISTS `Odd ``table`", "CREATE TABLE `Odd ``table` (`select` INT, `My Column` INT)",
                    "INSERT INTO `Odd ``table` VALUES (1, 2)")  # fmt: skip
    tree.read(table="Odd `table")
    tree.load("shop.landed")
    assert {name: values for name, (_, values) in tree.landed().items()} == {"select": [1], "my_column": [2]}


def test_a_query_has_the_types_of_its_columns(tree: SqlTree, mariadb: Database) -> None:
    """Columns of a query have the types and the values that they have in their table."""
    kinds = {kind: one for kind, one in TYPES.items() if kind != "longtext"}
    declared = ", ".join(f"c{number} {kind} NULL" for number, kind in enumerate(kinds))
    values = ", ".join(literal for literal, _, _ in kinds.values())
    mariadb.execute(
        f"CREATE TABLE orders (id INT PRIMARY KEY, {declared}) CHARACTER SET utf8mb4",
        "SET time_zone = '+00:00'", f"INSERT INTO orders VALUES (1, {values})",
    )  # fmt: skip
    names = ", ".join(f"o.c{number}" for number in range(len(kinds)))
    tree.read(
        table="", query=f"SELECT o.id, concat(o.id, ':x 5%') AS note, {names} FROM orders AS o WHERE id LIKE '1%'"
    )
    tree.load("shop.landed")
    landed = tree.landed()
    assert {kind: (landed[f"c{n}"][0], landed[f"c{n}"][1][0]) for n, kind in enumerate(kinds)} == {
        kind: (warehouse, value) for kind, (_, warehouse, value) in kinds.items()
    }
    assert landed["note"] == ("VARCHAR", ["1:x 5%"])
