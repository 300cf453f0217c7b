"""The interface of every warehouse, whatever its engine."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from data_foundation.errors import SettingMissing, WarehouseError
from data_foundation.warehouses.connection import Statement, connect
from data_foundation.warehouses.fence import read_newest_load
from data_foundation.warehouses.transactional_destination import TransactionalDestination

if TYPE_CHECKING:
    from dlt.common.destination import Destination as DltDestination

    from data_foundation.config.fields import LakePlace
    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.warehouses.fence import Fence

    Destination = DltDestination[Any, Any]

Query = Callable[[str], list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Setting:
    """An environment variable, as docs/reference/settings.md lists it.

    Attributes:
        name: The variable's name.
        meaning: What it sets, in one or two sentences.
        default: The value used if it is not set; "" if there is none.
        required: True if nothing loads without it.
    """

    name: str
    meaning: str
    default: str = ""
    required: bool = False

    def find_path(self, root: Path, values: Mapping[str, str]) -> Path:
        """Returns the path that it names, relative to the repository.

        Args:
            root: The repository.
            values: The environment, completed by `.env`.
        """
        return root / (values.get(self.name) or self.default)

    def create(self, folder: Path, mode: int = 0o777) -> None:
        """Creates a folder at or below its path.

        Args:
            folder: The folder; its parents are created too.
            mode: The permissions of the folder, within the umask.

        Raises:
            WarehouseError: The folder cannot be created, for instance because the repository is read-only.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=mode)
        except OSError as error:
            raise WarehouseError(
                f"{folder} cannot be created: {error.strerror}; set {self.name} to a folder that can be written"
            ) from None


WORK_FOLDER = Setting(
    "WORK_FOLDER",
    "Working folders of loads: rows until they are loaded, locks, tracebacks. Readable by their owner only.",
    default="data/pipelines",
)


def require_settings(known: Sequence[Setting], values: Mapping[str, str], also: Sequence[str] = ()) -> None:
    """Checks that every required setting has a value.

    Args:
        known: The settings of an engine.
        values: The environment, completed by `.env`.
        also: Further settings that the engine found to be missing.

    Raises:
        SettingMissing: Naming every setting that is not set.
    """
    missing = [setting.name for setting in known if setting.required and not values.get(setting.name)]
    if missing or also:
        raise SettingMissing([*missing, *also], "Set them in the environment or in .env")


@dataclass(frozen=True)
class Warehouse(ABC):
    """A place where tables land.

    Attributes:
        work_folder: Folder of dlt's working folders and of the locks of resources.
        suffix: Ending of each schema's name, so that no deployment writes to the tables of another.
        others: Returns the warehouse with a name, for resources that land in another one.
        kind: Name of the engine, as in `WAREHOUSE`.
        known_settings: The environment variables that it reads.
        load_workers: Files that dlt loads at the same time.
        is_audited: Whether attempts to load are recorded.
        keeps_audit: Whether they are recorded in a table of the warehouse, and not only on this machine.
        runs_dbt: Whether dbt can build models in it, or in its `models`.
        is_exclusive: Whether one process at a time can open it.
        has_indexes: Whether it finds a row of a large table by an index only; other engines prune by statistics.
        json_text: SQL of the text of the JSON column `{}`.
        chooses_version: Whether upsert and insert-only take one row of several with the same key.
    """

    work_folder: Path
    suffix: str = field(default="", kw_only=True)
    others: Callable[[str], Warehouse] | None = field(default=None, kw_only=True, repr=False, compare=False)
    kind: ClassVar[str]
    known_settings: ClassVar[Sequence[Setting]]
    # dlt's default.
    load_workers: ClassVar[int] = 20
    is_audited: ClassVar[bool] = True
    keeps_audit: ClassVar[bool] = True
    runs_dbt: ClassVar[bool] = True
    is_exclusive: ClassVar[bool] = False
    has_indexes: ClassVar[bool] = False
    json_text: ClassVar[str] = "CAST({} AS VARCHAR)"
    chooses_version: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def of(cls, root: Path, settings: Mapping[str, str], *, suffix: str, others: Callable[[str], Warehouse]) -> Self:
        """Returns the warehouse that the settings describe. Missing settings raise only when it is used.

        Args:
            root: The repository.
            settings: The environment, completed by `.env`.
            suffix: See the attributes.
            others: See the attributes.
        """

    @classmethod
    def find_work_folder(cls, parent: Path, identity: str) -> Path:
        """Returns the folder of one warehouse below `parent`: its pending loads must never be loaded into another."""
        return parent / f"{cls.kind}_{hashlib.sha256(identity.encode()).hexdigest()[:8]}"

    @classmethod
    def is_shared(cls, settings: Mapping[str, str]) -> bool:
        """Returns whether others write to the same warehouse, so that `DEPLOYMENT` is required."""
        del settings
        return True

    @property
    def format(self) -> str:
        """The format of the files of tables in a lake, "" for a database."""
        return ""

    @property
    def backend(self) -> str:
        """SQLAlchemy's name of the database, "" for an engine that needs no SQLAlchemy."""
        return ""

    @abstractmethod
    def describe(self) -> str:
        """Returns the address of the warehouse, for messages."""

    @property
    @abstractmethod
    def database(self) -> str:
        """The database's name: the first part of a table's full name."""

    @abstractmethod
    def destination(self) -> Destination:
        """Returns a dlt destination that is never connected, for names and capabilities.

        Raises:
            SettingMissing: Naming every setting that is not set.
            WarehouseError: Two settings contradict each other, or one is invalid.
        """

    @property
    def models(self) -> Warehouse:
        """The warehouse in which dbt builds models: this one, unless it is a lake."""
        return self

    @abstractmethod
    def dbt_settings(self) -> Mapping[str, str]:
        """Returns the environment variables that `dbt_project/profiles.yml` reads."""

    @property
    def location(self) -> str:
        """The address of this deployment's data, for messages."""
        return f"{self.describe()}, in schemas that end in {self.suffix}" if self.suffix else self.describe()

    @property
    def deployment(self) -> str:
        """The name of the deployment in paths of dbt artifacts, for instance snowflake__anna."""
        return self.kind + self.suffix

    def dataset(self, name: str) -> str:
        """Returns the schema of this deployment for a configured dataset."""
        return name + self.suffix

    def serving(self, resource: ResourceConfig) -> Warehouse:
        """Returns the warehouse that a resource lands in: this one, unless it names another."""
        name = resource.lands_in
        chosen = self if name is None or name == self.kind or not self.others else self.others(name)
        return chosen.at(resource.lake) if resource.lake else chosen

    def at(self, place: LakePlace) -> Warehouse:
        """Returns the lake whose tables are at `place`.

        Raises:
            WarehouseError: This warehouse is not a lake.
        """
        raise WarehouseError(
            f"lake: got {place} for a resource that lands in {self.kind}; accepted: with `warehouse: lake` only"
        )

    def accept(self, resource: ResourceConfig) -> None:  # noqa: B027 - most engines accept every resource
        """Refuses a resource that this engine cannot load; most engines can load every one.

        Raises:
            WarehouseError: Names what is accepted instead.
        """

    def mend(  # noqa: B027 - transactions leave nothing to mend
        self, destination: Destination, dataset: str, schema: str, check: Callable[[], None] = lambda: None
    ) -> None:
        """Finishes or undoes a killed load of a table. Does nothing if the engine has transactions.

        Args:
            destination: From `open`.
            dataset: The schema of the table in the warehouse.
            schema: The name of the table's dlt schema.
            check: Called again and again while another machine loads the table; an error that it raises ends the wait.
        """

    def newest_load(self, destination: Destination, dataset: str, schema: str) -> str | None:
        """Returns the id of the load that landed last in a table, None if there is none; arguments as of `mend`."""
        with connect(destination, dataset) as client:
            return read_newest_load(client, schema)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Excludes other processes if the engine allows only one at a time. Otherwise does nothing."""
        yield

    @abstractmethod
    def open(self, label: Mapping[str, str] | None = None) -> AbstractContextManager[Destination]:
        """Returns a context with a destination that can be loaded to and queried inside of it.

        Args:
            label: Values for the engine's own query history, if it has one: asset, source, run_id.
        """

    @contextmanager
    def open_if_free(self) -> Iterator[Destination]:
        """Opens it as `open` does, but fails at once if another program's client holds the warehouse."""
        with self.open() as destination:
            yield destination

    @contextmanager
    def transaction(
        self,
        destination: Destination,
        first: Sequence[Statement] = (),
        before_commit: Callable[[], None] = lambda: None,
        fence: Fence | None = None,
    ) -> Iterator[None]:
        """Makes the load inside the block all or nothing.

        Args:
            destination: From `open`.
            first: Statements executed in the same transaction, before the load.
            before_commit: Called directly before the commit. If it raises an error, nothing is committed.
            fence: What must still hold at the commit; None for a change that no load of the table can overtake.

        Raises:
            LoadOvertaken: The fence does not hold; nothing is written.
        """
        assert isinstance(destination, TransactionalDestination)  # noqa: S101 - `open` yields nothing else
        with destination.transaction(first, fence):
            assert destination.load  # noqa: S101 - it is set inside of `transaction`
            destination.load.before_commit = before_commit
            yield

    @contextmanager
    def query(self) -> Iterator[Query]:
        """Yields a function that runs one SELECT and returns its rows, each a tuple."""
        with self.open() as destination, connect(destination, self.dataset("raw")) as client:

            def run(sql: str) -> list[tuple[Any, ...]]:
                with client.execute_query(sql) as cursor:
                    return cursor.fetchall()

            yield run
