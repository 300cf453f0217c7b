"""The formats of a lake whose tables have versions, each with the functions that a load needs of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from data_foundation.warehouses.connection import Statement
    from data_foundation.warehouses.lake.row_changes import ReadTable, TableChange


TableT = TypeVar("TableT")


class LoadTables(ABC, Generic[TableT]):
    """The tables that one load changes, each opened once, so that a commit of another process is noticed.

    Attributes:
        client: The client of the lake.
        load_id: dlt's load id.
        check: Raises an error if the load has lost its turn.
        opened: The tables that were opened, None for one that does not exist.
    """

    def __init__(self, client: Any, load_id: str, check: Callable[[], None]) -> None:
        self.client, self.load_id, self.check = client, load_id, check
        self.opened: dict[str, TableT | None] = {}

    @abstractmethod
    def open_newest(self, name: str) -> TableT | None:
        """Returns a table at its newest version, for the commits of the load; None if it does not exist."""

    @staticmethod
    @abstractmethod
    def version_of(table: TableT) -> int:
        """Returns the version that a table has been opened at, or has got by the load's own commits."""

    @abstractmethod
    def is_leftover(self, name: str) -> bool:
        """Returns True if the rows and columns of a table are those of no load that has landed."""

    @abstractmethod
    def check_partitions(self, change: TableChange) -> None:
        """Refuses partitions that a table cannot have, and rows that they cannot hold, before anything is written.

        Raises:
            LoadError: Names the column, and what is accepted.
        """

    def find(self, name: str) -> TableT | None:
        """Returns a table, None if it does not exist."""
        if name not in self.opened:
            self.opened[name] = self.open_newest(name)
        return self.opened[name]

    def version(self, name: str) -> int | None:
        """Returns the version of a table, None if it does not exist."""
        table = self.find(name)
        return self.version_of(table) if table else None

    def find_changed(self) -> list[str]:
        """Returns the tables that have a newer version than this load has made."""
        return [
            name
            for name, table in self.opened.items()
            if (now := self.open_newest(name)) and (table is None or self.version_of(table) != self.version_of(now))
        ]


class OpenFormat(Protocol):
    """A format whose tables have versions; each commit is made to the version that the load has seen, or fails.

    Each function takes the client of the lake.
    """

    def begin(self, client: Any, load_id: str, check: Callable[[], None]) -> LoadTables[Any]:
        """Returns the tables of a load; `check` raises an error if it has lost its turn."""

    def find(self, client: Any, name: str) -> ReadTable | None:
        """Returns a table to read, None if it does not exist."""

    def change_rows(self, client: Any, tables: Any, statements: Sequence[Statement]) -> None:
        """Executes the DELETE and UPDATE statements of `loading`."""

    def write_tables(self, tables: Any, arrived: Sequence[TableChange]) -> None:
        """Writes the changes of a table and then those of its nested tables."""

    def undo(  # noqa: PLR0913 - what is undone, for whom, and whether it still may be
        self,
        client: Any,
        name: str,
        version: int | None,
        load_id: str,
        check: Callable[[], None],
        *,
        is_own: bool,
    ) -> None:
        """Restores a version of a table, so that no other process can commit to the one that it has open."""

    def undo_unlanded(self, client: Any, name: str, landed: set[str], check: Callable[[], None]) -> None:
        """Undoes what a load has written to a table that has not landed, if its note is damaged."""

    def compact(self, table: Any, upkeep: Any) -> int:
        """Puts small files of a table together in one commit, as an `Upkeep` says; returns the number of files."""

    def expire(self, client: Any, name: str, upkeep: Any) -> int:
        """Removes versions that are not kept, and their files; returns the number of files."""
