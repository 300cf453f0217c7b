"""How a database is reached: the settings of one connection, whichever way a person wrote them down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from typing_extensions import override

from data_foundation.errors import EntryError
from data_foundation.process_wide.secret_settings import learn_settings
from data_foundation.readers.connection_settings import ConnectionSettings
from data_foundation.suggestions import nearest

DIALECTS = {
    "postgresql": "postgresql", "postgres": "postgresql", "sqlite": "sqlite", "mysql": "mysql", "mariadb": "mysql",
    "mssql": "mssql", "sqlserver": "mssql", "oracle": "oracle",
}  # fmt: skip
"""What `drivername` may say, up to a plus sign and in any case, and the dialect that is meant."""

REQUIRED = {
    "postgresql": ("host", "database", "username"),
    "mysql": ("host", "database", "username"),
    "mssql": ("host", "database"),
    "oracle": ("host", "username", "password"),
    "sqlite": ("database",),
}
PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433, "oracle": 1521}


@dataclass(frozen=True)
class Connection:
    """What is known of a database.

    Attributes:
        name: As `sources.yaml` calls it.
        dialect: One of `REQUIRED`.
        service_name: Oracle's; it stands in the place of `database`.
        driver: SQL Server's ODBC driver, for instance `ODBC Driver 18 for SQL Server`.
        trusted_connection: SQL Server takes the identity of the process.
        query: Options for the driver, for instance `sslmode`.
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

    @override
    def __str__(self) -> str:
        """Names the database in a message, without a secret."""
        place = f" on {self.host}" if self.host else ""
        return f"'{self.name}' ({self.dialect} {self.service_name or self.database}{place})"


def find_connection(folder: str, name: str, expected: str | None = None) -> Connection:
    """Returns the connection `name` of a source folder.

    It is a table `[sources.<folder>.<name>]` of dlt's configuration, or one DSN `sources.<folder>.<name>`, in
    `.dlt/secrets.toml`, or the same in the environment: SOURCES__<FOLDER>__<NAME>[__<FIELD>].

    Args:
        folder: Of the source.
        name: Of the connection.
        expected: What it is, where the settings do not say so: a word of `DIALECTS`, None where nobody knows.

    Raises:
        SettingMissing: Naming every setting that is not set.
        EntryError: A setting is not of its kind, or the connection is not what was expected.
    """
    settings = ConnectionSettings(folder, name)
    section, whole = settings.section, settings.whole()
    learn_settings({"credentials": whole} if isinstance(whole, str) else {})
    told: dict[str, Any] = _from_dsn(whole, section) if isinstance(whole, str) and whole else {}
    for setting in ("drivername", "dialect", *Connection.__dataclass_fields__):
        value = settings.find(setting, secret=setting == "password")
        if value is not None and setting != "name":
            told[setting] = value
    learn_settings({"password": str(told.get("password", ""))})
    wanted_dialect = _dialect({"dialect": expected or ""}, "kwargs")
    dialect = _dialect(told, section) or wanted_dialect
    if wanted_dialect and dialect != wanted_dialect:
        raise EntryError(f"{section} is {dialect}, and '{expected}' was asked for; correct one of the two")
    if not dialect:
        others = () if told else ("host", "database", "username")
        raise settings.missing(["drivername", *others], f"; drivername is one of {', '.join(REQUIRED)}")
    if missing := [setting for setting in _required(dialect, told) if not told.get(setting)]:
        raise settings.missing(missing)
    return _connection(name, dialect, told, section)


def _required(dialect: str, told: Mapping[str, Any]) -> tuple[str, ...]:
    required = REQUIRED[dialect]
    if dialect == "mssql" and not _is_true(told.get("trusted_connection")):
        required = (*required, "username", "password")
    if dialect == "oracle" and not told.get("database"):
        required = (*required, "service_name")
    return required


def _dialect(told: Mapping[str, Any], section: str) -> str:
    """Returns the dialect that `drivername`, `dialect` or `driver` says, "" where none is said.

    Raises:
        EntryError: It is none that is known.
    """
    for setting in ("drivername", "dialect", "driver"):
        said = str(told.get(setting, "")).partition("+")[0].strip().lower()
        if said in DIALECTS:
            return DIALECTS[said]
        if said and setting != "driver":
            raise EntryError(
                f"{section}.{setting}: got '{said}'; accepted: {', '.join(REQUIRED)}{nearest(said, list(DIALECTS))}"
            )
    return ""


def _connection(name: str, dialect: str, told: Mapping[str, Any], section: str) -> Connection:
    texts = {setting: str(told[setting]) for setting in ("host", "database", "service_name", "username", "password")
             if told.get(setting) is not None}  # fmt: skip
    driver = str(told.get("driver", ""))
    port = told.get("port", PORTS.get(dialect))
    try:
        port = None if port in {None, ""} else int(port)
    except (TypeError, ValueError):
        raise EntryError(f"{section}.port: got '{port}'; accepted is a number, for instance {PORTS[dialect]}") from None
    query = told.get("query", {})
    query = dict(parse_qsl(query, keep_blank_values=True)) if isinstance(query, str) else query
    learn_settings(query)
    return Connection(
        name=name,
        dialect=dialect,
        port=port,
        driver="" if driver.partition("+")[0].lower() in DIALECTS else driver,
        trusted_connection=_is_true(told.get("trusted_connection")),
        query={str(key): str(value) for key, value in query.items()},
        **texts,
    )  # fmt: skip


def _from_dsn(dsn: str, section: str) -> dict[str, Any]:
    """Returns the settings that a DSN holds: `dialect[+driver]://user:password@host:port/database?option=value`.

    Raises:
        EntryError: It is none; the message does not repeat it.
    """
    accepted = f"{section}: accepted is a DSN like postgresql://user:password@host:5432/database"
    try:
        parts = urlsplit(dsn.strip())
        port = parts.port
    except ValueError:
        raise EntryError(f"{accepted}; percent-encode what is special in user and password") from None
    if not parts.scheme or "://" not in dsn:
        raise EntryError(accepted)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    told: dict[str, Any] = {
        "drivername": parts.scheme, "host": parts.hostname, "port": port, "query": query,
        "username": unquote(parts.username or ""), "password": unquote(parts.password or ""),
        "database": unquote(parts.path.removeprefix("/")),
    }  # fmt: skip
    # The spellings of ODBC and of Oracle's driver stand among the options.
    for key in list(query):
        if (setting := key.lower()) in {"driver", "trusted_connection", "service_name"}:
            told[setting] = query.pop(key)
    return {setting: value for setting, value in told.items() if value not in (None, "")}


def _is_true(value: Any) -> bool:
    return str(value).strip().lower() in {"true", "yes", "1", "on", "sspi"}
