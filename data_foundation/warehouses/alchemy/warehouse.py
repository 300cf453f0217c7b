"""A database of SQLAlchemy as warehouse: reads dlt's own settings, and opens one session for each load."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlsplit

from typing_extensions import override

from data_foundation.errors import WarehouseError
from data_foundation.warehouses.base import WORK_FOLDER, Setting, Warehouse
from data_foundation.warehouses.general.dispositions import refuse_unsupported
from data_foundation.warehouses.general.dlt_settings import find_strategies, refuse_missing, resolve

if TYPE_CHECKING:
    import sqlalchemy as sa

    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.warehouses.alchemy.destination import TransactionalAlchemy
    from data_foundation.warehouses.base import Destination

CREDENTIALS = Setting(
    "DESTINATION__SQLALCHEMY__CREDENTIALS",
    "SQLAlchemy's URL of the database, for instance `mysql+pymysql://user:password@host/database`, or "
    "`sqlite:///data/warehouse.db`. Each part may be set by itself, as dlt documents: "
    "`DESTINATION__SQLALCHEMY__CREDENTIALS__PASSWORD`, or `[destination.sqlalchemy.credentials]` in `.dlt/`.",
)


@dataclass(frozen=True)
class AlchemyWarehouse(Warehouse):
    """A database that SQLAlchemy reaches.

    Attributes:
        root: The repository, to which the path of an SQLite file is relative.
        address: SQLAlchemy's URL; None for the one in dlt's settings.
    """

    root: Path
    address: str | None = field(default=None, repr=False)
    kind: ClassVar[str] = "sqlalchemy"
    known_settings: ClassVar[Sequence[Setting]] = (CREDENTIALS,)
    # A load is one transaction and so one session.
    load_workers: ClassVar[int] = 1
    has_indexes: ClassVar[bool] = False
    runs_dbt: ClassVar[bool] = False

    @classmethod
    @override
    def of(cls, root: Path, settings: Mapping[str, str], *, suffix: str, others: Callable[[str], Warehouse]) -> Self:
        """Returns the database that dlt's settings of the destination `sqlalchemy` name."""
        address = settings.get(CREDENTIALS.name)
        found: Any = urlsplit(address) if address else getattr(resolve(cls.kind), "credentials", None)
        parts = ("scheme", "drivername", "hostname", "host", "port", "path", "database")
        identity = "/".join(str(value) for part in parts if (value := getattr(found, part, None)))
        folder = cls.find_work_folder(WORK_FOLDER.find_path(root, settings), identity + suffix)
        return cls(folder, root, address, suffix=suffix, others=others)

    @cached_property
    def _url(self) -> sa.URL:
        """The address, with its password.

        Raises:
            SettingMissing: There is none.
            WarehouseError: The driver is not installed, or another engine is for this database.
        """
        try:
            import sqlalchemy as sa  # noqa: PLC0415 - an extra: only users of such a database install it

            from data_foundation.warehouses.alchemy.dialects import find_dialect  # noqa: PLC0415 - the same
        except ModuleNotFoundError as error:
            message = f"WAREHOUSE=sqlalchemy needs {error.name}: pip install 'data-foundation[sqlalchemy]'"
            raise WarehouseError(message) from None
        credentials: Any = None if self.address else getattr(resolve(self.kind), "credentials", None)
        if not self.address and not getattr(credentials, "drivername", None):
            refuse_missing(self.kind)
        try:
            url = sa.make_url(self.address or credentials.to_url().render_as_string(hide_password=False))
        except (sa.exc.ArgumentError, ValueError):
            message = (
                f"{CREDENTIALS.name}: is no URL of SQLAlchemy; accepted: dialect+driver://user:password@host/database"
            )
            raise WarehouseError(message) from None
        find_dialect(url.get_backend_name())
        if url.get_backend_name() == "sqlite":
            return url.set(database=str(self.root / (url.database or "data/warehouse.db")))
        return url

    @property
    @override
    def backend(self) -> str:
        return str(self._url.get_backend_name())

    @override
    def describe(self) -> str:
        try:
            return self._url.set(password=None, query={}).render_as_string()
        except Exception as error:  # noqa: BLE001 - an address for messages
            return f"sqlalchemy ({type(error).__name__})"

    @property
    @override
    def database(self) -> str:
        name = self._url.database or ""
        return Path(name).stem if self._url.get_backend_name() == "sqlite" else name

    @override
    def destination(self) -> Destination:
        return self._destination(self._engine)

    @override
    def dbt_settings(self) -> Mapping[str, str]:
        return {}

    @override
    def accept(self, resource: ResourceConfig) -> None:
        refuse_unsupported(resource, self.kind, find_strategies(self.kind))

    @cached_property
    def _engine(self) -> sa.Engine:
        import sqlalchemy as sa  # noqa: PLC0415 - see `_url`

        from data_foundation.warehouses.alchemy.dialects import find_dialect  # noqa: PLC0415 - the same

        url = self._url
        if url.get_backend_name() == "sqlite":
            Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
        options: dict[str, Any] = {"poolclass": sa.NullPool}
        if url.get_backend_name() in {"mysql", "mariadb"}:
            # Each statement sees what was committed before it: so does the first one after a wait for a lock.
            options |= {"isolation_level": "READ COMMITTED"}
        try:
            engine = sa.create_engine(url, **options)
        except ModuleNotFoundError as error:
            message = f"WAREHOUSE=sqlalchemy: {url.drivername} needs {error.name}: install its driver"
            raise WarehouseError(message) from None
        except sa.exc.NoSuchModuleError:
            message = (
                f"{CREDENTIALS.name}: got {url.drivername}, and SQLAlchemy has no such dialect and driver; accepted: "
                "one of its own, for instance mysql+pymysql, or that of a package, which has to be installed"
            )
            raise WarehouseError(message) from None
        find_dialect(url.get_backend_name()).prepare(engine)
        return engine

    @contextmanager
    @override
    def open(self, label: Mapping[str, str] | None = None) -> Iterator[Destination]:
        """Yields a destination over one session.

        Raises:
            SettingMissing: Names the setting that is not set.
            WarehouseError: Names the setting at fault.
            ConnectionError: The server cannot be reached; a retry may help.
        """
        import sqlalchemy as sa  # noqa: PLC0415 - see `_url`

        try:
            session = self._engine.connect()
        except sa.exc.OperationalError as error:
            raise self._explain(error) from None
        with session:
            yield self._destination(self._engine, session)

    def _explain(self, error: Exception) -> Exception:
        message = " ".join(str(getattr(error, "orig", error)).split())
        if any(words in message.lower() for words in ("access denied", "authentication", "unable to open")):
            return WarehouseError(f"{self.describe()} refuses ({CREDENTIALS.name}): {message}")
        return ConnectionError(f"{self.describe()} ({CREDENTIALS.name}) cannot be reached: {message}")

    def _destination(self, engine: sa.Engine, session: sa.Connection | None = None) -> TransactionalAlchemy:
        from data_foundation.warehouses.alchemy.destination import TransactionalAlchemy  # noqa: PLC0415 - see `_url`

        return TransactionalAlchemy(engine, session)
