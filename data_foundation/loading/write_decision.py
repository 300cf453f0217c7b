"""Decides, between extraction and load, whether extracted or normalised rows are written to the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from data_foundation.checks.failed_parts import list_parts
from data_foundation.checks.tag_contract import find_breaches
from data_foundation.errors import LoadError, NoRows, RequiredColumnsMissing
from data_foundation.naming import column_of_path, normalize

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.loading.extraction import Extraction
    from data_foundation.loading.pending_loads import PendingLoads
    from data_foundation.loading.task import Task
    from data_foundation.warehouses.base import Warehouse


def check_table_format(resource: ResourceConfig, warehouse: Warehouse) -> Sequence[str]:
    """Returns a warning if `table_format` has no effect in the warehouse.

    Raises:
        LoadError: The tables of the lake have another format.
    """
    wanted = resource.table_format
    if wanted in {None, "native", warehouse.format}:
        return []
    if warehouse.format:
        message = (
            f"table_format is {wanted}, and the tables of this lake are {warehouse.format} files; set "
            f"LAKE_FORMAT={wanted}, or leave table_format out"
        )
        raise LoadError(message)
    what = f"table_format: {wanted} has no effect, as tables of {warehouse.kind} have the format of the database"
    return [f"{what}; set `warehouse: lake`, or leave table_format out"]


def check_required_columns(resource: ResourceConfig, extraction: Extraction) -> None:
    """Compares the rows with `requires` and with the contract of the resource's tag.

    Raises:
        RequiredColumnsMissing: Rows lack a column, or a column has another type than the contract.
    """
    names = {normalize(str(name)) for name in extraction.seen.names}
    missing = [name for name in resource.requires if normalize(name) not in names]
    if extraction.seen.rows and missing:
        message = f"the rows lack {', '.join(missing)}, which `requires` names; they have {', '.join(sorted(names))}"
        raise RequiredColumnsMissing(message)
    columns = extraction.columns
    if columns and (breaches := list(find_breaches(resource, names, columns))):
        raise RequiredColumnsMissing(f"the rows break the contract of tag {resource.tag}: {'; '.join(breaches)}")


def check_rows_before_cursor(resource: ResourceConfig, extraction: Extraction) -> None:
    """Refuses a load whose merge key may delete the table's versions of rows that its cursor has left out.

    A merge key replaces all rows of a value by those of the load. If it is the cursor itself, no row before the cursor
    has a value of it that the load has too.

    Raises:
        LoadError: The cursor has left out rows, and others are to be written.
    """
    cursor, merge_columns = resource.incremental, {normalize(name) for name in resource.merge_columns}
    is_merge = resource.landing == "table" and resource.write_disposition.disposition == "merge"
    if not (is_merge and cursor and merge_columns) or column_of_path(cursor.cursor_path) in merge_columns:
        return
    if extraction.rows and (count := extraction.rows_before_cursor):
        message = (
            f"the entry has yielded {count:,} rows that lie before the cursor {cursor.cursor_path} and are not loaded "
            f"again, but merge_key {', '.join(resource.merge_columns)} would delete their versions in the table; "
            "nothing was written. Use primary_key instead of merge_key, or the cursor's column as merge_key, or leave "
            "out incremental"
        )
        raise LoadError(message)


def check_failed_parts(resource: ResourceConfig, failed: Mapping[str, str], *, deletes_rows: bool) -> None:
    """Refuses a load that would delete the table's rows of parts that failed.

    Args:
        resource: The resource to load.
        failed: Reasons by part.
        deletes_rows: True if the load first deletes the rows of its range.

    Raises:
        LoadError: Rows would be deleted without being replaced.
    """
    if failed and (deletes_rows or resource.meeting in {"replace", "merge scd2"}):
        message = (
            f"{list_parts(failed)}. This {resource.meeting} would delete their rows from the table, so nothing was "
            "written; with merge, the other parts are loaded"
        )
        raise LoadError(message)


def find_reason_to_write_nothing(
    task: Task, extraction: Extraction, pending: PendingLoads, landed: str | None, *, exists: bool
) -> str:
    """Returns why the extracted rows are not written, "" if they are.

    A first load without rows makes the table if its columns are known, so that dbt's models can be built.

    Args:
        task: The resource to load, and the run's options.
        extraction: The extracted rows.
        pending: The table's pending loads.
        landed: Id of the pending load whose rows are in the table, None if there is none.
        exists: True if the table was there before the load.

    Raises:
        NoRows: A replace has no rows, and `on_empty: fail` is configured.
    """
    if extraction.unchanged:
        return extraction.unchanged
    disposition = task.resource.write_disposition.disposition
    makes_table = not exists and bool(extraction.columns) and task.resource.on_empty != "fail"
    if disposition == "replace" and not extraction.rows and not makes_table:
        return _reason_of_empty_replace(task.resource)
    # An append without a cursor extracts the same rows again. For merge and replace, loading them twice is harmless.
    may_double = disposition == "append" and task.options.refresh == "none"
    if landed and may_double and pending.equals_extracted(landed):
        return (
            f"load {landed} was committed before its run was interrupted, with these same rows: they are counted once"
        )
    return ""


def _reason_of_empty_replace(resource: ResourceConfig) -> str:
    if resource.on_empty == "fail":
        message = "the replace brought no rows and on_empty is 'fail'; the table is as it was"
        raise NoRows(message)
    return (
        "the replace brought no rows: the table keeps its rows (on_empty: keep)" if resource.on_empty == "keep" else ""
    )
