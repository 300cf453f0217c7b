"""Where tables land: the only reader of the environment, and what gives dlt and dbt their settings."""

from __future__ import annotations

import hashlib
import os
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import dlt
import duckdb
from dotenv import load_dotenv
from filelock import FileLock, Timeout

from data_foundation.connection import connect
from data_foundation.errors import SettingMissing, WarehouseBusy, WarehouseError
from data_foundation.redaction import redact, redact_logs
from data_foundation.secret_settings import learn_files, learn_settings
from data_foundation.transaction import TransactionalDuckDB

if TYPE_CHECKING:
    from dlt.common.destination import Destination as DltDestination

    Destination = DltDestination[Any, Any]

# dlt never calls home, wherever its config.toml is looked for, unless the environment wants it to.
os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")

Query = Callable[[str], list[tuple[Any, ...]]]

WAIT_SECONDS = 600.0
"""How long a load waits for another of our processes that holds the warehouse."""

FOREIGN_WAIT_SECONDS = 10.0
"""How long a load waits for somebody else's client, which knows nothing of our lock."""


@dataclass(frozen=True)
class Warehouse(ABC):
    """A place that takes tables.

    Attributes:
        work_folder: Where dlt's working folders and the locks of resources live.
    """

    work_folder: Path
    kind: ClassVar[str]
    # dlt's own number; each is a session of the warehouse.
    load_workers: ClassVar[int] = 20
    is_transactional: ClassVar[bool] = False  # whether `transaction` takes half a load back
    is_audited: ClassVar[bool] = True  # whether attempts to load are written down

    @abstractmethod
    def describe(self) -> str:
        """Returns where the data is, for a person."""

    @property
    @abstractmethod
    def database(self) -> str:
        """The database's name: the first part of a table's full name."""

    @abstractmethod
    def destination(self) -> Destination:
        """Returns dlt's destination for everything that needs no connection."""

    @abstractmethod
    def dbt_settings(self) -> Mapping[str, str]:
        """Returns the environment variables that `dbt_project/profiles.yml` reads."""

    def template_values(self) -> Mapping[str, str]:
        """Returns what the templates `env.NAME` stand for."""
        learn_settings(os.environ)
        return {f"env.{name}": value for name, value in os.environ.items()}

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keeps other processes out where the engine allows one at a time; elsewhere does nothing."""
        yield

    @contextmanager
    def open(self) -> Iterator[Destination]:
        """Yields a destination that may be loaded to and queried until the block ends."""
        with self.exclusive():
            yield self.destination()

    @contextmanager
    def transaction(self, _destination: Destination) -> Iterator[None]:
        """Makes a load inside the block all or nothing, where the engine can."""
        yield

    @contextmanager
    def query(self) -> Iterator[Query]:
        """Yields a function that runs one SELECT and returns its rows, each a tuple."""
        with self.open() as destination, connect(destination, "raw") as client:

            def run(sql: str) -> list[tuple[Any, ...]]:
                with client.execute_query(sql) as cursor:
                    return cursor.fetchall()

            yield run

    @contextmanager
    def dbt_environment(self) -> Iterator[None]:
        """Gives dbt its settings and the warehouse to itself until the block ends."""
        with self.exclusive():
            self.publish_dbt_settings()
            yield

    def publish_dbt_settings(self) -> None:
        """Puts `dbt_settings` into the environment that a dbt started from here inherits."""
        os.environ.update(self.dbt_settings())


@dataclass(frozen=True)
class DuckDBWarehouse(Warehouse):
    """A DuckDB file, or `:memory:`; one process at a time may have it open, so a lock beside it keeps order."""

    path: str
    kind: ClassVar[str] = "duckdb"
    # One session, because it is one transaction; DuckDB itself uses every core for each file.
    load_workers: ClassVar[int] = 1
    is_transactional: ClassVar[bool] = True

    @property
    def _in_memory(self) -> bool:
        return self.path == ":memory:"

    def describe(self) -> str:  # noqa: D102
        return self.path

    @property
    def database(self) -> str:  # noqa: D102
        return "memory" if self._in_memory else Path(self.path).stem

    def destination(self) -> Destination:  # noqa: D102
        return dlt.destinations.duckdb(self.path)

    def dbt_settings(self) -> Mapping[str, str]:  # noqa: D102
        return {"DBT_DUCKDB_PATH": self.path}

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Waits until no other process or thread of ours uses the file.

        Raises:
            WarehouseBusy: After `WAIT_SECONDS`.
        """
        if self._in_memory:
            yield
            return
        Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{self.path}.lock", timeout=WAIT_SECONDS)
        try:
            lock.acquire()
        except Timeout:
            message = f"{self.path} is in use by another run for more than {WAIT_SECONDS:g} s; stop it or wait"
            raise WarehouseBusy(message) from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def open(self) -> Iterator[Destination]:
        """Yields a destination over one connection: two of them opened at once by two threads would fail."""
        with self.exclusive():
            connection = self._connect()
            try:
                yield TransactionalDuckDB(connection)
            finally:
                connection.close()

    @contextmanager
    def transaction(self, destination: Destination) -> Iterator[None]:
        """Makes a load inside the block all or nothing; see TransactionalDuckDB.transaction."""
        assert isinstance(destination, TransactionalDuckDB)  # noqa: S101 - `open` gave it
        with destination.transaction():
            yield

    def _connect(self) -> duckdb.DuckDBPyConnection:
        deadline = time.monotonic() + FOREIGN_WAIT_SECONDS
        while True:
            try:
                return duckdb.connect(self.path)
            except duckdb.IOException as error:
                if "could not set lock" not in str(error).lower():
                    message = f"{self.path} cannot be opened: {error}"
                    raise WarehouseError(message) from None
                if time.monotonic() > deadline:
                    # DuckDB says which program that is, and its process.
                    held = re.search(r"is held in (.+? \(PID \d+\))", str(error))
                    message = (
                        f"{self.path} is held by another client, {held[1] if held else error}: "
                        "close it (one that only reads holds the file too), then run again"
                    )
                    raise WarehouseBusy(message) from None
                time.sleep(0.2)


@dataclass(frozen=True)
class MemoryWarehouse(DuckDBWarehouse):
    """A DuckDB that lives for one load, kept open so that what landed can be looked at."""

    connection: duckdb.DuckDBPyConnection
    is_audited: ClassVar[bool] = False

    @contextmanager
    def open(self) -> Iterator[Destination]:
        """Yields a destination over the connection that this object was made with."""
        yield TransactionalDuckDB(self.connection)


@dataclass(frozen=True)
class SnowflakeWarehouse(Warehouse):
    """A Snowflake database."""

    settings: Mapping[str, str] = field(repr=False)
    kind: ClassVar[str] = "snowflake"

    REQUIRED: ClassVar[tuple[str, ...]] = (
        "SNOWFLAKE_ACCOUNT", "SNOWFLAKE_USER", "SNOWFLAKE_DATABASE", "SNOWFLAKE_WAREHOUSE",
    )  # fmt: skip
    SECRETS: ClassVar[tuple[str, ...]] = ("SNOWFLAKE_PRIVATE_KEY_PATH", "SNOWFLAKE_PASSWORD")

    def describe(self) -> str:  # noqa: D102
        return f"snowflake://{self.settings.get('SNOWFLAKE_ACCOUNT')}/{self.settings.get('SNOWFLAKE_DATABASE')}"

    @property
    def database(self) -> str:  # noqa: D102
        return self.settings.get("SNOWFLAKE_DATABASE", "")

    def destination(self) -> Destination:
        """Returns dlt's Snowflake destination.

        Raises:
            SettingMissing: Naming every setting that is not set.
        """
        missing = [name for name in self.REQUIRED if not self.settings.get(name)]
        if not any(self.settings.get(name) for name in self.SECRETS):
            missing.append(" or ".join(self.SECRETS))
        if missing:
            raise SettingMissing(missing, "Set them in the environment or in .env")
        get = self.settings.get
        credentials = {
            "host": get("SNOWFLAKE_ACCOUNT"),
            "username": get("SNOWFLAKE_USER"),
            "database": get("SNOWFLAKE_DATABASE"),
            "warehouse": get("SNOWFLAKE_WAREHOUSE"),
            "role": get("SNOWFLAKE_ROLE"),
            "password": get("SNOWFLAKE_PASSWORD"),
            "private_key_path": get("SNOWFLAKE_PRIVATE_KEY_PATH"),
            "private_key_passphrase": get("SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"),
        }
        return dlt.destinations.snowflake({key: value for key, value in credentials.items() if value})

    def dbt_settings(self) -> Mapping[str, str]:  # noqa: D102
        return {name: value for name, value in self.settings.items() if name.startswith("SNOWFLAKE_")}


def read_settings(root: Path) -> Mapping[str, str]:
    """Returns the environment, with what `.env` in `root` adds to it; from here on secrets are masked."""
    load_dotenv(root / ".env")
    os.environ.setdefault("DLT_PROJECT_DIR", str(root))
    learn_files(Path(os.environ["DLT_PROJECT_DIR"], ".dlt"))
    learn_settings(os.environ)
    redact_logs()
    return dict(os.environ)


def build_warehouse(root: Path) -> Warehouse:
    """Returns the warehouse that the settings name: `WAREHOUSE`, duckdb unless set.

    Raises:
        WarehouseError: An unknown `WAREHOUSE`, or a `DUCKDB_PATH` that is no path.
    """
    settings = read_settings(root)
    match kind := settings.get("WAREHOUSE") or "duckdb":
        case "duckdb":
            path = root / (given := settings.get("DUCKDB_PATH") or "data/warehouse.duckdb")
            if re.match(r"\w\w+:", given):  # md:..., whose token would become a file's name
                raise WarehouseError(f"DUCKDB_PATH: got '{given}'; accepted: the path of a DuckDB file")
            return DuckDBWarehouse(_work_folder(root, kind, str(path)), str(path))
        case "snowflake":
            identity = f"{settings.get('SNOWFLAKE_ACCOUNT')}/{settings.get('SNOWFLAKE_DATABASE')}"
            return SnowflakeWarehouse(_work_folder(root, kind, identity), settings)
        case _:
            message = f"WAREHOUSE: got '{redact(kind)}'; accepted: duckdb, snowflake"
            raise WarehouseError(message)


def _work_folder(root: Path, kind: str, identity: str) -> Path:
    """Returns a folder of the warehouse's own: what is pending for one must never be loaded into another."""
    return root / "data" / "pipelines" / f"{kind}_{hashlib.sha256(identity.encode()).hexdigest()[:8]}"
