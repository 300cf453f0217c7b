"""Records which loads of a run have begun, so that a later run on any machine records those that were killed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from dlt.destinations.exceptions import DatabaseException, DatabaseUndefinedRelation

from data_foundation.audit.in_time import in_time
from data_foundation.audit.read import read_run
from data_foundation.audit.table import COLUMNS, DATASET
from data_foundation.audit.write import MOST_ROWS, PATIENCE_SECONDS, Attempt, describe, killed_id, record
from data_foundation.errors import WarehouseError
from data_foundation.warehouses.connection import as_moment, connect

if TYPE_CHECKING:
    from datetime import datetime

    from dlt.destinations.sql_client import SqlClientBase

    from data_foundation.warehouses.base import Warehouse

logger = logging.getLogger(__name__)

TABLE = "_load_starts"
NAMES = ("id", "asset", "source", "run_id", "started")
"""Its columns, of the same types as in the table of attempts."""


def begun_load(asset: str, source: str, run_id: str, started: datetime) -> Attempt:
    """Returns the attempt to record if the run dies: `killed`.

    Args:
        asset: The table, dataset.table.
        source: Name of the source's folder.
        run_id: Id of the run.
        started: Begin of the run.
    """
    return Attempt(asset, source, run_id, 1, "killed", started, id=killed_id(run_id, asset))


@contextmanager
def recorded_starts(warehouse: Warehouse, loads: Sequence[Attempt]) -> Iterator[None]:
    """Keeps a row for each load of a run in the warehouse until the block ends.

    A row of another run that is there when the block begins, and still when it ends, is one of a run that has died: its
    load is recorded as `killed`, unless an attempt of that run to load the table is recorded. A run that lives longer
    than one which has begun after it counts as killed too, until its end is recorded.

    An error is only logged, so that it never changes a load. Nothing is recorded where one machine alone has the
    warehouse, or each has a trail of its own.

    Args:
        warehouse: The warehouse of `raw._load_audit`.
        loads: From `begun_load`, of one run.
    """
    if not loads or warehouse.is_exclusive or not (warehouse.is_audited and warehouse.keeps_audit):
        yield
        return
    earlier: list[Attempt] = []
    _try_in_time(lambda: earlier.extend(_begin(warehouse, loads)))
    try:
        yield
    finally:
        _try_in_time(lambda: _end(warehouse, loads, earlier))


def _try_in_time(call: Callable[[], None]) -> None:
    try:
        in_time(call, PATIENCE_SECONDS)
    except Exception as error:  # noqa: BLE001 - an error of the audit must not fail the loads
        what = f"{DATASET}.{TABLE} is not up to date, so the audit trail may lack a load that is killed"
        logger.warning("%s: %s", what, describe(error))


def _begin(warehouse: Warehouse, loads: Sequence[Attempt]) -> list[Attempt]:
    """Adds the loads; returns those of other runs, of the same tables, that have not ended."""
    with warehouse.open() as destination, connect(destination, warehouse.dataset(DATASET)) as client:
        try:
            earlier = _find_earlier(client, loads)
        except DatabaseUndefinedRelation:
            earlier = []
            # Another machine may create it at the same time.
            with suppress(DatabaseException):
                _create_table(client)
        _insert(client, loads)
    return earlier


def _end(warehouse: Warehouse, loads: Sequence[Attempt], earlier: Sequence[Attempt]) -> None:
    """Removes the loads, and those of dead runs, which are recorded."""
    with warehouse.open() as destination, connect(destination, warehouse.dataset(DATASET)) as client:
        seen = {one.id for one in earlier}
        dead = [one for one in _find_earlier(client, loads) if one.id in seen] if seen else []
        recorded = {(run, asset) for run in {one.run_id for one in dead} for asset in _find_recorded(warehouse, run)}
        for one in dead:
            if (one.run_id, one.asset) not in recorded:
                record(warehouse, one, destination)
        _delete(client, [*loads, *dead])


def _find_recorded(warehouse: Warehouse, run_id: str) -> set[str]:
    """Returns the tables of which an attempt of a run is recorded."""
    trail = read_run(warehouse, run_id)
    if trail.unreachable:
        raise WarehouseError(trail.unreachable)
    return {attempt.asset for attempt in trail.attempts}


def _find_earlier(client: SqlClientBase[Any], loads: Sequence[Attempt]) -> list[Attempt]:
    """Returns the rows of other runs that load one of the same tables."""
    q = client.escape_column_name
    query = f"SELECT {', '.join(map(q, NAMES))} FROM {client.make_qualified_table_name(TABLE)}"  # noqa: S608 - quoted by dlt
    rows = client.execute_sql(f"{query} WHERE {q('run_id')} <> %s", loads[0].run_id) or ()
    assets = {load.asset for load in loads}
    return [
        begun_load(asset, source, run_id, as_moment(started))
        for _, asset, source, run_id, started in rows
        if asset in assets
    ]


def _create_table(client: SqlClientBase[Any]) -> None:
    if not client.has_dataset():
        client.create_dataset()
    columns = ", ".join(f"{client.escape_column_name(name)} {COLUMNS[name]}" for name in NAMES)
    client.execute_sql(f"CREATE TABLE IF NOT EXISTS {client.make_qualified_table_name(TABLE)} ({columns})")


def _insert(client: SqlClientBase[Any], loads: Sequence[Attempt]) -> None:
    table, columns = client.make_qualified_table_name(TABLE), ", ".join(map(client.escape_column_name, NAMES))
    # A parameter in a SELECT has no type of its own.
    row = f"SELECT {', '.join(f'CAST(%s AS {COLUMNS[name]})' for name in NAMES)}"
    for start in range(0, len(loads), MOST_ROWS):
        batch = loads[start : start + MOST_ROWS]
        values = [getattr(load, name) for load in batch for name in NAMES]
        client.execute_sql(f"INSERT INTO {table} ({columns}) {' UNION ALL '.join([row] * len(batch))}", *values)


def _delete(client: SqlClientBase[Any], loads: Sequence[Attempt]) -> None:
    table, identity = client.make_qualified_table_name(TABLE), client.escape_column_name("id")
    for start in range(0, len(loads), MOST_ROWS):
        ids = [load.id for load in loads[start : start + MOST_ROWS]]
        client.execute_sql(f"DELETE FROM {table} WHERE {identity} IN ({', '.join(['%s'] * len(ids))})", *ids)  # noqa: S608 - quoted by dlt
