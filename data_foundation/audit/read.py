"""Reads the audit trail from the warehouse, or from this machine's journal if the warehouse is unreachable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dlt.common.destination.exceptions import DestinationException
from dlt.destinations.exceptions import DatabaseException, DatabaseUndefinedRelation

from data_foundation.audit.in_time import in_time
from data_foundation.audit.table import ADDED, DATASET, TABLE
from data_foundation.audit.write import Attempt, catch_up, describe, read_journal
from data_foundation.errors import FoundationError
from data_foundation.warehouses.connection import as_moment, connect

if TYPE_CHECKING:
    from dlt.destinations.sql_client import SqlClientBase

    from data_foundation.warehouses.base import Warehouse

NAMES = tuple(known.name for known in fields(Attempt))
EARLIER_NAMES = tuple(name for name in NAMES if name not in ADDED)
"""Columns of a table that an earlier version has made, until an attempt of this version is written into it."""


@dataclass(frozen=True)
class Trail:
    """Attempts, the newest last.

    Attributes:
        attempts: Attempts of all machines, or of this machine only if the warehouse was unreachable.
        unreachable: Why the warehouse could not be read, "" if it was.
    """

    attempts: tuple[Attempt, ...]
    unreachable: str = ""


def read_trail(warehouse: Warehouse, target: str | None = None, *, last: int = 20, failed: bool = False) -> Trail:
    """Returns the newest attempts from the warehouse, or this machine's if the warehouse is unreachable.

    Args:
        warehouse: The warehouse of `raw._load_audit`.
        target: Only attempts of this source, source.table or dataset.table.
        last: Maximum number of attempts.
        failed: Only attempts that failed or were killed.
    """

    def choose(attempts: list[Attempt]) -> list[Attempt]:
        chosen = [a for a in attempts if (not target or a.matches(target)) and not (failed and a.status == "loaded")]
        return chosen[-last:]

    return _read(warehouse, lambda client, names: _read_rows(client, names, target, last, failed=failed), choose)


def read_newest(
    warehouse: Warehouse, *, each: int = 1, assets: Sequence[str] = (), seconds: float | None = None
) -> Trail:
    """Returns the newest successful and the newest failed attempts of each table, the newest last.

    Args:
        warehouse: The warehouse of `raw._load_audit`.
        each: Maximum number of successful, and of failed attempts of a table.
        assets: Only attempts of these tables, each dataset.table; default: of all.
        seconds: Maximum time to wait for the warehouse; after it counts as unreachable. Default: no limit.
    """

    def choose(attempts: list[Attempt]) -> list[Attempt]:
        kept: dict[tuple[str, bool], int] = Counter()
        chosen = []
        for attempt in reversed(attempts):
            key = attempt.asset, attempt.status == "loaded"
            if kept[key] < each and (not assets or attempt.asset in assets):
                kept[key] += 1
                chosen.append(attempt)
        return chosen[::-1]

    return _read(warehouse, lambda client, names: _read_newest_rows(client, names, each, assets), choose, seconds)


def read_since(warehouse: Warehouse, since: datetime) -> Trail:
    """Returns the attempts that began at a time or later, the newest last."""

    def rows(client: SqlClientBase[Any], names: Sequence[str]) -> list[Attempt]:
        q = client.escape_column_name
        query = (
            f"SELECT {', '.join(map(q, names))} FROM {client.make_qualified_table_name(TABLE)} "  # noqa: S608 - quoted by dlt
            f"WHERE {q('started')} >= %s ORDER BY {q('started')}, {q('attempt')}"
        )
        return _to_attempts(names, client.execute_sql(query, since) or ())

    return _read(warehouse, rows, lambda attempts: [attempt for attempt in attempts if attempt.started >= since])


def find_run(warehouse: Warehouse, asset: str, load_id: str) -> str | None:
    """Returns the id of the run that landed a load, None if it is not known.

    Args:
        warehouse: The warehouse of `raw._load_audit`.
        asset: The table, dataset.table: another table may have a load with the same id.
        load_id: dlt's id of the load.
    """
    found = _read_equal(warehouse, {"load_id": load_id, "asset": asset})
    return next((attempt.run_id for attempt in found.attempts), None)


def read_run(warehouse: Warehouse, run_id: str) -> Trail:
    """Returns the attempts of a run."""
    return _read_equal(warehouse, {"run_id": run_id})


def _read_equal(warehouse: Warehouse, values: Mapping[str, str]) -> Trail:
    """Returns the attempts whose columns have these values."""

    def rows(client: SqlClientBase[Any], names: Sequence[str]) -> list[Attempt]:
        q = client.escape_column_name
        query = (
            f"SELECT {', '.join(map(q, names))} FROM {client.make_qualified_table_name(TABLE)} "  # noqa: S608 - quoted by dlt
            f"WHERE {' AND '.join(f'{q(name)} = %s' for name in values)}"
        )
        return _to_attempts(names, client.execute_sql(query, *values.values()) or ())

    def choose(attempts: list[Attempt]) -> list[Attempt]:
        return [one for one in attempts if all(getattr(one, name) == value for name, value in values.items())]

    return _read(warehouse, rows, choose)


def _read(
    warehouse: Warehouse,
    rows: Callable[[SqlClientBase[Any], Sequence[str]], list[Attempt]],
    choose: Callable[[list[Attempt]], list[Attempt]],
    seconds: float | None = None,
) -> Trail:
    """Returns what `rows` reads in the warehouse, or what `choose` selects of this machine's attempts."""

    def of_this_machine() -> tuple[Attempt, ...]:
        return tuple(choose(read_journal(warehouse)))

    def of_the_warehouse() -> tuple[Attempt, ...]:
        with warehouse.open_if_free() as destination:
            catch_up(warehouse, destination)
            with connect(destination, warehouse.dataset(DATASET)) as client:
                return tuple(_read_known_columns(client, rows))

    if not warehouse.keeps_audit:
        return Trail(of_this_machine())
    try:
        return Trail(of_the_warehouse() if seconds is None else in_time(of_the_warehouse, seconds))
    except DatabaseUndefinedRelation:
        return Trail(())
    except (FoundationError, DestinationException, OSError) as error:
        return Trail(of_this_machine(), describe(error))


def _read_known_columns(
    client: SqlClientBase[Any], rows: Callable[[SqlClientBase[Any], Sequence[str]], list[Attempt]]
) -> list[Attempt]:
    """Returns what `rows` reads, of a table of an earlier version too."""
    try:
        return rows(client, NAMES)
    except DatabaseUndefinedRelation:
        raise
    except DatabaseException:
        return rows(client, EARLIER_NAMES)


def _read_rows(
    client: SqlClientBase[Any], names: Sequence[str], target: str | None, last: int, *, failed: bool
) -> list[Attempt]:
    """Returns the newest attempts of the table, the newest last."""
    q = client.escape_column_name
    conditions, values = ["1 = 1"], []
    if target:
        qualified = f"{q('source')} || SUBSTRING({q('asset')}, POSITION('.' IN {q('asset')}))"
        conditions.append(f"%s IN ({q('source')}, {q('asset')}, {qualified})")
        values.append(target)
    if failed:
        conditions.append(f"{q('status')} <> 'loaded'")
    query = (
        f"SELECT {', '.join(map(q, names))} FROM {client.make_qualified_table_name(TABLE)} "  # noqa: S608 - quoted by dlt
        f"WHERE {' AND '.join(conditions)} ORDER BY {q('started')} DESC, {q('attempt')} DESC LIMIT {last}"
    )
    return _to_attempts(names, client.execute_sql(query, *values) or ())[::-1]


def _read_newest_rows(
    client: SqlClientBase[Any], names: Sequence[str], each: int, assets: Sequence[str]
) -> list[Attempt]:
    """Returns the rows of `read_newest`, the newest last."""
    q = client.escape_column_name
    selected = ", ".join(map(q, names))
    newest = (
        f"ROW_NUMBER() OVER (PARTITION BY {q('asset')}, CASE WHEN {q('status')} = 'loaded' THEN 1 ELSE 0 END "
        f"ORDER BY {q('started')} DESC, {q('attempt')} DESC)"
    )
    chosen = f" WHERE {q('asset')} IN ({', '.join(['%s'] * len(assets))})" if assets else ""
    query = (
        f"SELECT {selected} FROM (SELECT {selected}, {newest} AS {q('newest')} "  # noqa: S608 - quoted by dlt
        f"FROM {client.make_qualified_table_name(TABLE)}{chosen}) AS numbered WHERE {q('newest')} <= {each} "
        f"ORDER BY {q('started')}, {q('attempt')}"
    )
    return _to_attempts(names, client.execute_sql(query, *assets) or ())


def _to_attempts(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Attempt]:
    named = (dict(zip(names, row, strict=True)) for row in rows)
    return [
        Attempt(**{**row, **{name: row[name] and as_moment(row[name]) for name in ("started", "ended")}})
        for row in named
    ]
