"""Tests of `data_foundation.readers.sql` on a real MariaDB, or with `--live` on a SQL Server and an Oracle."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql, oracle

from data_foundation.errors import FoundationError, LoadError
from data_foundation.project.discovery.discover import discover
from tests.databases.servers import Database
from tests.support.sql_sources import SqlTree

pytestmark = pytest.mark.xdist_group("databases")  # one server for all

MOMENT = (
    sa.DateTime()
    .with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    .with_variant(mssql.DATETIME2(6), "mssql")  # type: ignore[no-untyped-call] # of SQLAlchemy
    .with_variant(oracle.TIMESTAMP(), "oracle")
)
LONG = sa.Numeric(38, 10)
AT = dt.datetime(2024, 1, 31, 12, 34, 56, 789012)  # noqa: DTZ001 - the column has no zone


def columns() -> list["sa.Column[Any]"]:
    """Returns columns of the types that every database has."""
    return [
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("big", sa.BigInteger),
        sa.Column("price", sa.Numeric(12, 2)),
        sa.Column("long_number", LONG),
        sa.Column("note", sa.Unicode(50)),
        sa.Column("at", MOMENT),
        sa.Column("content", sa.LargeBinary),
    ]


def row(number: int, **more: Any) -> dict[str, Any]:
    """Returns a row of these columns."""
    return {
        "id": number,
        "big": None,
        "price": None,
        "long_number": None,
        "note": None,
        "at": AT,
        "content": None,
        **more,
    }


FULL = {
    "big": -(2**63),
    "price": Decimal("-1234567890.12"),
    "long_number": Decimal("1234567890123456789012345678.0123456789"),
    "note": "Ä 'x' \\ 😀",
    "content": b"\x00\xff",
}


def test_values_are_loaded_unchanged(tree: SqlTree, database: Database) -> None:
    """Integers, exact decimals, texts, times and bytes are loaded unchanged; an empty value is NULL."""
    with database.table(*columns()) as table:
        database.insert(table, row(1, **FULL), row(2, at=None))
        tree.read(table=table.name)
        assert tree.load("shop.landed").rows == 2
    landed = tree.landed()
    assert {name: values[0] for name, (_, values) in landed.items()} == {"id": 1, "at": AT, **FULL}
    assert {name: values[1] for name, (_, values) in landed.items()} == {"id": 2} | dict.fromkeys(["at", *FULL])
    assert landed["long_number"][0] == "DECIMAL(38,10)"


def test_only_new_rows_are_read(tree: SqlTree, database: Database) -> None:
    """The cursor is in the SELECT; rows at the cursor are neither lost nor loaded twice."""
    with database.table(*columns()) as table:
        database.insert(table, row(1, at=AT - dt.timedelta(days=400)), row(2), row(3))
        tree.read(
            "write_disposition: append", 'incremental: {cursor_path: at, initial_value: "2024-01-01"}', table=table.name
        )
        assert tree.load("shop.landed").rows == 2
        assert tree.load("shop.landed").rows == 0
        database.insert(table, row(4), row(5, at=AT + dt.timedelta(microseconds=1)))
        assert tree.load("shop.landed").rows == 2
    assert tree.landed()["id"][1] == [2, 3, 4, 5]


def test_ranges_are_read_in_parallel(tree: SqlTree, database: Database) -> None:
    """Every row is read once, with a filter, in pages, over several connections."""
    with database.table(*columns()) as table:
        database.insert(table, *(row(number) for number in range(100)))
        tree.read(table=table.name, parallelism=3, chunk_size=7, query_filter="id < 90 and note is null",
                  include=["id", "at"])  # fmt: skip
        tree.load("shop.landed")
    assert list(tree.landed()) == ["id", "at"]
    assert tree.landed()["id"][1] == list(range(90))


def test_an_unchanged_table_is_not_read_again(tree: SqlTree, database: Database) -> None:
    """The table is read again only after a row is added."""
    with database.table(*columns()) as table:
        database.insert(table, row(1))
        tree.read("write_disposition: replace", table=table.name, skip_unchanged="at")
        assert [tree.load("shop.landed").rows for _ in range(2)] == [1, 0]
        database.insert(table, row(2))
        assert tree.load("shop.landed").rows == 2


def test_tables_are_discovered(tree: SqlTree, database: Database) -> None:
    """Tables are found by pattern, with their primary keys; a dropped table is named."""
    with database.table(*columns()) as table:
        database.insert(table, row(1))
        folder = tree.add(
            "shop",
            f"""
            resources:
              - entry: data_foundation.readers.sql.get_table
                kwargs: {{connection: sales_db, tables: "{table.name[:-2]}*"}}
                destination: raw.all_{{table}}
                write_disposition: merge
            """,
        )
        assert [found.tables for found in discover(tree.root, ["shop"])] == [1]
        name = next(line for line in (folder / "discovered.yaml").read_text().splitlines() if ": [id]" in line)
        name = name.partition(":")[0].strip()
        assert tree.load(f"shop.all_{name}").rows == 1
    with pytest.raises(LoadError, match="`foundation discover shop` updates the list of tables"):
        tree.load(f"shop.all_{name}")


def test_a_missing_name_is_refused(tree: SqlTree, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing table, a missing column and a wrong password are named; the error does not show the password."""
    with database.table(*columns()) as table:
        for kwargs, message in (
            ({"table": f"{table.name}x"}, "has no table"),
            ({"table": table.name, "include": ["nte"]}, "Did you mean 'note'"),
        ):
            tree.read(**kwargs)
            with pytest.raises(LoadError, match=message):
                tree.load("shop.landed")
        tree.read(table=table.name)
        monkeypatch.setenv("SOURCES__SHOP__SALES_DB__PASSWORD", "another secret 2")
        with pytest.raises(FoundationError) as caught:
            tree.load("shop.landed")
    assert "another secret 2" not in str(caught.value)
