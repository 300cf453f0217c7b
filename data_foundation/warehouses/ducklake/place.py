"""Where a DuckLake is: its catalogue and its files, and the statements that attach it to a DuckDB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ALIAS = "ducklake"
"""Name of the lake inside DuckDB: the first part of a table's full name."""

CATALOGUE = "ducklake_catalogue"
"""Name of the secret, and of the attached PostgreSQL database, with the catalogue."""

FILES = "ducklake_files"
"""Name of the secret with the credentials of S3."""

BUSY_MILLISECONDS = 10_000
"""How long SQLite waits for another process that writes to the catalogue at this moment."""

MOST_RETRIES = 100
"""How often DuckLake repeats a commit because loads of other tables have committed meanwhile; its default is 10."""


@dataclass(frozen=True)
class Place:
    """Catalogue and files of a DuckLake.

    Attributes:
        file: Path of the catalogue in SQLite, "" if it is in PostgreSQL.
        data: Folder or URL of the files.
        postgres: libpq's parameters of the catalogue's database.
        s3: Values of DuckDB's secret for S3.
    """

    file: str
    data: str
    postgres: Mapping[str, str] = field(default_factory=dict, repr=False)
    s3: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def identity(self) -> str:
        """A text that differs for any two places, and contains secrets."""
        return repr((self.file, self.data, sorted(self.postgres.items()), sorted(self.s3.items())))

    @property
    def is_in_s3(self) -> bool:
        """True if the files are in S3."""
        return self.data.startswith("s3://")

    @property
    def extensions(self) -> Iterator[str]:
        """The extensions that DuckDB needs."""
        yield "sqlite_scanner" if self.file else "postgres_scanner"
        yield "ducklake"
        if self.is_in_s3:
            yield "httpfs"

    @property
    def catalogue(self) -> str:
        """The catalogue as DuckLake's ATTACH names it, without user and password."""
        if self.file:
            return f"sqlite:{self.file}"
        keepalive = "keepalives_idle=30 keepalives_interval=10 keepalives_count=6"
        return f"postgres:sslmode={self.postgres['sslmode']} connect_timeout=15 {keepalive}"

    @property
    def secrets(self) -> Mapping[str, Mapping[str, str]]:
        """DuckDB's secrets by name, each with its values."""
        found = {FILES: self.s3} if self.s3 else {}
        if self.postgres:
            named = {"HOST": "host", "PORT": "port", "DATABASE": "dbname", "USER": "user", "PASSWORD": "password"}
            server = {secret: self.postgres[name] for secret, name in named.items()}
            found[CATALOGUE] = {"TYPE": "postgres", **server}
        return found

    @property
    def options(self) -> Mapping[str, str | bool | int]:
        """The options of DuckLake's ATTACH."""
        data = {"DATA_PATH": self.data.rstrip("/") + "/"}
        if not self.file:
            return {**data, "META_SECRET": CATALOGUE}
        # A project may be moved together with its files; those of a server are in one place for all machines.
        return {
            **data,
            "OVERRIDE_DATA_PATH": True,
            "META_JOURNAL_MODE": "WAL",
            "META_BUSY_TIMEOUT": BUSY_MILLISECONDS,
        }

    def prepare(self) -> Iterator[str]:
        """Yields the statements that a DuckDB executes once; they contain secrets."""
        yield f"SET GLOBAL ducklake_max_retry_count = {MOST_RETRIES}"
        # By default each wait is half as long again: the twentieth would take minutes.
        yield "SET GLOBAL ducklake_retry_backoff = 1"
        for name, values in self.secrets.items():
            given = ", ".join(f"{key} {_quote(value)}" for key, value in values.items())
            yield f"CREATE OR REPLACE SECRET {name} ({given})"

    def attach(self) -> Iterator[str]:
        """Yields the statements that attach the lake, creating its catalogue where there is none."""
        if not self.file:
            server = _quote(self.catalogue.partition(":")[2])
            yield f"ATTACH {server} AS {CATALOGUE} (TYPE postgres, SECRET {CATALOGUE})"
        given = ((name, _quote(value) if isinstance(value, str) else value) for name, value in self.options.items())
        options = ", ".join(f"{name} {value}" for name, value in given)
        yield f"ATTACH {_quote(f'ducklake:{self.catalogue}')} AS {ALIAS} ({options})"

    @property
    def attached(self) -> Sequence[str]:
        """The names of the databases that `attach` attaches, in the order in which they are detached."""
        return (ALIAS,) if self.file else (ALIAS, CATALOGUE)

    @property
    def has_lost_its_catalogue(self) -> bool:
        """True if the local folder has files, and the file of the catalogue, which is made before them, is missing."""
        if not self.file or "://" in self.data:
            return False
        # The files first: of a lake that is made at this moment, the catalogue is then there.
        has_files = next(Path(self.data).rglob("*.parquet"), None) is not None
        return has_files and not Path(self.file).exists()

    def create_folders(self) -> None:
        """Creates the local folders of catalogue and files."""
        if self.file:
            Path(self.file).parent.mkdir(parents=True, exist_ok=True)
        if "://" not in self.data:
            Path(self.data).mkdir(parents=True, exist_ok=True)


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
