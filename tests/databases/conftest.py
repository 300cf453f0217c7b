"""Runs each test on every available database, as the connection `sales_db` of the source."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from data_foundation.warehouses.settings import read_settings
from tests.databases.servers import LIVE, Database, find_servers, run_mariadb
from tests.support.sql_sources import SqlTree, sql_tree

ROOT = Path(__file__).parents[2]
PREFIX = "SOURCES__SHOP__SALES_DB"

__all__ = ["sql_tree"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrizes a test with each available database."""
    if "there" in metafunc.fixturenames:
        names, _ = find_servers(read_settings(ROOT), live=metafunc.config.getoption("--live"))
        metafunc.parametrize("there", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def there(request: pytest.FixtureRequest) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The name of a database, and the environment variables of its connection."""
    if setting := LIVE.get(request.param):
        yield request.param, {PREFIX: read_settings(ROOT)[setting]}
        return
    with run_mariadb() as settings:
        yield request.param, {f"{PREFIX}__{name}": value for name, value in settings.items()}


@pytest.fixture
def database(there: tuple[str, Mapping[str, str]], monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database that the source `shop` knows as `sales_db`."""
    name, settings = there
    for variable, value in settings.items():
        monkeypatch.setenv(variable, value)
    found = Database.of(name)
    yield found
    found.engine.dispose()


@pytest.fixture
def tree(sql_tree: SqlTree) -> SqlTree:
    """An empty checkout."""
    return sql_tree
