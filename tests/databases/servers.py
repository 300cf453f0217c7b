"""Databases that are read with SQLAlchemy's dialects: a MariaDB started by the tests, and those named by settings."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from data_foundation.readers.sql.database_settings import find_connection
from data_foundation.readers.sql.databases.sqlalchemy_database import build_url

DEADLINE = 60.0
USER, PASSWORD = "reader", "the-reader's secret 1"
LIVE = {"mssql": "LIVE_MSSQL_DSN", "oracle": "LIVE_ORACLE_DSN"}
"""Databases that the tests cannot start, with the setting that names one; its user may create and drop tables."""

OPENSSH = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
"""OpenSSH's server, None if it is not here."""


def find_servers(settings: Mapping[str, str], *, live: bool) -> tuple[list[str], list[str]]:
    """Returns the available databases, and a message for each that is left out.

    Args:
        settings: Settings of the environment and .env.
        live: True for the databases named by settings, False for the one that the tests start.
    """
    if live:
        missing = [f"{name}: {setting} is not set" for name, setting in LIVE.items() if not settings.get(setting)]
        return [name for name, setting in LIVE.items() if settings.get(setting)], missing
    if shutil.which("mariadbd"):
        return ["mariadb"], []
    return [], ["mariadb: mariadbd is not here (on Debian: apt-get install mariadb-server)"]


@dataclass(frozen=True)
class Database:
    """A database that a test may write to.

    Attributes:
        name: `mariadb`, or one of `LIVE`.
        engine: SQLAlchemy engine of the test.
    """

    name: str
    engine: sa.Engine

    @classmethod
    def of(cls, name: str) -> "Database":
        """Returns the database that the source `shop` knows as `sales_db`."""
        return cls(name, sa.create_engine(build_url(find_connection("shop", "sales_db"))))

    def execute(self, *statements: str) -> None:
        """Executes statements and commits."""
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    @contextmanager
    def table(self, *columns: "sa.Column[object]") -> Iterator[sa.Table]:
        """Yields a table with a unique name, and drops it."""
        table = sa.Table(f"t_{uuid.uuid4().hex[:12]}", sa.MetaData(), *columns)
        table.create(self.engine)
        try:
            yield table
        finally:
            table.drop(self.engine)

    def insert(self, table: sa.Table, *rows: Mapping[str, object]) -> None:
        """Adds rows to a table."""
        with self.engine.begin() as connection:
            connection.execute(table.insert(), list(rows))


@contextmanager
def run_mariadb(*options: str) -> Iterator[dict[str, str]]:
    """Runs a MariaDB server during the block, and yields the settings of a connection to it.

    Args:
        options: More options of `mariadbd`.
    """
    folder = Path(tempfile.mkdtemp(prefix="mariadb_"))
    who = ["--user=root"] if os.geteuid() == 0 else []
    data = folder / "data"
    make = [
        "mariadb-install-db",
        "--no-defaults",
        f"--datadir={data}",
        "--skip-test-db",
        "--auth-root-authentication-method=normal",
    ]
    subprocess.run([*make, *who], check=True, capture_output=True)
    first = folder / "first.sql"
    escaped = PASSWORD.replace("'", "''")
    first.write_text(  # the server reads one statement per line
        f"CREATE DATABASE sales;\nCREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{escaped}';\n"
        f"GRANT ALL ON *.* TO '{USER}'@'127.0.0.1';\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["mariadbd", "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1",
               f"--socket={folder / 'socket'}", f"--init-file={first}", "--skip-name-resolve",
               "--character-set-server=utf8mb4",
               "--innodb-flush-log-at-trx-commit=0", *options]  # fmt: skip
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([*command, *who], stdout=output, stderr=output)
    try:
        settings = {"DRIVERNAME": "mariadb", "HOST": "127.0.0.1", "PORT": str(port), "DATABASE": "sales",
                    "USERNAME": USER, "PASSWORD": PASSWORD}  # fmt: skip
        _wait(port, process, log)
        yield settings
    finally:
        process.kill()
        process.wait(DEADLINE)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Waits until the server accepts connections, which it does after its initial statements."""
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        else:
            return
