"""Tests of `query`: one SELECT in place of a table, checked before it is sent, in real databases."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql, oracle

from data_foundation.errors import ConfigError, EntryError, FoundationError, SettingMissing
from data_foundation.readers.sql.database import Column, SourceTable
from data_foundation.readers.sql.databases.query_columns import mssql_type, oracle_type
from data_foundation.readers.sql.query import check_query
from data_foundation.readers.sql.statement import build_select
from tests.support.postgres_server import PostgresServer
from tests.support.sql_sources import SqlTree, database, file, run_sqlite, sql_server, sql_tree

__all__ = ["database", "file", "sql_server", "sql_tree"]

MSSQL: Any = mssql
MYSQL: Any = mysql
ORACLE: Any = oracle
DIALECTS = ("postgresql", "sqlite", "mysql", "mssql", "oracle")
ACCEPTED = {
    "columns": "SELECT id, name FROM customers WHERE status = 'a;b -- :x'",
    "join": "SELECT c.id, sum(o.amount) AS total FROM customers c JOIN orders o ON o.customer = c.id GROUP BY c.id",
    "window": "SELECT id, row_number() OVER (PARTITION BY name ORDER BY id) AS n FROM customers",
    "union": "SELECT id FROM a UNION ALL SELECT id FROM b",
    "brackets": "(SELECT id FROM a)",
    "alias-with-columns": "SELECT t.x FROM (SELECT 1 FROM a) t (x)",
}
WITH = "WITH totals (day, amount) AS (SELECT d, sum(a) FROM o GROUP BY d) SELECT day, amount FROM totals"
REFUSED = {
    "statement": ("DELETE FROM orders", "writes"),
    "two": ("SELECT 1 AS a; SELECT 2 AS a", "contains 2 statements"),
    "condition": ("status = 'active'", "is no SELECT"),
    "empty": (" ", "is empty"),
    "into": ("SELECT id INTO copies FROM orders", ""),
    "comment": ("SELECT id -- the key\nFROM orders", "has a comment"),
    "lock": ("SELECT id FROM orders FOR UPDATE", ""),
    "placeholder": ("SELECT id FROM orders WHERE id = :x", "has a placeholder"),
    "function": ("SELECT my_function(id) AS x FROM orders", "calls my_function"),
    "named-like-columns": ("WITH pg_sleep (a) AS (SELECT 1) SELECT pg_sleep(60) AS x FROM pg_sleep", "calls pg_sleep"),
    "delete-in-with": ("WITH gone AS (DELETE FROM orders RETURNING id) SELECT id FROM gone", ""),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_select_is_sent_as_it_was_written(dialect: str) -> None:
    """A SELECT that only reads is sent unchanged but for a semicolon at its end."""
    for text in (*ACCEPTED.values(), *([] if dialect == "mssql" else [WITH])):
        assert check_query(f" {text} ;\n", dialect) == text


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_anything_else_is_refused(text: str, reason: str, dialect: str) -> None:
    """The error shows the text, the reason and what is accepted."""
    with pytest.raises(EntryError, match=r"query: got .* accepted is one SELECT") as caught:
        check_query(text, dialect)
    assert reason in str(caught.value)


LIMITED = {
    "limit": ("postgresql", "SELECT id FROM orders ORDER BY id LIMIT 5"),
    "offset": ("sqlite", "SELECT id FROM orders LIMIT 5 OFFSET 5"),
    "top": ("mssql", "SELECT TOP 5 id FROM orders"),
    "fetch": ("oracle", "SELECT id FROM orders FETCH FIRST 5 ROWS ONLY"),
    "rownum": ("oracle", "SELECT id FROM orders WHERE rownum < 5"),
    "subquery": ("mysql", "SELECT * FROM (SELECT id FROM orders LIMIT 5) AS some"),
    "with": (
        "sqlite",
        "WITH some AS (SELECT id FROM a LIMIT 5), more AS (SELECT id FROM some) SELECT id FROM more",
    ),
    "union": ("postgresql", "(SELECT id FROM orders LIMIT 5) UNION ALL SELECT id FROM customers"),
    "random": ("postgresql", "SELECT id FROM orders WHERE random() < 0.1"),
    "rand": ("mysql", "SELECT id FROM orders WHERE rand() < 0.1"),
}


@pytest.mark.parametrize(("dialect", "text"), LIMITED.values(), ids=LIMITED)
def test_rows_that_a_cursor_would_never_reach_are_refused(dialect: str, text: str) -> None:
    """The first rows of a query, or some of them, are not all that a cursor or a comparison of keys needs."""
    assert check_query(text, dialect) == text
    for key in ("incremental", "deleted", "parallelism", "first_load_rows"):
        with pytest.raises(EntryError, match=key):
            check_query(text, dialect, [key])


def test_sql_server_has_no_with_and_no_order_inside() -> None:
    """What SQL Server refuses inside another SELECT is refused with another way to write it."""
    for text, way in ((WITH, "a subquery in FROM"), ("SELECT id FROM a ORDER BY id", "row_order")):
        with pytest.raises(EntryError, match=way):
            check_query(text, "mssql")


@pytest.mark.parametrize("name", ["mysql", "mssql", "oracle"])
def test_the_text_is_part_of_a_select(name: str) -> None:
    """Colons, percent signs and backslashes of the query arrive as they are."""
    text = r"SELECT id FROM a WHERE b = '12:30 :x \:y' AND c LIKE '5%'"
    table = SourceTable.of_query(text, [Column("id", "INTEGER", None)])
    dialects = {"mysql": MYSQL, "mssql": MSSQL, "oracle": ORACLE}
    compiled = str(build_select(table, table.columns).compile(dialect=dialects[name].dialect()))
    assert text.replace("%", "%%" if name == "mysql" else "%") in compiled


DESCRIBED = {
    "decimal": (mssql_type("decimal(12,2)"), MSSQL.DECIMAL(12, 2)),
    "text": (mssql_type("nvarchar(50)"), MSSQL.NVARCHAR()),
    "time": (mssql_type("datetime2(7)"), MSSQL.DATETIME2()),
    "int": (mssql_type("int"), sa.INTEGER()),
    "none": (mssql_type("geography"), sa.types.NullType()),
    "number": (oracle_type("DB_TYPE_NUMBER", 12, 2), ORACLE.NUMBER(12, 2)),
    "any-number": (oracle_type("DB_TYPE_NUMBER", 0, -127), ORACLE.NUMBER()),
    "float": (oracle_type("DB_TYPE_NUMBER", 126, -127), ORACLE.FLOAT(binary_precision=126)),
    "clob": (oracle_type("DB_TYPE_CLOB", None, None), sa.String()),
}


@pytest.mark.parametrize(("found", "expected"), DESCRIBED.values(), ids=DESCRIBED)
def test_a_described_type_is_that_of_a_table(found: Any, expected: Any) -> None:
    """SQL Server and Oracle describe columns in words of their own; the types are those of a table."""
    assert repr(found) == repr(expected)


SCRIPT = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(20));
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, amount {decimal}, at {moment}, data {json});
INSERT INTO customers VALUES (1, 'Ä :x 5%'), (2, 'b');
INSERT INTO orders VALUES (1, 1, 10.25, '2024-01-01 10:00:00', '[1]'), (2, 1, 20, '2024-01-02 10:00:00', NULL),
    (3, 2, 0.5, '2024-01-03 10:00:00', '{{}}')
"""
JOIN = """
SELECT o.id, c.name, o.amount, o.at, o.data, o.amount > 1 AS is_large
FROM orders o JOIN customers c ON c.id = o.customer WHERE c.name = 'Ä :x 5%' OR c.name LIKE '%b'
"""
INCREMENTAL = ("write_disposition: merge", "primary_key: id",
               'incremental: {cursor_path: at, initial_value: "2024-01-02T00:00:00"}')  # fmt: skip
POSTGRES = SCRIPT.format(decimal="NUMERIC(12, 2)", moment="TIMESTAMP", json="JSONB")
SQLITE = SCRIPT.format(decimal="DECIMAL(12, 2)", moment="DATETIME", json="JSON")


def test_a_query_has_the_types_of_postgresql(sql_tree: SqlTree, sql_server: PostgresServer, database: str) -> None:
    """Each column has the type that the server gives it, a decimal with its digits."""
    sql_server.query(POSTGRES, database=database)
    sql_tree.read(*INCREMENTAL, table="", query=JOIN)
    sql_tree.load("shop.landed")
    assert sql_tree.landed() == {
        "id": ("BIGINT", [2, 3]),
        "name": ("VARCHAR", ["Ä :x 5%", "b"]),
        "amount": ("DECIMAL(12,2)", [Decimal(20), Decimal("0.5")]),
        "at": ("TIMESTAMP", [dt.datetime(2024, 1, 2, 10), dt.datetime(2024, 1, 3, 10)]),  # noqa: DTZ001 - no zone
        "data": ("JSON", [None, "{}"]),
        "is_large": ("BOOLEAN", [True, False]),
    }


DECIMALS = {
    "a": ("DECIMAL(12,2)", Decimal("1.5")),
    "b": ("DECIMAL(20,15)", Decimal("1.5")),
    "c": ("DECIMAL(7,0)", Decimal(0)),
    "d": ("DECIMAL(9,3)", Decimal("1.5")),
    "a::numeric(14, 3)": ("DECIMAL(14,3)", Decimal("1.5")),
    "a * 2": ("DECIMAL(38,9)", Decimal(3)),
    "CASE WHEN c = 0 THEN a ELSE b END": ("DECIMAL(38,9)", Decimal("1.5")),
}
"""Expressions over the number 1.5: type and value of each in the table."""


def test_a_decimal_of_a_query_has_its_digits(sql_tree: SqlTree, sql_server: PostgresServer, database: str) -> None:
    """Where the server knows them; else the default of dlt. A table that has the default keeps it."""
    sql_server.query("CREATE DOMAIN price AS numeric(9, 3)", database=database)
    sql_server.query("CREATE TABLE orders (a numeric(12, 2), b numeric(20, 15), c numeric(5, -2), d price)",
                     database=database)  # fmt: skip
    sql_server.query("INSERT INTO orders VALUES (1.5, 1.5, 1.5, 1.5)", database=database)
    names = [f"c{number}" for number in range(len(DECIMALS))]
    query = "SELECT " + ", ".join(f"{text} AS {name}" for name, text in zip(names, DECIMALS, strict=True))
    sql_tree.read("write_disposition: append", table="", query="SELECT a * 1 AS c0, b * 1 AS c1 FROM orders")
    sql_tree.load("shop.landed")
    sql_tree.read("write_disposition: append", table="", query=f"{query} FROM orders")
    sql_tree.load("shop.landed")
    landed = sql_tree.landed()
    assert landed["c0"] == landed["c1"] == ("DECIMAL(38,9)", [Decimal("1.5")] * 2)
    sql_tree.load("shop.landed", refresh="drop")
    found = {text: (kind, values[0]) for text, (kind, values) in zip(DECIMALS, sql_tree.landed().values(), strict=True)}
    assert found == DECIMALS


def test_a_query_goes_on_at_its_cursor_and_finds_deleted_keys(sql_tree: SqlTree, file: Path) -> None:
    """Declared types come through; new rows are read, and rows that the query has no more are deleted."""
    run_sqlite(file, SQLITE)
    sql_tree.read(*INCREMENTAL, table="", query=JOIN + ";", deleted="hard", first_load_rows=1, partition_on="id")
    sql_tree.load("shop.landed")
    landed = sql_tree.landed()
    assert (landed["id"][1], landed["amount"]) == ([2, 3], ("DECIMAL(12,2)", [Decimal(20), Decimal("0.5")]))
    assert landed["at"][0] == "TIMESTAMP WITH TIME ZONE"
    run_sqlite(file, "DELETE FROM orders WHERE id = 2; INSERT INTO orders VALUES (9, 2, 7, '2024-02-01', NULL)")
    sql_tree.load("shop.landed")
    assert sql_tree.landed()["id"][1] == [3, 9]


def test_a_changed_query_is_named(sql_tree: SqlTree, file: Path) -> None:
    """Rows that a query selects since it has changed, and that are older than the cursor, would be missing quietly."""
    run_sqlite(file, SQLITE)
    sql_tree.read(*INCREMENTAL, table="", query=JOIN)
    assert [sql_tree.load("shop.landed").warnings for _ in range(2)] == [(), ()]
    sql_tree.read(*INCREMENTAL, table="", query=JOIN.replace("c.name LIKE", "o.id > 0 OR c.name LIKE"))
    assert any("query or query_filter has changed" in warning for warning in sql_tree.load("shop.landed").warnings)
    assert sql_tree.load("shop.landed").warnings == ()


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "neither": ({"table": ""}, "needs table, or query"),
    "both": ({"query": "SELECT 1 AS a"}, "got query and table; leave table out"),
    "schema": ({"table": "", "query": "SELECT 1 AS a", "schema": "x"}, "leave schema out"),
    "key": ({"table": "", "query": "SELECT 1 AS a", "merge_on_key": True}, "a query has no key; set primary_key"),
    "number": ({"table": "", "query": 7}, "accepted is the text of one SELECT"),
    "delete": ({"table": "", "query": "DELETE FROM orders"}, "writes"),
}


@pytest.mark.parametrize(("kwargs", "message"), WRONG.values(), ids=WRONG)
def test_a_check_finds_it(sql_tree: SqlTree, file: Path, kwargs: dict[str, Any], message: str) -> None:
    """`foundation check` names what is wrong, without the database."""
    assert not file.exists()
    sql_tree.read(**kwargs)
    with pytest.raises(ConfigError, match=message):
        sql_tree.check("shop")


def test_a_check_needs_no_settings(sql_tree: SqlTree) -> None:
    """Without the settings of its connection the dialect is not known: the load checks the query then."""
    sql_tree.read(table="", query="DELETE FROM orders")
    sql_tree.check("shop")
    with pytest.raises(SettingMissing):
        sql_tree.load("shop.landed")


NAMES: dict[str, tuple[str, str]] = {
    "doubled": (
        "SELECT o.id, c.id FROM orders o JOIN customers c ON c.id = o.customer",
        "several columns are named id",
    ),
    "unknown": ("SELECT nothing FROM orders", "nothing"),
}


@pytest.mark.parametrize(("query", "message"), NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_columns_need_names(
    sql_tree: SqlTree, request: pytest.FixtureRequest, kind: str, query: str, message: str
) -> None:
    """A column that cannot be distinguished from another is refused before a row is read."""
    if kind == "sqlite":
        run_sqlite(request.getfixturevalue("file"), SQLITE)
    else:
        server = request.getfixturevalue("sql_server")
        server.query(POSTGRES, database=request.getfixturevalue("database"))
    sql_tree.read(table="", query=query)
    with pytest.raises(FoundationError, match=message):
        sql_tree.load("shop.landed")
