"""Reads the settings of a database connection, given as a table of settings or as one DSN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from typing_extensions import override

from data_foundation.errors import EntryError
from data_foundation.process_wide.secret_settings import learn_settings
from data_foundation.readers.connection_settings import ConnectionSettings
from data_foundation.readers.ssh.server_settings import SshServer, find_ssh_server
from data_foundation.suggestions import nearest

DIALECTS = {
    "postgresql": "postgresql", "postgres": "postgresql", "sqlite": "sqlite", "mysql": "mysql", "mariadb": "mysql",
    "mssql": "mssql", "sqlserver": "mssql", "oracle": "oracle",
}  # fmt: skip
"""Accepted values of `drivername`, in any case and without the part after a plus sign, and their dialects."""

REQUIRED = {
    "postgresql": ("host", "database", "username"),
    "mysql": ("host", "database", "username"),
    "mssql": ("host", "database"),
    "oracle": ("host", "username", "password"),
    "sqlite": ("database",),
}
"""Settings that each dialect needs."""

_TEXTS = ("host", "database", "service_name", "username", "password")

PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433, "oracle": 1521}

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Connection:
    """The settings of a database connection.

    Attributes:
        name: Name of the connection in `sources.yaml`.
        dialect: A key of `REQUIRED`.
        service_name: Oracle's service name, used instead of `database`.
        driver: SQL Server's ODBC driver, for instance `ODBC Driver 18 for SQL Server`.
        trusted_connection: SQL Server authenticates the process's own user.
        query: Options for the driver, for instance `sslmode`.
        ssh: The SSH server through which the database is reached; None for a direct connection.
        local_port: Port of 127.0.0.1 that an open tunnel carries to `host`; 0 without one.
    """

    name: str
    dialect: str
    host: str = ""
    port: int | None = None
    database: str = ""
    service_name: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    driver: str = ""
    trusted_connection: bool = False
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    ssh: SshServer | None = None
    local_port: int = 0

    @override
    def __str__(self) -> str:
        """Names the database in a message, without a secret."""
        place = f" on {self.host}" if self.host else ""
        place += f" through {self.ssh.host}" if self.ssh else ""
        return f"'{self.name}' ({self.dialect} {self.service_name or self.database}{place})"


def find_connection(folder: str, name: str, expected: str | None = None) -> Connection:
    """Returns the connection `name` of a source folder.

    It is a table `[sources.<folder>.<name>]` of dlt's configuration, or one DSN `sources.<folder>.<name>`, in
    `.dlt/secrets.toml`, or the same in the environment: SOURCES__<FOLDER>__<NAME>[__<FIELD>].

    Args:
        folder: Name of the source's folder.
        name: Name of the connection.
        expected: The dialect that `kwargs` give, a key of `DIALECTS`; used if the settings name none.

    Raises:
        SettingMissing: Settings are missing; names all of them.
        EntryError: A setting is invalid, or the settings name another dialect than `expected`.
    """
    settings = ConnectionSettings(folder, name)
    section, dsn = settings.section, settings.section_value()
    learn_settings({"credentials": dsn} if isinstance(dsn, str) else {})
    values: dict[str, Any] = _from_dsn(dsn, section) if isinstance(dsn, str) and dsn else {}
    for setting in ("drivername", "dialect", *_TEXTS, "driver", "port", "trusted_connection", "query"):
        value = settings.find(setting, secret=setting == "password")
        if value is not None:
            values[setting] = value
    learn_settings({"password": str(values.get("password", ""))})
    expected_dialect = _dialect({"dialect": expected or ""}, "kwargs")
    dialect = _dialect(values, section) or expected_dialect
    if expected_dialect and dialect != expected_dialect:
        raise EntryError(f"{section} is {dialect}, but `dialect` in kwargs is '{expected}'; correct one of the two")
    if not dialect:
        others = () if values else ("host", "database", "username")
        raise settings.missing(["drivername", *others], f"; drivername is one of {', '.join(REQUIRED)}")
    if missing := [setting for setting in _required(dialect, values) if not values.get(setting)]:
        raise settings.missing(missing)
    if (ssh := find_ssh_server(settings)) and dialect == "sqlite":
        raise EntryError(f"{section}.ssh: SQLite is a file, which no tunnel reaches; remove it")
    return replace(_connection(name, dialect, values, section), ssh=ssh)


def _required(dialect: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    required = REQUIRED[dialect]
    if dialect == "mssql" and not _is_true(values.get("trusted_connection")):
        required = (*required, "username", "password")
    if dialect == "oracle" and not values.get("database"):
        required = (*required, "service_name")
    return required


def _dialect(values: Mapping[str, Any], section: str) -> str:
    """Returns the dialect named by `drivername`, `dialect` or `driver`, or "" if none is set.

    Raises:
        EntryError: The dialect is unknown.
    """
    for setting in ("drivername", "dialect", "driver"):
        word = str(values.get(setting, "")).partition("+")[0].strip().lower()
        if word in DIALECTS:
            return DIALECTS[word]
        if word and setting != "driver":
            raise EntryError(
                f"{section}.{setting}: got '{word}'; accepted: {', '.join(REQUIRED)}{nearest(word, list(DIALECTS))}"
            )
    return ""


def _connection(name: str, dialect: str, values: Mapping[str, Any], section: str) -> Connection:
    texts: dict[str, Any] = {setting: str(values[setting]) for setting in _TEXTS if values.get(setting) is not None}
    driver = str(values.get("driver", ""))
    port = values.get("port", PORTS.get(dialect))
    try:
        port = None if port in {None, ""} else int(port)
    except (TypeError, ValueError):
        raise EntryError(f"{section}.port: got '{port}'; accepted is a number, for instance {PORTS[dialect]}") from None
    query = values.get("query", {})
    query = dict(parse_qsl(query, keep_blank_values=True)) if isinstance(query, str) else query
    learn_settings(query)
    return Connection(
        name=name,
        dialect=dialect,
        port=port,
        driver="" if driver.partition("+")[0].lower() in DIALECTS else driver,
        trusted_connection=_is_true(values.get("trusted_connection")),
        query={str(key): str(value) for key, value in query.items()},
        **texts,
    )  # fmt: skip


def _from_dsn(dsn: str, section: str) -> dict[str, Any]:
    """Returns the settings in a DSN: `dialect[+driver]://user:password@host:port/database?option=value`.

    Raises:
        EntryError: The text is not a DSN; the message does not repeat it, as it may contain a password.
    """
    accepted = f"{section}: accepted is a DSN like postgresql://user:password@host:5432/database"
    try:
        parts = urlsplit(dsn.strip())
        port = parts.port
    except ValueError:
        raise EntryError(f"{accepted}; percent-encode special characters in user and password") from None
    if not parts.scheme or "://" not in dsn:
        raise EntryError(accepted)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    values: dict[str, Any] = {
        "drivername": parts.scheme, "host": parts.hostname, "port": port, "query": query,
        "username": unquote(parts.username or ""), "password": unquote(parts.password or ""),
        "database": unquote(parts.path.removeprefix("/")),
    }  # fmt: skip
    # In the DSNs of ODBC and of Oracle's driver these settings are options, in any case.
    for key in list(query):
        if (setting := key.lower()) in {"driver", "trusted_connection", "service_name"}:
            values[setting] = query.pop(key)
    return {setting: value for setting, value in values.items() if value not in (None, "")}


def _is_true(value: Any) -> bool:
    return str(value).strip().lower() in {"true", "yes", "1", "on", "sspi"}
