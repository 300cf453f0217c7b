"""Temporary projects whose tables land in a DuckLake."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from data_foundation.warehouses.ducklake.attached import attached
from data_foundation.warehouses.ducklake.warehouse import DuckLakeWarehouse
from tests.support.trees import Tree


@dataclass(frozen=True)
class DuckLakeTree(Tree):
    """A project with a DuckLake.

    Attributes:
        settings: Settings of WAREHOUSE=ducklake; default: a catalogue in SQLite and a folder of the project.
    """

    settings: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    @override
    def warehouse(self) -> DuckLakeWarehouse:
        """The lake of the project."""
        return DuckLakeWarehouse.of(self.root, self.settings, suffix="", others=lambda _name: self.warehouse)

    @override
    def query(self, sql: str) -> list[Any]:
        """Returns the rows of a statement; rows of one column as plain values."""
        with attached(self.warehouse.place) as lake, lake.session() as session:
            rows = session.execute(sql).fetchall()
        return [row[0] if len(row) == 1 else row for row in rows]
