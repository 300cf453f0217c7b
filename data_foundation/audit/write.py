"""What every attempt to load a table did: a line in a file of this machine, and a row in the warehouse."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from dlt.destinations.exceptions import DatabaseUndefinedRelation

from data_foundation.audit.journal import Journal
from data_foundation.errors import WarehouseBusy
from data_foundation.process_wide.redaction import redact
from data_foundation.warehouses.connection import connect

if TYPE_CHECKING:
    from dlt.destinations.sql_client import SqlClientBase

    from data_foundation.warehouses.base import Destination, Warehouse

logger = logging.getLogger(__name__)

Status = Literal["loaded", "failed", "killed"]

DATASET = "raw"
TABLE = "_load_audit"
COLUMNS: Mapping[str, str] = {
    "id": "VARCHAR",
    "asset": "VARCHAR",
    "source": "VARCHAR",
    "run_id": "VARCHAR",
    "attempt": "INTEGER",
    "status": "VARCHAR",
    "rows": "BIGINT",
    "bytes": "BIGINT",
    "started": "TIMESTAMP WITH TIME ZONE",
    "ended": "TIMESTAMP WITH TIME ZONE",
    "seconds": "DOUBLE PRECISION",
    "cursor": "VARCHAR",
    "load_id": "VARCHAR",
    "error_class": "VARCHAR",
    "error": "VARCHAR",
}
"""Columns of the table and keys of a line, with types that every engine knows."""

LONGEST_ERROR = 500
"""Characters of an error's message that are kept."""

PATIENCE_SECONDS = 5.0
"""How long an attempt waits for another one that is being written; it may as well be written by the next one."""

MOST_ROWS = 200
"""Rows written by one statement."""


@dataclass(frozen=True)
class Attempt:
    """One attempt to load a table.

    Attributes:
        asset: dataset.table.
        source: Its folder in `dlthub/`.
        run_id: Dagster's, or one made up for a run without Dagster.
        attempt: 1 for the first of a run.
        status: How it ended; `killed` is told by the next run, which finds out.
        started: In UTC.
        ended: In UTC; None where it was killed, at a moment that nobody knows.
        rows: Sent to the table; of a failed one those seen until then, None where nobody knows.
        bytes: Of the files that were loaded, None where there are none.
        cursor: Its value after the load, as text; None where there is no cursor.
        load_id: dlt's, None where nothing was loaded.
        error_class: For instance HTTPError, None where nothing failed.
        error: Its message, or of a load that landed the parts that failed alone: redacted, one line, cut to
            `LONGEST_ERROR`.
        id: Of the attempt, unlike any other.
    """

    asset: str
    source: str
    run_id: str
    attempt: int
    status: Status
    started: datetime
    ended: datetime | None = None
    rows: int | None = None
    bytes: int | None = None
    cursor: str | None = None
    load_id: str | None = None
    error_class: str | None = None
    error: str | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        object.__setattr__(self, "started", self.started.astimezone(UTC))
        if self.ended:
            object.__setattr__(self, "ended", self.ended.astimezone(UTC))
        if self.error is not None:
            object.__setattr__(self, "error", _one_line(redact(self.error)))

    @property
    def seconds(self) -> float | None:
        """How long it took, None where it was killed."""
        return round((self.ended - self.started).total_seconds(), 3) if self.ended else None

    def answers_to(self, target: str) -> bool:
        """Tells whether `target` names it: source, source.table or dataset.table."""
        return target in (self.source, self.asset, self.source + self.asset[self.asset.index(".") :])

    def to_json(self) -> str:
        """Returns it as one line of JSON, with the keys of `COLUMNS`; times are ISO 8601."""
        return json.dumps({name: getattr(self, name) for name in COLUMNS}, default=datetime.isoformat)


def record(warehouse: Warehouse, attempt: Attempt, destination: Destination | None = None) -> None:
    """Writes the attempt's line, then its row and every row that the warehouse lacks; raises nothing.

    Whatever keeps it from being written is told in the log: an attempt ends as it ended. A row that cannot be written
    now is written with the next one, exactly once.

    Args:
        warehouse: Takes the row, into `raw._load_audit`.
        attempt: Which has ended.
        destination: Of `warehouse.open()`, where it is open already, and outside `warehouse.transaction()`.
    """
    try:
        _journal(warehouse).append(attempt.to_json())
        # An attempt that has just waited in vain for the warehouse must not wait for it once more.
        if warehouse.keeps_audit and attempt.error_class != WarehouseBusy.__name__:
            catch_up(warehouse, destination)
    except Exception as error:  # noqa: BLE001 - nothing of the audit may change how a load ends
        what = f"{DATASET}.{TABLE} lacks an attempt; the next one brings it along"
        logger.warning("%s: %s: %s", attempt.asset, what, describe(error))


def catch_up(warehouse: Warehouse, destination: Destination | None = None) -> None:
    """Writes every row that the warehouse lacks of this machine's attempts.

    Args:
        warehouse: Takes the rows.
        destination: As for `record`.

    Raises:
        WarehouseError: The warehouse cannot be used.
        SettingMissing: Naming the setting.
        DestinationException: dlt's, what the warehouse said.
        OSError: The lines cannot be read, or somebody else has been writing rows for a while.
    """
    if destination is not None:
        _catch_up(warehouse, destination)
        return
    # Not `open`, which waits for somebody else's client: lines are patient.
    with warehouse.open_if_free() as free:
        _catch_up(warehouse, free)


def read_journal(warehouse: Warehouse) -> list[Attempt]:
    """Returns the attempts of this machine, the newest last."""
    return sorted(_parse(_journal(warehouse).lines()), key=lambda attempt: attempt.started)


def failed_parts_of_last_load(warehouse: Warehouse, asset: str) -> str:
    """Returns which parts failed alone in the newest load of a table, "" where none did or nobody knows."""
    if not warehouse.keeps_audit:
        loaded = [one for one in read_journal(warehouse) if (one.asset, one.status) == (asset, "loaded")]
        return (loaded[-1].error or "") if loaded else ""
    with warehouse.open() as destination, connect(destination, warehouse.dataset(DATASET)) as client:
        q = client.escape_column_name
        query = (
            f"SELECT {q('error')} FROM {client.make_qualified_table_name(TABLE)} "  # noqa: S608 - quoted by dlt
            f"WHERE {q('asset')} = %s AND {q('status')} = 'loaded' ORDER BY {q('started')} DESC LIMIT 1"
        )
        try:
            rows = client.execute_sql(query, asset)
        except DatabaseUndefinedRelation:
            return ""
    return str(rows[0][0] or "") if rows else ""


def _journal(warehouse: Warehouse) -> Journal:
    return Journal(warehouse.work_folder, "audit")


def _catch_up(warehouse: Warehouse, destination: Destination) -> None:
    journal = _journal(warehouse)
    with journal.untaken(PATIENCE_SECONDS) as lines:
        if lines:
            with connect(destination, warehouse.dataset(DATASET)) as client:
                try:
                    _insert(client, _parse(lines))
                except DatabaseUndefinedRelation:
                    _create_table(client)
                    _insert(client, _parse(journal.lines()))


def _parse(lines: Sequence[str]) -> list[Attempt]:
    """Returns the attempts of lines; one that a full disk cut short is none."""
    attempts = []
    for line in lines:
        try:
            values = json.loads(line)
            values = {known.name: values[known.name] for known in fields(Attempt)}
            for name in ("started", "ended"):
                values[name] = values[name] and datetime.fromisoformat(values[name])
            attempts.append(Attempt(**values))
        except (ValueError, KeyError, TypeError):
            continue
    return attempts


def _create_table(client: SqlClientBase[Any]) -> None:
    if not client.has_dataset():
        client.create_dataset()
    columns = ", ".join(f"{client.escape_column_name(name)} {kind}" for name, kind in COLUMNS.items())
    client.execute_sql(f"CREATE TABLE IF NOT EXISTS {client.make_qualified_table_name(TABLE)} ({columns})")


def _insert(client: SqlClientBase[Any], attempts: Sequence[Attempt]) -> None:
    """Inserts those attempts that the table lacks; each statement is a transaction, and may be repeated."""
    table = client.make_qualified_table_name(TABLE)
    columns, identity = ", ".join(map(client.escape_column_name, COLUMNS)), client.escape_column_name("id")
    # A value in a SELECT has no type of its own.
    values = ", ".join(f"CAST(%s AS {kind})" for kind in COLUMNS.values())
    row = f"SELECT {values} WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {identity} = %s)"  # noqa: S608 - quoted by dlt
    for start in range(0, len(attempts), MOST_ROWS):
        some = {attempt.id: attempt for attempt in attempts[start : start + MOST_ROWS]}
        told = [getattr(attempt, name) for attempt in some.values() for name in (*COLUMNS, "id")]
        client.execute_sql(f"INSERT INTO {table} ({columns}) {' UNION ALL '.join([row] * len(some))}", *told)


def _one_line(text: str) -> str:
    """Returns the beginning of `text`, without line breaks and without characters that some engine refuses."""
    words = "".join(character if character.isprintable() else " " for character in text).split()
    return " ".join(words)[:LONGEST_ERROR].rstrip()


def describe(error: Exception) -> str:
    """Returns an error on one line, without secrets."""
    return _one_line(redact(f"{type(error).__name__}: {error}"))
