"""PostgreSQL as warehouse: checks its settings and opens one connection for each load."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from typing_extensions import override

from data_foundation.errors import WarehouseError
from data_foundation.warehouses.base import WORK_FOLDER, Setting, Warehouse, require_settings

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - psycopg2 spells classes in lower case

    from data_foundation.warehouses.base import Destination
    from data_foundation.warehouses.postgres.destination import TransactionalPostgres

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
SETTINGS = (
    Setting("POSTGRES_HOST", "Host name or address of the server, or the folder of its socket.", required=True),
    Setting("POSTGRES_PORT", "Port of the server.", default="5432"),
    Setting("POSTGRES_USER", "The role that loads tables and builds models.", required=True),
    Setting("POSTGRES_PASSWORD", "The role's password.", required=True),
    Setting("POSTGRES_DATABASE", "The database, which must exist.", required=True),
    Setting("POSTGRES_SSLMODE", f"libpq's mode of encryption: {', '.join(SSL_MODES)}.", default="prefer"),
)
DEFAULTS: Mapping[str, str] = {setting.name: setting.default for setting in SETTINGS if setting.default}
HIGHEST_PORT = 65535

LOGIN_SECONDS = 15
KEEPALIVE: Mapping[str, int] = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 6}
"""A connection dropped by a firewall is detected after 90 seconds instead of two hours."""

LONGEST_NAME = 63
"""Characters of application_name that PostgreSQL keeps."""


@dataclass(frozen=True)
class PostgresWarehouse(Warehouse):
    """A PostgreSQL database."""

    settings: Mapping[str, str] = field(repr=False)
    kind: ClassVar[str] = "postgres"
    known_settings: ClassVar[Sequence[Setting]] = SETTINGS
    # A load is one transaction and so one session.
    load_workers: ClassVar[int] = 1
    has_indexes: ClassVar[bool] = True

    @classmethod
    @override
    def of(cls, root: Path, settings: Mapping[str, str], *, suffix: str, others: Callable[[str], Warehouse]) -> Self:
        """Returns the database that `POSTGRES_HOST`, `POSTGRES_PORT` and `POSTGRES_DATABASE` name."""
        known = {name: value for name, value in settings.items() if name.startswith("POSTGRES_") and value}
        known = {**DEFAULTS, **known}
        identity = f"{known.get('POSTGRES_HOST')}:{known['POSTGRES_PORT']}/{known.get('POSTGRES_DATABASE')}{suffix}"
        return cls(
            cls.find_work_folder(WORK_FOLDER.find_path(root, settings), identity), known, suffix=suffix, others=others
        )

    @override
    def describe(self) -> str:
        get = self.settings.get
        # A whole address here would contain a password.
        host = (get("POSTGRES_HOST") or "").rpartition("@")[2]
        return f"postgresql://{host}:{get('POSTGRES_PORT')}/{get('POSTGRES_DATABASE')}"

    @property
    @override
    def database(self) -> str:
        return self.settings.get("POSTGRES_DATABASE", "")

    @override
    def destination(self) -> Destination:
        return self._destination()

    @override
    def dbt_settings(self) -> Mapping[str, str]:
        return self.settings

    @contextmanager
    @override
    def open(self, label: Mapping[str, str] | None = None) -> Iterator[Destination]:
        """Yields a destination over one connection, whose application_name contains the asset of the label.

        Raises:
            SettingMissing: Names every setting that is not set.
            WarehouseError: Names the setting at fault.
            ConnectionError: The server cannot be reached; a retry may help.
        """
        self._check()
        with closing(self._connect(label or {})) as session:
            yield self._destination(session)

    def _destination(self, session: Connection | None = None) -> TransactionalPostgres:
        self._check()
        try:
            # The driver is an extra: only users of PostgreSQL install it.
            from data_foundation.warehouses.postgres.destination import TransactionalPostgres  # noqa: PLC0415
        except ModuleNotFoundError as error:
            message = f"WAREHOUSE=postgres needs {error.name}: pip install 'data-foundation[postgres]'"
            raise WarehouseError(message) from None
        get = self.settings.get
        # dlt gets a session and never signs in.
        names = {"host": "HOST", "port": "PORT", "username": "USER", "database": "DATABASE"}
        known = {name: get(f"POSTGRES_{setting}") for name, setting in names.items()}
        return TransactionalPostgres({**known, "password": "given"}, session)

    def _connect(self, label: Mapping[str, str]) -> Connection:
        self._destination()  # raises if the driver is not installed
        import psycopg2  # noqa: PLC0415 - see `_destination`

        from data_foundation.warehouses.postgres.errors import explain_connection  # noqa: PLC0415 - the same
        from data_foundation.warehouses.postgres.lock_waits import limit_waits  # noqa: PLC0415 - the same

        try:
            session: Connection = psycopg2.connect(
                **self._parameters(),
                application_name=f"data_foundation {label.get('asset', '')}".strip()[:LONGEST_NAME],
            )
        except psycopg2.Error as error:
            raise explain_connection(error, self.describe()) from None
        session.autocommit = True
        limit_waits(session)
        return session

    def _parameters(self) -> dict[str, Any]:
        get = self.settings.get
        return {
            "host": get("POSTGRES_HOST"),
            "port": get("POSTGRES_PORT"),
            "user": get("POSTGRES_USER"),
            "password": get("POSTGRES_PASSWORD"),
            "dbname": get("POSTGRES_DATABASE"),
            "sslmode": get("POSTGRES_SSLMODE"),
            "connect_timeout": LOGIN_SECONDS,
            "client_encoding": "UTF8",
            # A time without a zone is UTC, whatever the server's zone.
            "options": "-c timezone=UTC",
            **KEEPALIVE,
        }

    def _check(self) -> None:
        """Raises if a setting is missing or invalid."""
        get = self.settings.get
        require_settings(SETTINGS, self.settings)
        if re.search(r"[@?\s]|://", get("POSTGRES_HOST", "")):
            message = (
                "POSTGRES_HOST: got a URL or parameters; accepted: a host name, an IP address, or the folder of a "
                "socket. User, password, port and database have settings of their own"
            )
            raise WarehouseError(message)
        port = get("POSTGRES_PORT", "")
        if not (port.isascii() and port.isdigit() and 0 < int(port) <= HIGHEST_PORT):
            message = f"POSTGRES_PORT: got '{port}'; accepted: a number from 1 to {HIGHEST_PORT}, 5432 unless set"
            raise WarehouseError(message)
        if (mode := get("POSTGRES_SSLMODE", "")) not in SSL_MODES:
            message = f"POSTGRES_SSLMODE: got '{mode}'; accepted: {', '.join(SSL_MODES)}"
            raise WarehouseError(message)
