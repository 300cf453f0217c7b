"""Tests of the settings of a database connection, in every form in which they can be written."""

from typing import Any

import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers import StringTomlProvider
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from data_foundation.errors import EntryError, SettingMissing
from data_foundation.process_wide.redaction import redact
from data_foundation.readers.sql.database_settings import Connection, find_connection
from data_foundation.readers.sql.databases.sqlalchemy_database import build_url

PREFIX = "SOURCES__SHOP__SALES_DB"
PASSWORD = "p@ss/w:rd 1%"
FULL = Connection("sales_db", "postgresql", "db.example.com", 6543, "sales", username="me", password=PASSWORD,
                  query={"sslmode": "require"})  # fmt: skip
TOML = f"""
[sources.shop.sales_db]
drivername = "postgresql"
host = "db.example.com"
port = 6543
database = "sales"
username = "me"
password = "{PASSWORD}"
query = {{sslmode = "require"}}
"""
DSN = "postgresql+psycopg2://me:p%40ss%2Fw%3Ard%201%25@db.example.com:6543/sales?sslmode=require"
FIELDS = {"DRIVERNAME": "PostgreSQL", "HOST": "db.example.com", "PORT": "6543", "DATABASE": "sales", "USERNAME": "me",
          "PASSWORD": PASSWORD, "QUERY": "sslmode=require"}  # fmt: skip


def give(monkeypatch: pytest.MonkeyPatch, toml: str = "", **variables: str) -> None:
    """Makes dlt read only a given secrets file and given environment variables."""
    providers = Container()[PluggableRunContext].providers
    environment = [provider for provider in providers.providers if provider.name == "Environment Variables"]
    file = StringTomlProvider(toml)
    monkeypatch.setattr(type(file), "supports_secrets", True)
    monkeypatch.setattr(providers, "providers", [*environment, file])
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


WAYS: dict[str, tuple[str, dict[str, str]]] = {
    "file": (TOML, {}),
    "address-in-the-file": (f'[sources.shop]\nsales_db = "{DSN}"', {}),
    "address-in-the-environment": ("", {PREFIX: DSN}),
    "environment": ("", {f"{PREFIX}__{name}": value for name, value in FIELDS.items()}),
    "environment-before-file": (TOML.replace("db.example.com", "elsewhere"), {f"{PREFIX}__HOST": "db.example.com"}),
    "field-beside-an-address": (
        f'[sources.shop]\nsales_db = "{DSN.replace("me:", "you:")}"',
        {f"{PREFIX}__USERNAME": "me"},
    ),
}


@pytest.mark.parametrize(("toml", "variables"), WAYS.values(), ids=WAYS)
def test_every_form_of_settings_gives_the_same_connection(
    monkeypatch: pytest.MonkeyPatch, toml: str, variables: dict[str, str]
) -> None:
    """A table, a URL, the environment, and the environment over either give the same connection."""
    give(monkeypatch, toml, **variables)
    assert find_connection("shop", "sales_db") == FULL


def test_a_password_is_masked_after_it_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs and output show a mask instead of the password, percent-encoded or not; the connection's repr omits it."""
    give(monkeypatch, f'[sources.shop]\nsales_db = "{DSN}"')
    connection = find_connection("shop", "sales_db")
    assert PASSWORD not in repr(connection)
    assert str(connection) == "'sales_db' (postgresql sales on db.example.com)"
    assert redact(f"x {PASSWORD} y {DSN.split(':', maxsplit=2)[2].split('@', maxsplit=1)[0]} z") == "x *** y *** z"


MISSING: dict[str, tuple[dict[str, str], list[str]]] = {
    "all": ({}, ["DRIVERNAME", "HOST", "DATABASE", "USERNAME"]),
    "postgresql": ({"DRIVERNAME": "postgresql", "HOST": "h"}, ["DATABASE", "USERNAME"]),
    "sqlite": ({"DRIVERNAME": "sqlite"}, ["DATABASE"]),
    "mssql": ({"DRIVERNAME": "mssql", "HOST": "h"}, ["DATABASE", "USERNAME", "PASSWORD"]),
    "mssql-trusted": ({"DRIVERNAME": "mssql", "TRUSTED_CONNECTION": "yes"}, ["HOST", "DATABASE"]),
    "oracle": ({"DRIVERNAME": "oracle", "HOST": "h", "USERNAME": "u"}, ["PASSWORD", "SERVICE_NAME"]),
    "oracle-by-sid": ({"DRIVERNAME": "oracle", "DATABASE": "d"}, ["HOST", "USERNAME", "PASSWORD"]),
    "mysql": ({"DRIVERNAME": "mariadb"}, ["HOST", "DATABASE", "USERNAME"]),
}


@pytest.mark.parametrize(("given", "missing"), MISSING.values(), ids=MISSING)
def test_every_setting_that_is_missing_is_named_at_once(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], missing: list[str]
) -> None:
    """The error names the environment variable of each missing setting, and its place in the file."""
    give(monkeypatch, **{f"{PREFIX}__{name}": value for name, value in given.items()})
    with pytest.raises(SettingMissing, match=r"\[sources.shop.sales_db\]") as caught:
        find_connection("shop", "sales_db")
    assert list(caught.value.settings) == [f"{PREFIX}__{name}" for name in missing]


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "dialect": ({f"{PREFIX}__DRIVERNAME": "postgre"}, "got 'postgre'; accepted: postgresql, .* Did you mean"),
    "port": ({f"{PREFIX}__DRIVERNAME": "mysql", f"{PREFIX}__HOST": "h", f"{PREFIX}__DATABASE": "d",
              f"{PREFIX}__USERNAME": "u", f"{PREFIX}__PORT": "many"}, "port: got 'many'; accepted is a number"),
    "address": ({PREFIX: "not an address"}, "accepted is a DSN like postgresql://"),
    "address-with-a-slash": ({PREFIX: "postgresql://u:topsecret/x@h:1/d"}, "percent-encode special characters"),
}  # fmt: skip


@pytest.mark.parametrize(("variables", "message"), WRONG.values(), ids=WRONG)
def test_an_invalid_setting_is_refused(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], message: str
) -> None:
    """The error shows the accepted values, and no URL."""
    give(monkeypatch, **variables)
    with pytest.raises(EntryError, match=message) as caught:
        find_connection("shop", "sales_db")
    assert "topsecret" not in str(caught.value)


URLS: dict[str, tuple[dict[str, Any], str]] = {
    "mysql": ({"dialect": "mysql", "port": 3306, "username": "me", "password": PASSWORD},
              "mysql+pymysql://me:p%40ss%2Fw%3Ard 1%25@h:3306/d?charset=utf8mb4"),
    "mssql": ({"dialect": "mssql", "port": 1433, "username": "me", "password": "x;y",
               "driver": "ODBC Driver 17 for SQL Server", "query": {"Encrypt": "yes"}},
              "mssql+pyodbc://me:x%3By@h:1433/d?Encrypt=yes&driver=ODBC+Driver+17+for+SQL+Server"),
    "mssql-trusted": ({"dialect": "mssql", "port": 1433, "username": "me", "password": "x", "trusted_connection": True},
                      "mssql+pyodbc://h:1433/d?driver=ODBC+Driver+18+for+SQL+Server"),
    "oracle-service": ({"dialect": "oracle", "port": 1521, "service_name": "S", "username": "me", "password": "x"},
                       "oracle+oracledb://me:x@h:1521?service_name=S"),
    "oracle-sid": ({"dialect": "oracle", "port": 1521, "username": "me", "password": "x"},
                   "oracle+oracledb://me:x@h:1521/d"),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "address"), URLS.values(), ids=URLS)
def test_a_url_has_the_settings_of_the_driver(settings: dict[str, Any], address: str) -> None:
    """Each dialect has its own keys; special characters are percent-encoded."""
    assert (
        build_url(Connection("c", host="h", database="d", **settings)).render_as_string(hide_password=False) == address
    )


ODBC = {
    "user": ({"username": "me", "password": "x;y"}, "UID=me;PWD={x;y}"),
    "trusted": ({"trusted_connection": True}, "Trusted_Connection=Yes"),
}


@pytest.mark.parametrize(("settings", "expected"), ODBC.values(), ids=ODBC)
def test_sql_server_gets_a_connection_string(settings: dict[str, Any], expected: str) -> None:
    """The connection string is the one that SQLAlchemy's dialect builds from the URL."""
    url = build_url(Connection("c", "mssql", "h", 1433, "d", **settings))
    (text,), _ = url.get_dialect()().create_connect_args(url)
    assert text == f"DRIVER={{ODBC Driver 18 for SQL Server}};Server=h,1433;Database=d;{expected}"
