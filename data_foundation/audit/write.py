"""Writes the audit trail: a line in this machine's journal and a row in the warehouse for each attempt to load."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from dlt.destinations.exceptions import DatabaseException, DatabaseUndefinedRelation

from data_foundation.audit.journal import Journal
from data_foundation.audit.table import ADDED, COLUMNS, DATASET, TABLE, add_columns, create_table, forget_checked_keys
from data_foundation.errors import LoadStopped, WarehouseBusy
from data_foundation.process_wide.redaction import redact
from data_foundation.warehouses.connection import connect

if TYPE_CHECKING:
    from dlt.destinations.sql_client import SqlClientBase

    from data_foundation.warehouses.base import Destination, Warehouse

logger = logging.getLogger(__name__)

Status = Literal["loaded", "failed", "killed"]

LONGEST_ERROR = 500
"""Maximum number of characters of an error message."""

PATIENCE_SECONDS = 5.0
"""How long to wait for a process that writes rows; after that, the next attempt writes this one too."""

NO_TIME = (WarehouseBusy.__name__, LoadStopped.__name__)
"""Errors after which the row is left to the next attempt: the warehouse is busy, or the run is being stopped."""

MOST_ROWS = 200
"""Maximum number of rows that one statement inserts."""


@dataclass(frozen=True)
class Attempt:
    """One attempt to load a table.

    Attributes:
        asset: dataset.table.
        source: Name of the source's folder in `dlthub/`.
        run_id: Dagster's run id, or a generated one for a run without Dagster.
        attempt: Number of the attempt in its run, from 1.
        status: How it ended; `killed` is recorded by the next run of the table, or from Dagster's record of the run.
        started: Start time, in UTC.
        ended: End time, in UTC; None if it was killed.
        rows: Rows sent to the table; for a failed attempt those extracted so far; None if unknown.
        bytes: Size of the loaded files, None if nothing was loaded.
        cursor: The cursor's value after the load, as text; None if there is no cursor.
        load_id: dlt's load id, None if nothing was loaded.
        error_class: Class of the error, for instance HTTPError; None if nothing failed.
        error: Message of the error, or for a load that succeeded the parts that failed alone: redacted, one line, cut
            to `LONGEST_ERROR`.
        deleted: Rows that were deleted or marked, because the source has deleted them; None if there were none.
        keys_checked: The rule of the key that all rows up to this load obey, for instance the names of its columns;
            None if it was not checked, or not passed.
        left_out: Rows that filters of `processing_steps` have left out; None if there were none.
        id: Unique id of the attempt.
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
    deleted: int | None = None
    keys_checked: str | None = None
    left_out: int | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        object.__setattr__(self, "started", self.started.astimezone(UTC))
        if self.ended:
            object.__setattr__(self, "ended", self.ended.astimezone(UTC))
        if self.error is not None:
            object.__setattr__(self, "error", _one_line(redact(self.error)))

    @property
    def seconds(self) -> float | None:
        """Duration, None if it was killed."""
        return round((self.ended - self.started).total_seconds(), 3) if self.ended else None

    def matches(self, target: str) -> bool:
        """Returns True if `target` names the table: source, source.table or dataset.table."""
        return target in (self.source, self.asset, self.source + self.asset[self.asset.index(".") :])

    def to_json(self) -> str:
        """Returns the attempt as one line of JSON with the keys of `COLUMNS`; times are in ISO 8601."""
        return json.dumps({name: getattr(self, name) for name in COLUMNS}, default=datetime.isoformat)


def killed_id(run_id: str, asset: str) -> str:
    """Returns the id of the killed attempt of a run to load a table: whoever notices it writes the same row."""
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{run_id} {asset}").hex


def record(warehouse: Warehouse, attempt: Attempt, destination: Destination | None = None) -> None:
    """Writes the attempt's line, then its row and every earlier row that the warehouse lacks; never raises.

    An error is only logged, so that it never changes the end of a load. A row that cannot be written now is written
    with the next attempt, exactly once.

    Args:
        warehouse: The warehouse of `raw._load_audit`.
        attempt: The attempt, which has ended.
        destination: Destination of `warehouse.open()`, if it is open already, outside of `warehouse.transaction()`.
    """
    try:
        _journal(warehouse).append(attempt.to_json())
        if warehouse.keeps_audit and attempt.error_class not in NO_TIME:
            catch_up(warehouse, destination)
    except Exception as error:  # noqa: BLE001 - an error of the audit must not fail the load
        what = f"{DATASET}.{TABLE} lacks an attempt; the next attempt writes it too"
        logger.warning("%s: %s: %s", attempt.asset, what, describe(error))


def catch_up(warehouse: Warehouse, destination: Destination | None = None) -> None:
    """Writes every attempt of this machine that the warehouse lacks.

    Args:
        warehouse: The warehouse of `raw._load_audit`.
        destination: As for `record`.

    Raises:
        WarehouseError: The warehouse cannot be used.
        SettingMissing: A setting is not set; the message names it.
        DestinationException: The warehouse refused a statement.
        OSError: The journal cannot be read, or another process is writing rows for too long.
    """
    if destination is not None:
        _catch_up(warehouse, destination)
        return
    # Not `open`, which waits for other programs: the lines can be written later.
    with warehouse.open_if_free() as free:
        _catch_up(warehouse, free)


def add_attempts(warehouse: Warehouse, destination: Destination, attempts: Sequence[Attempt]) -> None:
    """Adds attempts of another warehouse; those that are there already stay once.

    Args:
        warehouse: The warehouse of `raw._load_audit`.
        destination: As for `record`.
        attempts: The attempts.
    """
    with connect(destination, warehouse.dataset(DATASET)) as client:
        create_table(client, has_indexes=warehouse.has_indexes)
        assets = {attempt.asset for attempt in attempts}
        try:
            forget_checked_keys(client, assets)
        except DatabaseException:
            add_columns(client, has_indexes=warehouse.has_indexes)
            forget_checked_keys(client, assets)
        # What was checked is the table of the other warehouse.
        _insert(client, [replace(attempt, keys_checked=None) for attempt in attempts])


def forget_checks(warehouse: Warehouse, destination: Destination, asset: str) -> None:
    """Makes the next load of a table check the keys of every row, whatever earlier loads have checked.

    Args:
        warehouse: The warehouse of `raw._load_audit`.
        destination: As for `record`.
        asset: The table, dataset.table.
    """
    if not (warehouse.is_audited and warehouse.keeps_audit):
        return
    catch_up(warehouse, destination)
    # Without the table, or the column of an earlier version, nothing was checked.
    with suppress(DatabaseException), connect(destination, warehouse.dataset(DATASET)) as client:
        forget_checked_keys(client, [asset])


def read_journal(warehouse: Warehouse) -> list[Attempt]:
    """Returns the attempts of this machine, the newest last."""
    return sorted(_parse(_journal(warehouse).lines()), key=lambda attempt: attempt.started)


def failed_parts_of_last_load(warehouse: Warehouse, asset: str) -> str:
    """Returns the parts that failed alone in the newest load of a table, "" if there are none or it is unknown."""
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
    with journal.uncopied(PATIENCE_SECONDS) as lines:
        if lines:
            with connect(destination, warehouse.dataset(DATASET)) as client:
                try:
                    _insert(client, _parse(lines))
                except DatabaseUndefinedRelation:
                    create_table(client, has_indexes=warehouse.has_indexes)
                    _insert(client, _parse(journal.lines()))
                except DatabaseException:
                    add_columns(client, has_indexes=warehouse.has_indexes)
                    _insert(client, _parse(lines))


def _parse(lines: Sequence[str]) -> list[Attempt]:
    """Returns the attempts of lines; skips a line that a full disk cut short."""
    attempts = []
    for line in lines:
        try:
            values = json.loads(line)
            values = {known.name: values[known.name] for known in fields(Attempt) if known.name not in ADDED} | {
                name: values.get(name) for name in ADDED
            }
            for name in ("started", "ended"):
                values[name] = values[name] and datetime.fromisoformat(values[name])
            attempts.append(Attempt(**values))
        except (ValueError, KeyError, TypeError):
            continue
    return attempts


def _insert(client: SqlClientBase[Any], attempts: Sequence[Attempt]) -> None:
    """Inserts the attempts that the table lacks; each statement is a transaction and can be repeated safely."""
    table = client.make_qualified_table_name(TABLE)
    columns, identity = ", ".join(map(client.escape_column_name, COLUMNS)), client.escape_column_name("id")
    # A parameter in a SELECT has no type of its own.
    values = ", ".join(f"CAST(%s AS {kind})" for kind in COLUMNS.values())
    row = f"SELECT {values} WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {identity} = %s)"  # noqa: S608 - quoted by dlt
    for start in range(0, len(attempts), MOST_ROWS):
        batch = {attempt.id: attempt for attempt in attempts[start : start + MOST_ROWS]}
        parameters = [getattr(attempt, name) for attempt in batch.values() for name in (*COLUMNS, "id")]
        client.execute_sql(f"INSERT INTO {table} ({columns}) {' UNION ALL '.join([row] * len(batch))}", *parameters)


def _one_line(text: str) -> str:
    """Returns the beginning of `text` as one line, without characters that some engines refuse."""
    words = "".join(character if character.isprintable() else " " for character in text).split()
    return " ".join(words)[:LONGEST_ERROR].rstrip()


def describe(error: Exception) -> str:
    """Returns an error on one line, without secrets."""
    return _one_line(redact(f"{type(error).__name__}: {error}"))
