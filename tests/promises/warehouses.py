"""Checkouts over a DuckDB file and over PostgreSQL, for promises that both keep."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres_server import PostgresServer, PostgresTree, run_server
from tests.support.trees import Tree


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this worker's own."""
    with run_server() as running:
        yield running


@pytest.fixture(params=["duckdb", "postgres"])
def any_tree(request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    """An empty checkout over an empty warehouse of either kind."""
    if request.param == "duckdb":
        (tmp_path / "data").mkdir()
        return Tree(tmp_path)
    server: PostgresServer = request.getfixturevalue("server")
    return PostgresTree(tmp_path, server.settings(server.create_database()))
