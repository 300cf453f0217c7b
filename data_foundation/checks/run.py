"""What is checked of a table once a load has landed: which checks a resource has, and how each of them comes out."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import shorten
from typing import TYPE_CHECKING

from data_foundation.checks.rules import (
    Check,
    CheckedTable,
    CheckOutcome,
    Complete,
    Finding,
    PrimaryKey,
    RequiredColumns,
    RowsArrived,
    RowsInTable,
    SchemaDrift,
    ValuesOfColumn,
)
from data_foundation.errors import RequiredColumnsMissing
from data_foundation.naming import normalize
from data_foundation.process_wide.redaction import redact

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig


def find_checks(resource: ResourceConfig) -> Iterator[Check]:
    """Yields the checks that a resource has."""
    said, mode = resource.checks, resource.write_disposition
    if resource.required_columns:
        yield RequiredColumns(blocking=True, columns=resource.required_columns)
    if mode.disposition == "replace" and resource.on_empty == "keep":
        yield RowsArrived(blocking=False)
    key_comes_again = mode.disposition == "append" or (mode.strategy == "scd2" and resource.landing == "table")
    level = said.primary_key or ("ignore" if key_comes_again else "block")
    if resource.key_columns and level != "ignore":
        keys = [normalize(name) for name in resource.key_columns]
        yield PrimaryKey(level == "block", keys, current_only=mode.strategy == "scd2")
    if said.row_count:
        yield RowsInTable(said.row_count.severity == "block", said.row_count)
    for name, accepted in said.accepted_values.items():
        yield ValuesOfColumn(accepted.severity == "block", normalize(name), accepted)
    if said.complete and said.complete != "ignore":
        yield Complete(said.complete == "block")
    if said.schema_drift != "ignore":
        yield SchemaDrift(said.schema_drift == "block")


def find_question(resource: ResourceConfig, table: CheckedTable) -> str:
    """Returns the first question of a resource's checks whose answer is one row, "" where there is none."""
    return next(filter(None, (check.question(table) for check in find_checks(resource))), "")


def run_checks(resource: ResourceConfig, table: CheckedTable) -> tuple[CheckOutcome, ...]:
    """Returns how every check of a resource comes out; one that cannot be run has failed.

    Parts that failed alone fail the check `complete` of a resource that says nothing of it as well.
    """
    checks = list(find_checks(resource))
    if table.failed_parts and resource.checks.complete is None:
        checks.append(Complete(blocking=True))
    return tuple(check.outcome(_look(check, table)) for check in checks)


def is_declared(resource: ResourceConfig, outcome: CheckOutcome) -> bool:
    """Tells whether it was known before the load that a resource has this check."""
    return any(check.name == outcome.name for check in find_checks(resource))


def failed_checks(resource: ResourceConfig, error: Exception | None) -> tuple[CheckOutcome, ...]:
    """Returns the check by which a load failed: `requires`, or none where something else went wrong."""
    if not isinstance(error, RequiredColumnsMissing):
        return ()
    required = RequiredColumns(blocking=True, columns=resource.required_columns)
    return (required.outcome(Finding(passed=False, message=str(error))),)


def _look(check: Check, table: CheckedTable) -> Finding:
    try:
        return check.look(table)
    except Exception as error:  # noqa: BLE001 - the load has landed: what goes wrong here must not fail it
        cause = redact(f"{type(error).__name__}: {error}".splitlines()[0])
        return Finding(passed=False, message=f"could not be checked: {shorten(cause, 300)}")
