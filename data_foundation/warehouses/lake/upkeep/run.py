"""Keeps the tables of one resource, within a turn of theirs: no load of them writes meanwhile, on whatever machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_foundation.errors import WarehouseError
from data_foundation.warehouses.lake.mending import mend
from data_foundation.warehouses.lake.turn_files import TurnFiles
from data_foundation.warehouses.lake.turns import take

if TYPE_CHECKING:
    from data_foundation.warehouses.lake.client import LakeClient
    from data_foundation.warehouses.lake.upkeep.settings import Upkeep


@dataclass(frozen=True)
class KeptTable:
    """What was done for one table.

    Attributes:
        name: Table name.
        replaced: Files that were put together.
        removed: Files of expired versions that were removed.
    """

    name: str
    replaced: int
    removed: int


def keep_up(client: LakeClient, upkeep: Upkeep, check: Callable[[], None] = lambda: None) -> list[KeptTable]:
    """Puts small files of a table and of its nested tables together, and removes what expired versions need.

    Each table changes in one commit that leaves its rows as they are and fails if another program has changed the
    table, so there is nothing to undo if the process is killed. A landed load is known by dlt's files and by its turn,
    not by a version of the table; versions expire only after what an earlier load left is finished or undone.

    Args:
        client: The client of the resource's dlt schema.
        upkeep: What is kept.
        check: Called again and again while this process waits for its turn; an error that it raises ends the wait.

    Raises:
        WarehouseError: Parquet files have no versions.
        ResourceBusy: A load takes too long.
        LoadOvertaken: Another process has taken the turn, as this one was paused for too long.
    """
    shape = client.open_format
    if shape is None:
        message = (
            "files are put together with LAKE_FORMAT=delta or iceberg only: a reader of parquet files would see both"
        )
        raise WarehouseError(message)
    with take(TurnFiles(client), client.holder, check) as turn:
        mend(client, turn)
        done = []
        for name in client.find_tables():
            turn.check()
            if (table := shape.find(client, name)) is None:
                continue
            replaced = shape.compact(table, upkeep)
            turn.check()
            done.append(KeptTable(name, replaced, shape.expire(client, name, upkeep)))
        turn.end()
    return done
