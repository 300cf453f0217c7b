"""Checkouts whose warehouse is a destination of dlt: a MariaDB, an SQLite file, or dlt's own class over PostgreSQL."""

import re
import uuid
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from data_foundation.warehouses.alchemy.warehouse import AlchemyWarehouse
from data_foundation.warehouses.base import Warehouse
from data_foundation.warehouses.general.warehouse import engine_of
from tests.support.trees import Tree


def new_suffix() -> str:
    """Returns a suffix for the schemas of a test, which shares its server with others; pytest uses folders again."""
    return f"__t{uuid.uuid4().hex[:10]}"


@dataclass(frozen=True)
class DestinationTree(Tree):
    """A project whose warehouse is served by a destination of dlt.

    Attributes:
        address: Its URL, with the password.
        suffix: Ending of its schemas.
        kind: dlt's name of the destination.
    """

    address: str = field(default="", repr=False)
    suffix: str = ""
    kind: str = "sqlalchemy"

    @property
    @override
    def warehouse(self) -> Warehouse:
        """The warehouse of the project."""
        folder = self.root / "data" / "pipelines"
        if self.kind == "sqlalchemy":
            return AlchemyWarehouse(folder, self.root, self.address, suffix=self.suffix)
        engine: Any = engine_of(self.kind)
        return engine(folder, suffix=self.suffix, credentials=self.address)  # type: ignore[no-any-return] # of a class made at run time

    @override
    def as_dlt(self) -> tuple[str, Any]:
        """Returns the name and the credentials of the warehouse as a destination of dlt alone."""
        return self.kind, self.address

    @override
    def query(self, sql: str) -> list[Any]:
        """Returns the rows of a statement of standard SQL; rows of one column as plain values."""
        with self.warehouse.query() as query:
            rows = query(re.sub(r"\braw\.", f"{self.warehouse.dataset('raw')}.", sql))
        return [row[0] if len(row) == 1 else tuple(row) for row in rows]
