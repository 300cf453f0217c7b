"""What every warehouse can do, whatever engine it is."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from data_foundation.errors import WarehouseError
from data_foundation.warehouses.connection import Statement, connect
from data_foundation.warehouses.transactional_destination import TransactionalDestination

if TYPE_CHECKING:
    from dlt.common.destination import Destination as DltDestination

    from data_foundation.config.fields import LakePlace
    from data_foundation.config.grammar import ResourceConfig

    Destination = DltDestination[Any, Any]

Query = Callable[[str], list[tuple[Any, ...]]]


def work_folder(root: Path, kind: str, identity: str) -> Path:
    """Returns a folder of a warehouse's own: what is pending for one must never be loaded into another."""
    return root / "data" / "pipelines" / f"{kind}_{hashlib.sha256(identity.encode()).hexdigest()[:8]}"


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


@dataclass(frozen=True)
class Warehouse(ABC):
    """A place that takes tables.

    Attributes:
        work_folder: Where dlt's working folders and the locks of resources live.
        suffix: What the name of each schema ends in, so that one deployment never writes another's tables.
        others: Returns the warehouse that goes by a name, for resources that name theirs.
    """

    work_folder: Path
    suffix: str = field(default="", kw_only=True)
    others: Callable[[str], Warehouse] | None = field(default=None, kw_only=True, repr=False, compare=False)
    kind: ClassVar[str]
    known_settings: ClassVar[Sequence[Setting]]
    # dlt's own number.
    load_workers: ClassVar[int] = 20
    is_audited: ClassVar[bool] = True  # whether attempts to load are written down
    keeps_audit: ClassVar[bool] = True  # whether they are rows of a table too, not only lines of this machine
    runs_dbt: ClassVar[bool] = True  # whether models of dbt can be built where the tables are

    @classmethod
    @abstractmethod
    def of(cls, root: Path, settings: Mapping[str, str], *, suffix: str, others: Callable[[str], Warehouse]) -> Self:
        """Returns the warehouse that the settings describe; those that are missing are told when it is used.

        Args:
            root: The repository.
            settings: The environment, with what `.env` adds.
            suffix: See the attributes.
            others: See the attributes.
        """

    @classmethod
    def is_shared(cls, settings: Mapping[str, str]) -> bool:
        """Tells whether others write there too, so that it has to be said whose deployment this is."""
        del settings
        return True

    @abstractmethod
    def describe(self) -> str:
        """Returns where the data of all deployments is, for a person."""

    @property
    @abstractmethod
    def database(self) -> str:
        """The database's name: the first part of a table's full name."""

    @abstractmethod
    def destination(self) -> Destination:
        """Returns dlt's destination for everything that needs no connection.

        Raises:
            SettingMissing: Naming every setting that is not set.
            WarehouseError: Settings contradict each other, or one cannot be right.
        """

    @abstractmethod
    def dbt_settings(self) -> Mapping[str, str]:
        """Returns the environment variables that `dbt_project/profiles.yml` reads."""

    @property
    def location(self) -> str:
        """Where the data of this deployment is, for a person."""
        return f"{self.describe()}, in schemas that end in {self.suffix}" if self.suffix else self.describe()

    @property
    def deployment(self) -> str:
        """What tells its dbt artefacts apart from those of others, for instance snowflake__anna."""
        return self.kind + self.suffix

    def dataset(self, name: str) -> str:
        """Returns the schema of this deployment that a configured dataset is."""
        return name + self.suffix

    def serving(self, resource: ResourceConfig) -> Warehouse:
        """Returns where a resource lands: here, unless it names another warehouse."""
        name = resource.lands_in
        found = self if name is None or name == self.kind or not self.others else self.others(name)
        return found.at(resource.lake) if resource.lake else found

    def at(self, place: LakePlace) -> Warehouse:
        """Returns the warehouse whose tables lie at a place of the lake.

        Raises:
            WarehouseError: This is no lake.
        """
        raise WarehouseError(f"lake: {place} is a place in a lake, and tables land in {self.kind}")

    def accept(self, resource: ResourceConfig) -> None:  # noqa: B027 - most engines refuse nothing
        """Raises what a resource asks for and this engine cannot do; most can do everything.

        Raises:
            WarehouseError: Naming what is accepted instead.
        """

    def mend(self, destination: Destination, dataset: str, schema: str) -> None:  # noqa: B027 - most have nothing to mend
        """Finishes or undoes what a killed load left in a table; nothing where the engine has transactions.

        Args:
            destination: Of `open`.
            dataset: The table's.
            schema: The name of the table's dlt schema.
        """

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keeps other processes out where the engine allows one at a time; elsewhere does nothing."""
        yield

    @abstractmethod
    def open(self, label: Mapping[str, str] | None = None) -> AbstractContextManager[Destination]:
        """Returns a context that gives a destination which may be loaded to and queried until it ends.

        Args:
            label: What the engine's own history shall say of the session, where it keeps one: asset, source, run_id.
        """

    @contextmanager
    def open_if_free(self) -> Iterator[Destination]:
        """Does as `open`, but fails at once where somebody else's client holds the warehouse."""
        with self.open() as destination:
            yield destination

    @contextmanager
    def transaction(self, destination: Destination, first: Sequence[Statement] = ()) -> Iterator[None]:
        """Makes the load inside the block all or nothing.

        Args:
            destination: From `open`.
            first: Statements executed in the same transaction, before the load.
        """
        assert isinstance(destination, TransactionalDestination)  # noqa: S101 - `open` yields nothing else
        with destination.transaction(first):
            yield

    @contextmanager
    def query(self) -> Iterator[Query]:
        """Yields a function that runs one SELECT and returns its rows, each a tuple."""
        with self.open() as destination, connect(destination, self.dataset("raw")) as client:

            def run(sql: str) -> list[tuple[Any, ...]]:
                with client.execute_query(sql) as cursor:
                    return cursor.fetchall()

            yield run
