"""The servers of a side: each has one of its own, whose CPU seconds are counted with those of its load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import quote

from tests.databases.servers import run_mariadb
from tests.support.postgres_server import run_server

USER = "bench"
"""User and password; dlt's class connects with no password that has to be quoted."""


@contextmanager
def postgres() -> Iterator[Mapping[str, str]]:
    """Runs a PostgreSQL server during the block, and yields the settings of the project for it."""
    with run_server() as server:
        server.query(f"CREATE ROLE {USER} LOGIN SUPERUSER PASSWORD '{USER}'")
        yield {
            "WAREHOUSE": "postgres",
            "POSTGRES_HOST": "127.0.0.1",
            "POSTGRES_PORT": str(server.port),
            "POSTGRES_DATABASE": "postgres",
            "POSTGRES_USER": USER,
            "POSTGRES_PASSWORD": USER,
            "POSTGRES_SSLMODE": "disable",
        }


@contextmanager
def mariadb() -> Iterator[str]:
    """Runs a MariaDB server during the block, and yields SQLAlchemy's URL of it."""
    with run_mariadb() as found:
        user, password = found["USERNAME"], quote(found["PASSWORD"])
        yield f"mysql+pymysql://{user}:{password}@127.0.0.1:{found['PORT']}/{found['DATABASE']}"
