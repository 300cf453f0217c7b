"""The address of the catalogue of Iceberg tables, built from settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from data_foundation.errors import SettingMissing, WarehouseError
from data_foundation.warehouses.base import Setting

CATALOG = Setting(
    "LAKE_CATALOG",
    "Catalogue of Iceberg tables: `postgres`, in the database that the settings of PostgreSQL name, or the URL of a "
    "REST catalogue; required unless `LAKE_URL` is a folder, which then contains a catalogue in SQLite.",
)
REST_SETTINGS = (
    Setting("LAKE_CATALOG_WAREHOUSE", "Name of the warehouse in a REST catalogue."),
    Setting("LAKE_CATALOG_CREDENTIAL", "`client:secret` for a REST catalogue."),
    Setting("LAKE_CATALOG_TOKEN", "Token for a REST catalogue, instead of the credential."),
)
CATALOGUE_SETTINGS = (CATALOG, *REST_SETTINGS)

SQLITE_FILE = "iceberg.sqlite"
"""Name of the catalogue's file in a local lake."""

BUSY_SECONDS = 30
"""How long SQLite waits for another process that writes to the catalogue."""


@dataclass(frozen=True, eq=False)
class CatalogueAddress:
    """The address of a catalogue, with connections of its own: two addresses are never equal.

    Attributes:
        name: Its name; a catalogue in SQL keeps the tables of several, each under its name.
        properties: Properties of pyiceberg with type, address, credentials, and those of the files.
    """

    name: str
    properties: Mapping[str, str] = field(repr=False)


def find_address(url: str, settings: Mapping[str, str], credentials: Any) -> CatalogueAddress:
    """Returns the address of the catalogue of a lake.

    Args:
        url: The URL or folder of the lake.
        settings: The environment, completed by `.env`.
        credentials: dlt's credentials of the files, None for a local folder.

    Raises:
        SettingMissing: Names every setting that is not set.
        WarehouseError: `LAKE_CATALOG` is none of the accepted kinds.
    """
    files = credentials.to_pyiceberg_fileio_config() if credentials is not None else {}
    known = {name: str(value) for name, value in files.items() if value is not None}
    place = settings.get(CATALOG.name) or ""
    if place == "postgres":
        return CatalogueAddress(url, {"type": "sql", "uri": _postgres(settings), **known})
    if place.startswith(("https://", "http://")):
        names = {
            "warehouse": "LAKE_CATALOG_WAREHOUSE",
            "credential": "LAKE_CATALOG_CREDENTIAL",
            "token": "LAKE_CATALOG_TOKEN",
        }
        given = {name: value for name, setting in names.items() if (value := settings.get(setting))}
        return CatalogueAddress("lake", {"type": "rest", "uri": place, **given, **known})
    if place:
        accepted = "postgres, or the URL of a REST catalogue (https://...); a folder needs none"
        raise WarehouseError(f"{CATALOG.name}: got '{place}'; accepted: {accepted}")
    if "://" in url:
        why = "LAKE_URL is no folder, so the catalogue must be on a server: postgres, or the URL of a REST catalogue"
        raise SettingMissing([CATALOG.name], why)
    return CatalogueAddress("lake", {"type": "sql", "uri": f"sqlite:///{url}/{SQLITE_FILE}?timeout={BUSY_SECONDS}"})


def _postgres(settings: Mapping[str, str]) -> str:
    """Returns the URL of SQLAlchemy of the database that the settings of PostgreSQL name."""
    from data_foundation.warehouses.postgres.warehouse import DEFAULTS  # noqa: PLC0415 - only this catalogue needs it

    known = {**DEFAULTS, **{name: value for name, value in settings.items() if value}}
    names = ("POSTGRES_HOST", "POSTGRES_DATABASE", "POSTGRES_USER", "POSTGRES_PASSWORD")
    if missing := [name for name in names if not known.get(name)]:
        raise SettingMissing(missing, f"{CATALOG.name}=postgres; set them in the environment or in .env")
    host, database, user, password = (quote(known[name], safe="") for name in names)
    address = f"{user}:{password}@{host}:{known['POSTGRES_PORT']}/{database}"
    return f"postgresql+psycopg2://{address}?sslmode={known['POSTGRES_SSLMODE']}"
