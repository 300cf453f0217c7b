"""The engines that the contract is proven on, each with checkouts over a warehouse of its own."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import pytest
from typing_extensions import override

from data_foundation.warehouses.base import WORK_FOLDER, Warehouse
from data_foundation.warehouses.general.dlt_settings import find_strategies
from data_foundation.warehouses.settings import find_engine, read_settings
from tests.databases.servers import run_mariadb
from tests.snowflake.conftest import SnowflakeTree
from tests.support.dlt_warehouses import DestinationTree, new_suffix
from tests.support.ducklakes import DuckLakeTree
from tests.support.lakes import IcebergTree, LakeTree, ParquetTree
from tests.support.postgres_server import PostgresTree
from tests.support.trees import Tree

ROOT = Path(__file__).parents[3]
Checkout = Callable[[Path], Tree]

DELETE_INSERT = frozenset({"delete-insert"})
EVERY_MERGE = DELETE_INSERT | {"upsert", "insert-only", "scd2"}


@dataclass(frozen=True)
class Engine:
    """An engine as the suite knows it.

    Attributes:
        share: Returns the function that makes checkouts over one new warehouse; its arguments are the test's request
            and a folder.
        merges: The strategies that it has; any other is refused.
        is_shared: Whether two machines may load at once.
        changes_types: Whether a column's type changes where no value is lost.
        changes_scale: Whether a decimal gets more digits behind the point; else its load is refused.
        keeps_audit: Whether the audit trail is in the warehouse.
        is_copied: Whether tables are copied from a DuckDB file to it, and back.
        compares_columns: Whether a merge of versions compares the columns of a key one by one; else it is refused.
    """

    share: Callable[[pytest.FixtureRequest, Path], Checkout]
    merges: frozenset[str] = EVERY_MERGE
    is_shared: bool = True
    changes_types: bool = True
    changes_scale: bool = True
    keeps_audit: bool = True
    is_copied: bool = True
    compares_columns: bool = True


def _duckdb(_request: pytest.FixtureRequest, _folder: Path) -> Checkout:
    return Tree


def _postgres(request: pytest.FixtureRequest, _folder: Path) -> Checkout:
    server = request.getfixturevalue("postgres_server")
    settings = server.settings(server.create_database())
    return lambda root: PostgresTree(root, settings)


def _snowflake(request: pytest.FixtureRequest, folder: Path) -> Checkout:
    account = request.getfixturevalue("account")
    shared = account.warehouse(folder)
    return lambda root: SnowflakeTree(root, account, replace(shared, work_folder=root / "data" / "pipelines"))


def _ducklake(_request: pytest.FixtureRequest, folder: Path) -> Checkout:
    settings = {"DUCKLAKE_CATALOG": f"{folder}/shared.sqlite", "DUCKLAKE_DATA": f"{folder}/shared"}
    return lambda root: DuckLakeTree(root, settings)


def _of_files(tree: Checkout) -> Engine:
    merges = EVERY_MERGE - {"scd2"}
    return Engine(lambda *_: tree, merges, is_shared=False, changes_types=False, keeps_audit=False, is_copied=False)


def _mariadb(request: pytest.FixtureRequest, _folder: Path) -> Checkout:
    address, suffix = request.getfixturevalue("mariadb"), new_suffix()
    return lambda root: DestinationTree(root, address, suffix)


def _sqlite(_request: pytest.FixtureRequest, folder: Path) -> Checkout:
    return lambda root: DestinationTree(root, f"sqlite:///{folder}/shared.db")


def _dlt_postgres(request: pytest.FixtureRequest, _folder: Path) -> Checkout:
    server = request.getfixturevalue("postgres_server")
    # dlt's class cannot connect with a space in the password.
    user = new_suffix().strip("_")
    server.query(f"CREATE ROLE {user} SUPERUSER LOGIN PASSWORD '{user}'")
    address = f"postgresql://{user}:{user}@127.0.0.1:{server.port}/{server.create_database()}"
    return lambda root: DestinationTree(root, address, kind="postgres")


ENGINES: Mapping[str, Engine] = {
    # The other side of each copy.
    "duckdb": Engine(_duckdb, is_shared=False, is_copied=False),
    "postgres": Engine(_postgres),
    "snowflake": Engine(_snowflake, changes_scale=False),
    "ducklake": Engine(_ducklake, is_shared=False, changes_types=False),
    "delta": _of_files(LakeTree),
    "iceberg": _of_files(IcebergTree),
    # Each file has its own number of digits.
    "parquet": replace(_of_files(ParquetTree), merges=frozenset(), changes_types=True),
    "mariadb": Engine(_mariadb, merges=DELETE_INSERT | {"scd2"}, compares_columns=False),
    "sqlite": Engine(_sqlite, merges=DELETE_INSERT | {"scd2"}, changes_types=False, compares_columns=False),
    # The general engine, on the one server that is here; named after dlt's class, which it does not improve.
    "general": Engine(_dlt_postgres, is_shared=False, changes_types=False, is_copied=False, compares_columns=False),
}


@dataclass(frozen=True)
class LiveTree(DestinationTree):
    """A project whose warehouse is the one that the settings of this checkout name."""

    @property
    @override
    def warehouse(self) -> Warehouse:
        """The warehouse, with schemas of the test's own."""
        settings = {**read_settings(ROOT), WORK_FOLDER.name: str(self.root / "data" / "pipelines")}
        return find_engine(self.kind).of(ROOT, settings, suffix=self.suffix, others=lambda _name: self.warehouse)


def find_live() -> Mapping[str, Engine]:
    """Returns the engine that WAREHOUSE names, for `make test-live`; none for those that have tests of their own."""
    name = read_settings(ROOT).get("WAREHOUSE") or "duckdb"
    if name in {"duckdb", "snowflake", "postgres", "lake", "filesystem"}:
        return {}
    merges = frozenset(find_strategies(name))

    def share(_request: pytest.FixtureRequest, _folder: Path) -> Checkout:
        suffix = new_suffix()
        return lambda root: LiveTree(root, suffix=suffix, kind=name)

    return {name: Engine(share, merges, is_shared=False, changes_types=False)}


@contextmanager
def mariadb_address() -> Iterator[str]:
    """Runs a MariaDB server during the block, and yields SQLAlchemy's URL of it."""
    with run_mariadb() as settings:
        user, password = settings["USERNAME"], quote(settings["PASSWORD"])
        yield f"mysql+pymysql://{user}:{password}@127.0.0.1:{settings['PORT']}/{settings['DATABASE']}"
