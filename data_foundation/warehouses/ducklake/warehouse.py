"""DuckLake as warehouse: checks its settings and attaches the lake."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from typing_extensions import override

from data_foundation.errors import SettingMissing, WarehouseError
from data_foundation.warehouses.base import WORK_FOLDER, Setting, Warehouse, require_settings
from data_foundation.warehouses.ducklake.place import ALIAS, Place
from data_foundation.warehouses.postgres.warehouse import DEFAULTS as POSTGRES_DEFAULTS
from data_foundation.warehouses.postgres.warehouse import SETTINGS as POSTGRES_SETTINGS

if TYPE_CHECKING:
    from data_foundation.warehouses.base import Destination

CATALOG = Setting(
    "DUCKLAKE_CATALOG",
    "The catalogue: `postgres`, in the database that the settings of PostgreSQL name, for several machines; or the "
    "path of a SQLite file, relative to the repository, for the processes of one machine.",
    default="data/ducklake.sqlite",
)
DATA = Setting(
    "DUCKLAKE_DATA",
    "Where the files of the tables are: `s3://bucket/folder`, with the settings `AWS_*` of a lake, or a folder, "
    "relative to the repository. With a catalogue in PostgreSQL every machine must reach it under this name.",
    default="data/ducklake",
)
S3_SETTINGS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL")
"""Settings of S3, which are those of a lake too."""


@dataclass(frozen=True)
class DuckLakeWarehouse(Warehouse):
    """Tables as parquet files, with a catalogue in SQLite or PostgreSQL.

    Attributes:
        root: The repository.
        settings: The environment that it was built from.
    """

    root: Path
    settings: Mapping[str, str] = field(repr=False)
    kind: ClassVar[str] = "ducklake"
    known_settings: ClassVar[Sequence[Setting]] = (CATALOG, DATA)
    # A load is one transaction and so one session.
    load_workers: ClassVar[int] = 1

    @classmethod
    @override
    def of(cls, root: Path, settings: Mapping[str, str], *, suffix: str, others: Callable[[str], Warehouse]) -> Self:
        """Returns the lake that `DUCKLAKE_CATALOG` and `DUCKLAKE_DATA` name."""
        known = {name: settings.get(name) or POSTGRES_DEFAULTS.get(name, "") for name in _names()}
        parts = (known[CATALOG.name], known[DATA.name], known["POSTGRES_HOST"], known["POSTGRES_DATABASE"])
        identity = "|".join((str(root), *parts) if known[CATALOG.name] != "postgres" else parts) + suffix
        folder = cls.find_work_folder(WORK_FOLDER.find_path(root, settings), identity)
        return cls(folder, root, known, suffix=suffix, others=others)

    @classmethod
    @override
    def is_shared(cls, settings: Mapping[str, str]) -> bool:
        """Returns whether the catalogue is on a server; a file belongs to one person."""
        return settings.get(CATALOG.name) == "postgres"

    @override
    def describe(self) -> str:
        get = self.settings.get
        server = f"postgresql://{get('POSTGRES_HOST')}:{get('POSTGRES_PORT')}/{get('POSTGRES_DATABASE')}"
        return f"ducklake {server if self._is_in_postgres else self._path(CATALOG)}, files in {self._data}"

    @property
    @override
    def database(self) -> str:
        return ALIAS

    @override
    def destination(self) -> Destination:
        # dlt's module, which only this warehouse needs.
        from data_foundation.warehouses.ducklake.destination import TransactionalDuckLake  # noqa: PLC0415

        return TransactionalDuckLake(self.place)

    @override
    def dbt_settings(self) -> Mapping[str, str]:
        from data_foundation.warehouses.ducklake.dbt_profile import dbt_settings  # noqa: PLC0415 - see `destination`

        return dbt_settings(self.place, self.work_folder)

    @contextmanager
    @override
    def exclusive(self) -> Iterator[None]:
        """Excludes other writers if the catalogue is in SQLite, which dbt would find locked."""
        from data_foundation.warehouses.ducklake.locks import catalogue_lock  # noqa: PLC0415 - see `destination`

        self.place.create_folders()
        with catalogue_lock(self.place):
            yield

    @contextmanager
    @override
    def open(self, label: Mapping[str, str] | None = None) -> Iterator[Destination]:
        """Yields a destination over the attached lake.

        Raises:
            SettingMissing: Names every setting that is not set.
            WarehouseError: Names the setting at fault, or the extra that is not installed.
            ConnectionError: The server of the catalogue cannot be reached; a retry may help.
        """
        from data_foundation.warehouses.ducklake.attached import attached  # noqa: PLC0415 - see `destination`
        from data_foundation.warehouses.ducklake.destination import TransactionalDuckLake  # noqa: PLC0415 - the same

        del label
        place = self.place
        with attached(place) as lake:
            yield TransactionalDuckLake(place, lake)

    @cached_property
    def place(self) -> Place:
        """Where catalogue and files are.

        Raises:
            SettingMissing: Names every setting that is not set.
            WarehouseError: Names the setting at fault.
        """
        get = self.settings.get
        s3 = self._s3() if self._data.startswith("s3://") else {}
        if not self._is_in_postgres:
            _refuse_word(get(CATALOG.name) or CATALOG.default)
            return Place(str(self._path(CATALOG)), self._data, s3=s3)
        require_settings(POSTGRES_SETTINGS, self.settings)
        named = {"host": "HOST", "port": "PORT", "dbname": "DATABASE", "user": "USER", "password": "PASSWORD"}
        server = {name: get(f"POSTGRES_{setting}", "") for name, setting in named.items()}
        return Place("", self._data, {**server, "sslmode": get("POSTGRES_SSLMODE", "")}, s3)

    @property
    def _is_in_postgres(self) -> bool:
        return self.settings.get(CATALOG.name) == "postgres"

    @property
    def _data(self) -> str:
        """The folder or the URL of the files.

        Raises:
            WarehouseError: The URL is not one of S3.
        """
        value = self.settings.get(DATA.name) or DATA.default
        scheme, is_url, _ = value.partition("://")
        if is_url and scheme != "s3":
            message = f"DUCKLAKE_DATA: got '{scheme}://'; accepted: s3://bucket/folder, or the path of a folder"
            raise WarehouseError(message)
        return value.rstrip("/") if is_url else str(self._path(DATA))

    def _path(self, setting: Setting) -> Path:
        return setting.find_path(self.root, self.settings)

    def _s3(self) -> Mapping[str, str]:
        """Returns the values of DuckDB's secret for S3."""
        key, secret, token, region, endpoint = (self.settings.get(name) or "" for name in S3_SETTINGS)
        if not (key and secret):
            raise SettingMissing(
                [name for name in S3_SETTINGS[:2] if not self.settings.get(name)], "DUCKLAKE_DATA is in S3"
            )
        given = {"TYPE": "s3", "KEY_ID": key, "SECRET": secret, "SESSION_TOKEN": token, "REGION": region}
        scheme, _, host = endpoint.rpartition("://")
        if host:
            given |= {"ENDPOINT": host, "URL_STYLE": "path", "USE_SSL": str(scheme != "http").lower()}
        return {name: value for name, value in given.items() if value}


def _refuse_word(catalogue: str) -> None:
    """Refuses a catalogue that is one word: a misspelt `postgres` would be a new file, without any table.

    Raises:
        WarehouseError: Names what is accepted.
    """
    if not any(mark in catalogue for mark in "./\\"):
        raise WarehouseError(
            f"{CATALOG.name}: got '{catalogue}'; accepted: postgres, or the path of a SQLite file, with an "
            f"ending or a folder, for instance {CATALOG.default}"
        )


def _names() -> Iterator[str]:
    """Yields the names of all settings that choose and open a lake."""
    yield from (CATALOG.name, DATA.name, *S3_SETTINGS)
    yield from (setting.name for setting in POSTGRES_SETTINGS)
