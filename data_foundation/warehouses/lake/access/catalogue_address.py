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
    "Catalogue of Iceberg tables: `postgres`, in the database that the settings of PostgreSQL name; `glue`, AWS's; or "
    "the URL of a REST catalogue. Required unless `LAKE_URL` is a folder, which then contains a catalogue in SQLite.",
)
REST_SETTINGS = (
    Setting("LAKE_CATALOG_WAREHOUSE", "Name of the warehouse in a REST catalogue."),
    Setting("LAKE_CATALOG_CREDENTIAL", "`client:secret` for a REST catalogue."),
    Setting("LAKE_CATALOG_TOKEN", "Token for a REST catalogue, instead of the credential."),
    Setting("LAKE_CATALOG_SCOPE", "Scope of the token that the credential gives, for instance PRINCIPAL_ROLE:ALL."),
    Setting(
        "LAKE_CATALOG_OAUTH_URL",
        "Server that gives a token for the credential; if not set, `v1/oauth/tokens` of the catalogue.",
    ),
)
GLUE_SETTINGS = (
    Setting("LAKE_CATALOG_ID", "Account whose Glue catalogue it is; if not set, that of the credentials."),
    Setting("AWS_ENDPOINT_URL_GLUE", "URL of another server that speaks Glue's protocol."),
)
CATALOGUE_SETTINGS = (CATALOG, *REST_SETTINGS, *GLUE_SETTINGS)

_REST = {
    "warehouse": "LAKE_CATALOG_WAREHOUSE",
    "credential": "LAKE_CATALOG_CREDENTIAL",
    "token": "LAKE_CATALOG_TOKEN",
    "scope": "LAKE_CATALOG_SCOPE",
    "oauth2-server-uri": "LAKE_CATALOG_OAUTH_URL",
}
_GLUE = {
    "glue.id": "LAKE_CATALOG_ID",
    "glue.endpoint": "AWS_ENDPOINT_URL_GLUE",
    "glue.region": "AWS_REGION",
    "glue.access-key-id": "AWS_ACCESS_KEY_ID",
    "glue.secret-access-key": "AWS_SECRET_ACCESS_KEY",
    "glue.session-token": "AWS_SESSION_TOKEN",
}
"""Settings of pyiceberg's properties; without keys, Glue takes the credentials of the machine."""

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
    if place == "glue":
        return CatalogueAddress("glue", {"type": "glue", **_given(settings, _GLUE), **known})
    if place.startswith(("https://", "http://")):
        properties = {"uri": place, "oauth2-server-uri": f"{place.rstrip('/')}/v1/oauth/tokens"}
        return CatalogueAddress("lake", {"type": "rest", **properties, **_given(settings, _REST), **known})
    if place:
        accepted = "postgres, glue, or the URL of a REST catalogue (https://...); a folder needs none"
        raise WarehouseError(f"{CATALOG.name}: got '{place}'; accepted: {accepted}")
    if "://" in url:
        why = "LAKE_URL is no folder, so the catalogue must be on a server: postgres, glue, or the URL of a REST one"
        raise SettingMissing([CATALOG.name], why)
    return CatalogueAddress("lake", {"type": "sql", "uri": f"sqlite:///{url}/{SQLITE_FILE}?timeout={BUSY_SECONDS}"})


def _given(settings: Mapping[str, str], names: Mapping[str, str]) -> Mapping[str, str]:
    """Returns the properties whose settings are set.

    Args:
        settings: The environment, completed by `.env`.
        names: The setting of each property.
    """
    return {name: value for name, setting in names.items() if (value := settings.get(setting))}


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
