"""Databases to read from (a PostgreSQL server and SQLite files), and projects with one source that reads them."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pytest

from tests.support.postgres_server import ADMINISTRATOR, PASSWORD, PostgresServer
from tests.support.trees import Tree

SOURCE = """
resources:
  - entry: data_foundation.readers.sql.get_table
    kwargs: {kwargs}
    destination: raw.landed
{settings}
"""


@dataclass(frozen=True)
class SqlTree(Tree):
    """A project with the source `shop`, which has no code."""

    def read(self, *settings: str, **kwargs: Any) -> None:
        """Writes the source: `raw.landed` gets the rows of the reader for `kwargs`."""
        lines = "\n".join(f"    {line}" for line in ("retries: {max: 1, backoff: 0.01}", *settings))
        arguments = {"connection": "sales_db", "table": "orders", **kwargs}
        self.add("shop", SOURCE.format(kwargs=json.dumps(arguments), settings=lines))
        (self.root / "dlthub" / "shop" / "data.py").unlink()

    def landed(self) -> dict[str, tuple[str, list[Any]]]:
        """Returns type and values of every column that landed, by name, ordered by `id` if there is one."""
        with duckdb.connect(self.warehouse.path) as connection:
            found = connection.sql("select * from raw.landed")
            found = found.order("id") if "id" in found.columns else found
            rows = found.fetchall()
            values = zip(*rows, strict=True) if rows else ([] for _ in found.columns)
            names = zip(found.columns, map(str, found.types), values, strict=True)
            return {name: (kind, list(column)) for name, kind, column in names if not name.startswith("_dlt")}


@pytest.fixture(scope="session")
def sql_server(postgres_server: PostgresServer) -> PostgresServer:
    """The server that holds the databases to read from."""
    return postgres_server


@pytest.fixture
def sql_tree(tmp_path: Path) -> SqlTree:
    """An empty project."""
    return SqlTree(tmp_path)


@pytest.fixture
def database(sql_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty PostgreSQL database, which is the connection `sales_db` of the source `shop`."""
    name = sql_server.create_database()
    monkeypatch.setenv("SOURCES__SHOP__SALES_DB", dsn(sql_server, name))
    return name


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A SQLite file that does not exist yet, which is the connection `sales_db` of the source `shop`."""
    place = tmp_path / "sales.sqlite"
    monkeypatch.setenv("SOURCES__SHOP__SALES_DB__DRIVERNAME", "sqlite")
    monkeypatch.setenv("SOURCES__SHOP__SALES_DB__DATABASE", str(place))
    return place


def dsn(server: PostgresServer, name: str) -> str:
    """Returns the address of a database, with its administrator's password."""
    return f"postgresql://{ADMINISTRATOR}:{quote(PASSWORD)}@127.0.0.1:{server.port}/{name}"


def run_sqlite(file: Path, script: str) -> None:
    """Runs statements in a SQLite file."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(script)
