"""DuckDB as warehouse: a file, or memory for a preview."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import dlt
from typing_extensions import override

from data_foundation.errors import WarehouseBusy, WarehouseError
from data_foundation.warehouses.base import WORK_FOLDER, Setting, Warehouse
from data_foundation.warehouses.duckdb.file import DuckDBFile, find_file
from data_foundation.warehouses.transactional_destination import AS_NAMED

if TYPE_CHECKING:
    import duckdb

    from data_foundation.warehouses.base import Destination

WAIT_SECONDS = 600.0
"""How long a load waits for another process of this project that holds the file."""

FOREIGN_WAIT_SECONDS = 10.0
"""How long a load waits for another program's client, which does not use the lock file."""

PATH = Setting(
    "DUCKDB_PATH",
    "The DuckDB file, relative to the repository. Other clients need DuckDB 1.3 or newer to read it.",
    default="data/warehouse.duckdb",
)

FORMAT = "v1.3.0"
"""The oldest version of DuckDB that reads a file created here.

Its format is the first with DICT_FSST, DuckDB 2's default compression of texts: DuckDB then tries one compression
instead of two. A copy takes a fifth less time, and the file is a tenth smaller (DuckDB 1.5.6).
"""


@dataclass(frozen=True)
class DuckDBWarehouse(Warehouse):
    """A DuckDB file, or `:memory:`. One process at a time can open a file, so a lock file beside it orders them."""

    path: str
    kind: ClassVar[str] = "duckdb"
    known_settings: ClassVar[Sequence[Setting]] = (PATH,)
    # A load is one transaction and so one session; DuckDB uses every core for each file.
    load_workers: ClassVar[int] = 1
    is_exclusive: ClassVar[bool] = True

    @classmethod
    @override
    def of(cls, root: Path, settings: Mapping[str, str], *, suffix: str, others: Callable[[str], Warehouse]) -> Self:
        """Returns the file that `DUCKDB_PATH` names, relative to the repository.

        Raises:
            WarehouseError: `DUCKDB_PATH` is not a path.
        """
        path = root / (value := settings.get(PATH.name) or PATH.default)
        if re.match(r"\w\w+:", value):  # md:..., whose token would become part of a file name
            raise WarehouseError(f"DUCKDB_PATH: got '{value}'; accepted: the path of a DuckDB file")
        folder = cls.find_work_folder(WORK_FOLDER.find_path(root, settings), str(path) + suffix)
        return cls(folder, str(path), suffix=suffix, others=others)

    @classmethod
    @override
    def is_shared(cls, settings: Mapping[str, str]) -> bool:
        """Returns False: a file belongs to one person."""
        del settings
        return False

    @property
    def _in_memory(self) -> bool:
        return self.path == ":memory:"

    @override
    def describe(self) -> str:
        return self.path

    @property
    @override
    def database(self) -> str:
        return "memory" if self._in_memory else Path(self.path).stem

    @override
    def destination(self) -> Destination:
        return dlt.destinations.duckdb(self.path, **AS_NAMED)

    @override
    def dbt_settings(self) -> Mapping[str, str]:
        return {"DBT_DUCKDB_PATH": self.path}

    @contextmanager
    @override
    def exclusive(self) -> Iterator[None]:
        """Waits until no other process or thread of this project uses the file.

        Raises:
            WarehouseBusy: After `WAIT_SECONDS`.
        """
        if self._in_memory:
            yield
            return
        with self._turn() as file:
            file.close()
            yield

    @contextmanager
    @override
    def open(self, label: Mapping[str, str] | None = None) -> Iterator[Destination]:
        """Yields a destination over one connection: two threads that open one each at once would fail.

        Raises:
            WarehouseBusy: After `WAIT_SECONDS`, or `FOREIGN_WAIT_SECONDS` if another program has the file open.
            WarehouseError: The file cannot be opened.
        """
        with self._turn() as file:
            # DuckDB and Arrow take a fifth of a second to import: commands that open no warehouse do without. Within a
            # turn, as threads that import the same modules at once may see one that is not complete.
            from data_foundation.warehouses.duckdb.destination import TransactionalDuckDB  # noqa: PLC0415 - see above

            yield TransactionalDuckDB(file.connection(self.connect), self.path)

    @contextmanager
    @override
    def open_if_free(self) -> Iterator[Destination]:
        """Yields a destination that opens the file at its first use."""
        with self.exclusive():
            yield self.destination()

    @contextmanager
    def _turn(self) -> Iterator[DuckDBFile]:
        """Yields the file as soon as this thread may use it."""
        Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        file = find_file(self.path)
        try:
            file.take(WAIT_SECONDS)
        except TimeoutError:
            message = (
                f"{self.path} was in use by another run for more than {WAIT_SECONDS:g} s, {file.describe_holder()}; "
                "wait for that run, or stop it"
            )
            raise WarehouseBusy(message) from None
        clean = False
        try:
            yield file
            clean = True
        finally:
            file.leave(hand_over=clean)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Opens the file, waiting for another program that has it open; creates it if it is not there.

        Raises:
            WarehouseError: It cannot be opened.
            WarehouseBusy: The other program has not ended in time.
        """
        import duckdb  # noqa: PLC0415 - see `open`

        from data_foundation.warehouses.duckdb.utc_session import in_utc  # noqa: PLC0415 - see `open`

        deadline = time.monotonic() + FOREIGN_WAIT_SECONDS
        while True:
            try:
                if not Path(self.path).exists():
                    # Creates the file only: the format stays, and a connection with this setting would exclude others.
                    duckdb.connect(self.path, config={"storage_compatibility_version": FORMAT}).close()
                return in_utc(duckdb.connect(self.path))
            except duckdb.IOException as error:
                if "could not set lock" not in str(error).lower():
                    message = f"{self.path} cannot be opened: {error}"
                    raise WarehouseError(message) from None
                if time.monotonic() > deadline:
                    # DuckDB names the program and its process id.
                    holder = re.search(r"is held in (.+? \(PID \d+\))", str(error))
                    message = (
                        f"{self.path} is held by another client, {holder[1] if holder else error}: "
                        "close it (one that only reads holds the file too), then run again"
                    )
                    raise WarehouseBusy(message) from None
                time.sleep(0.2)


@dataclass(frozen=True)
class MemoryWarehouse(DuckDBWarehouse):
    """An in-memory DuckDB for one load, kept open so that its tables can be queried afterwards."""

    connection: duckdb.DuckDBPyConnection
    is_audited: ClassVar[bool] = False

    @contextmanager
    @override
    def open(self, label: Mapping[str, str] | None = None) -> Iterator[Destination]:
        """Yields a destination over `connection`."""
        from data_foundation.warehouses.duckdb.destination import TransactionalDuckDB  # noqa: PLC0415 - as above
        from data_foundation.warehouses.duckdb.utc_session import in_utc  # noqa: PLC0415 - as above

        yield TransactionalDuckDB(in_utc(self.connection))
