"""The condition under which a load may commit: no other load of its table has landed since its state was read.

A disk, a clock and a process prove nothing to another machine. What has landed is a fact of the warehouse, so it is
compared there, under a lock that is held where the table is, until the commit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlt.common.schema.typing import LOADS_TABLE_NAME
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from data_foundation.errors import LoadOvertaken
from data_foundation.warehouses.connection import connect

if TYPE_CHECKING:
    from dlt.common.destination import Destination
    from dlt.destinations.sql_client import SqlClientBase

_OF_LOAD = ("load_id", "schema_name", "schema_version_hash")


@dataclass(frozen=True)
class Fence:
    """What must still hold when a load commits.

    Attributes:
        dataset: The dataset of the table in the warehouse.
        schema: The name of the table's dlt schema.
        parent: The id of the newest load that had landed when the load read the state; None if none had.
        shared: Names of tables that loads of other resources change too, for instance a hub.
    """

    dataset: str
    schema: str
    parent: str | None
    shared: Sequence[str] = ()

    @property
    def locks(self) -> Iterator[str]:
        """The names of the locks that the load holds until it has committed, in the order in which it takes them."""
        yield from (f"{self.dataset}.{name}" for name in (self.schema, *sorted(self.shared)))

    def check(self, newest: str | None) -> None:
        """Compares the newest load that has landed with the parent.

        Raises:
            LoadOvertaken: Another load has landed meanwhile, or the landed loads were restored or removed.
        """
        if newest == self.parent:
            return
        was, now = self.parent or "none", newest or "none"
        message = (
            f"another load of the table has landed since this one began: the newest was {was} and is {now}; nothing of "
            "this load was written"
        )
        raise LoadOvertaken(message, newest)

    def check_in(self, destination: Destination[Any, Any]) -> None:
        """Compares the warehouse with the parent; see `check`.

        Args:
            destination: From `Warehouse.open`. Inside a transaction, the query is part of it.

        Raises:
            LoadOvertaken: As of `check`.
        """
        with connect(destination, self.dataset) as client:
            self.check(read_newest_load(client, self.schema))


def read_newest_load(client: SqlClientBase[Any], schema: str) -> str | None:
    """Returns the id of the load that landed last in the table of a dlt schema, None if there is none."""
    try:
        rows = client.execute_sql(newest_load_query(client), schema)
    except DatabaseUndefinedRelation:
        return None
    return str(rows[0][0]) if rows else None


def newest_load_query(client: SqlClientBase[Any]) -> str:
    """Returns a SELECT of the newest landed load of the dlt schema `%s`: load_id, schema_name, schema_version_hash.

    Load ids are numbers, and each is higher than those that had landed before it: see `process_wide.load_ids`.
    """
    name = client.escape_column_name
    return (
        f"SELECT {', '.join(map(name, _OF_LOAD))} FROM {client.make_qualified_table_name(LOADS_TABLE_NAME)} "  # noqa: S608 - quoted by dlt
        f"WHERE {name('schema_name')} = %s AND {name('status')} = 0 "
        f"ORDER BY CAST({name('load_id')} AS DOUBLE PRECISION) DESC LIMIT 1"
    )


def lock_number(name: str) -> int:
    """Returns the number of 64 bits, with a sign, that stands for a lock's name."""
    digest = hashlib.sha256(f"data_foundation {name}".encode()).digest()[:8]
    return int.from_bytes(digest, signed=True)
