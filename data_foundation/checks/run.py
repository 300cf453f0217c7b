"""Finds the checks of a resource and runs them on its table after a load."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import shorten
from typing import TYPE_CHECKING

from data_foundation.checks.column_rules import CursorInTime, ValuesOfColumn
from data_foundation.checks.primary_key import PrimaryKey
from data_foundation.checks.rules import (
    Check,
    CheckedTable,
    CheckOutcome,
    Complete,
    Finding,
    RequiredColumns,
    RowsArrived,
    RowsInTable,
    SchemaDrift,
)
from data_foundation.errors import RequiredColumnsMissing
from data_foundation.naming import column_of_path, normalize
from data_foundation.process_wide.redaction import redact

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig

_FILES = "data_foundation.readers.files.get_rows"
"""The entry that reads files. A new file without rows is suspicious, whatever the disposition."""


def find_checks(resource: ResourceConfig) -> Iterator[Check]:
    """Yields the checks that a resource has."""
    config, mode = resource.checks, resource.write_disposition
    if resource.required_columns:
        yield RequiredColumns(blocking=True, columns=resource.required_columns)
    of_files = resource.entry == _FILES
    if resource.on_empty == "keep" if mode.disposition == "replace" else of_files:
        yield RowsArrived(blocking=False, of_files=of_files)
    key_comes_again = mode.disposition == "append" or (mode.strategy == "scd2" and resource.landing == "table")
    level = config.primary_key or ("ignore" if key_comes_again else "block")
    if resource.key_columns and level != "ignore":
        keys = [normalize(name) for name in resource.key_columns]
        yield PrimaryKey(level == "block", keys, current_only=mode.strategy == "scd2")
    if config.row_count:
        yield RowsInTable(config.row_count.severity == "block", config.row_count)
    for name, accepted in config.accepted_values.items():
        yield ValuesOfColumn(accepted.severity == "block", normalize(name), accepted)
    if config.complete and config.complete != "ignore":
        yield Complete(config.complete == "block")
    if config.schema_drift != "ignore":
        yield SchemaDrift(config.schema_drift == "block")
    if resource.incremental and not resource.incremental.is_in_code and config.cursor != "ignore":
        yield CursorInTime(config.cursor == "block", column_of_path(resource.incremental.cursor_path))


def find_key_mark(resource: ResourceConfig) -> str:
    """Returns the name of the key's check in the audit trail, "" if the resource has no such check."""
    return next((check.mark for check in find_checks(resource) if isinstance(check, PrimaryKey)), "")


def run_checks(resource: ResourceConfig, table: CheckedTable) -> tuple[CheckOutcome, ...]:
    """Returns the outcome of every check of a resource; a check that cannot be run fails.

    Parts that failed alone also fail the check `complete` of a resource that does not configure it.
    """
    checks = list(find_checks(resource))
    if table.failed_parts and resource.checks.complete is None:
        checks.append(Complete(blocking=True))
    return tuple(check.outcome(_run(check, table)) for check in checks)


def is_declared(resource: ResourceConfig, outcome: CheckOutcome) -> bool:
    """Returns True if the configuration declares the check, so that Dagster knows it before the load."""
    return any(check.name == outcome.name for check in find_checks(resource))


def failed_checks(resource: ResourceConfig, error: Exception | None) -> tuple[CheckOutcome, ...]:
    """Returns the outcome of `requires` if it failed the load; empty for any other error."""
    if not isinstance(error, RequiredColumnsMissing):
        return ()
    required = RequiredColumns(blocking=True, columns=resource.required_columns)
    return (required.outcome(Finding(passed=False, message=str(error))),)


def _run(check: Check, table: CheckedTable) -> Finding:
    try:
        return check.run(table)
    except Exception as error:  # noqa: BLE001 - the rows are committed: an error of a check must not fail the load
        cause = redact(f"{type(error).__name__}: {error}".splitlines()[0])
        return Finding(passed=False, message=f"could not be checked: {shorten(cause, 300)}")
