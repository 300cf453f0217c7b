"""Runs each test of the contract on every engine that keeps what the test needs."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.snowflake.conftest import account, server
from tests.support.trees import Tree
from tests.warehouses.contract.engines import ENGINES, Engine, find_live, mariadb_address

__all__ = ["account", "server"]  # fixtures


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrizes a test with the engines that have what it needs: its module's NEEDS is a field of `Engine`."""
    if "engine" in metafunc.fixturenames:
        need = getattr(metafunc.module, "NEEDS", "share")
        engines = find_live() if metafunc.config.getoption("--live") else ENGINES
        chosen = [name for name, engine in engines.items() if getattr(engine, need)]
        metafunc.parametrize("engine", chosen, indirect=True)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[str]:
    """SQLAlchemy's URL of a MariaDB server."""
    if not shutil.which("mariadbd"):
        pytest.skip("mariadbd is not here (on Debian: apt-get install mariadb-server)")
    with mariadb_address() as address:
        yield address


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine."""
    return {**ENGINES, **(find_live() if request.config.getoption("--live") else {})}[request.param]


@pytest.fixture
def tree(engine: Engine, request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    """An empty checkout over an empty warehouse of the engine."""
    return engine.share(request, tmp_path)(tmp_path / "here")
