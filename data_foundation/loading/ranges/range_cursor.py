"""Builds the cursor of one run from the configuration of its resource and the range that it loads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pendulum

from data_foundation.loading.cursor.table_cursor import CursorRules, TableCursor
from data_foundation.naming import column_of_path, normalize
from data_foundation.project.code_hints import CURSOR_SETTINGS, CodeCursor, as_pendulum

if TYPE_CHECKING:
    from data_foundation.config.fields import Incremental
    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.loading.ranges.load_range import LoadRange


def build_cursor(resource: ResourceConfig, load_range: LoadRange, *, is_parent: bool = False) -> TableCursor:
    """Returns the cursor of a resource that has `incremental`.

    Args:
        resource: The resource as it is in this run.
        load_range: The range of the run.
        is_parent: True if the rows go to a transformer, which has no use for one that it had before.
    """
    assert resource.incremental  # noqa: S101 - the caller has looked
    settings = _settings(resource.incremental, load_range)
    column = column_of_path(resource.incremental.cursor_path)
    types = {normalize(name): hints.data_type for name, hints in resource.columns.items()}
    rules = CursorRules(
        column=column,
        data_type=types.get(column),
        key=resource.key_columns,
        is_append=resource.write_disposition.disposition == "append" or (is_parent and not resource.key_columns),
        skips_unchanged=_skips_unchanged(resource) or (is_parent and bool(resource.key_columns)),
        # With a fixed end dlt stores no value.
        is_stateless=load_range.is_closed or settings.get("end_value") is not None,
        value_type=getattr(resource.incremental, "value_type", None),
    )
    return TableCursor.of(rules, **settings)


def _settings(cursor: Incremental, load_range: LoadRange) -> dict[str, Any]:
    """Returns the arguments of dlt's incremental for one run."""
    settings: dict[str, Any] = {name: getattr(cursor, name) for name in CURSOR_SETTINGS}
    if load_range.initial_value is not None:
        settings["initial_value"] = load_range.initial_value
    if load_range.is_closed:
        settings |= {"initial_value": load_range.start, "lag": None}
    if isinstance(cursor, CodeCursor):
        settings |= {
            "last_value_func": cursor.last_value_func,
            "primary_key": cursor.deduplication_key,
            "end_value": cursor.end_value,
            "range_start": cursor.range_start,
            "range_end": cursor.range_end,
        }
    if load_range.is_closed and load_range.has_end:
        settings |= {"end_value": load_range.end, "range_end": "closed" if load_range.includes_end else "open"}
    if load_range.has_start:
        # The rows at the start are deleted as well, before the range is appended again.
        settings["range_start"] = "closed"
    if not isinstance(cursor, CodeCursor) or isinstance(cursor.initial_value, pendulum.DateTime):
        return {name: as_pendulum(value) for name, value in settings.items()}
    return settings


def _skips_unchanged(resource: ResourceConfig) -> bool:
    """Returns True if a merge leaves other rows as they are when it is given one row."""
    mode = resource.write_disposition
    merge_key = resource.merge_key or any(hints.merge_key for hints in resource.columns.values())
    is_by_key = mode.disposition == "merge" and mode.strategy != "scd2" and resource.landing == "table"
    return bool(is_by_key and resource.key_columns and not merge_key)
