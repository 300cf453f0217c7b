"""Decides what a resource is: the configuration, and where it sets nothing the code of the entry.

In a run that is the built dlt resource. At definition time, when no code runs, it is what the text of the code shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dlt.extract import DltResource
from pydantic import ValidationError

from data_foundation.config import fields
from data_foundation.config.fields import ColumnHints
from data_foundation.config.grammar import ResourceConfig
from data_foundation.config.messages import explain_validation
from data_foundation.config.table_names import table_name_of
from data_foundation.errors import EntryError
from data_foundation.json_paths import unquote_path
from data_foundation.naming import column_of_path, normalize
from data_foundation.project.code_hints import (
    CURSOR_SETTINGS,
    CodeCursor,
    as_pendulum,
    find_dynamic_hints,
    find_parent_cursors,
    read_hints,
)

_PLAIN_PATH = re.compile(r"[^\[\]()*$?'\"]+")
"""A cursor's path to one value of a row, which lands in a column."""

UNSET: tuple[Any, ...] = (None, (), {})
"""Values of keys that neither the configuration nor the code sets."""


def find_effective(configured: ResourceConfig, built: DltResource) -> ResourceConfig:
    """Returns the resource with the keys that its code sets and its configuration does not.

    All that guards rows reads the result, so that a hint in code has the effect of the same key in `sources.yaml`.

    Args:
        configured: The resource as `sources.yaml`, the workbook or `definitions.py` declares it.
        built: The dlt resource of its entry, before hints of the configuration are applied to it.

    Raises:
        EntryError: Configuration and code contradict each other, or together they are not accepted.
    """
    if configured.landing != "vault":
        _refuse_dynamic_hints(configured, built)
    _refuse_other_table(configured, built)
    keys = _keep_newest(_overlay(configured, read_hints(built)))
    try:
        effective = type(configured).model_validate(keys).with_contract(configured.contract)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, path))}: {message}" if path else message
            for path, message in explain_validation(type(configured), keys, error)
        )
        message = f"entry '{configured.entry}' and its configuration together are not accepted: {problems}"
        raise EntryError(message) from None
    _refuse_part_of_parent(effective, built)
    return effective


def _refuse_part_of_parent(resource: ResourceConfig, built: DltResource) -> None:
    """Refuses a transformer that would remove the rows of items which its parent has passed before.

    Raises:
        EntryError: A parent has a cursor, and the resource is a replace, or scd2 without a merge key.
    """
    removes_others = resource.meeting == "replace" or (resource.meeting == "merge scd2" and not resource.merge_columns)
    for name, path in sorted(find_parent_cursors(built)) if removes_others else ():
        message = (
            f"entry '{resource.entry}' takes its items from {name}, whose cursor '{path}' passes only new ones, and "
            f"{resource.meeting} would remove the rows of all others from the table; use merge with a primary_key, "
            f"or append, or read {name} without a cursor"
        )
        raise EntryError(message)


def show_hints(configured: ResourceConfig, hints: Mapping[str, Any]) -> ResourceConfig:
    """Returns the resource with the hints that the text of its code shows, for its asset; a run reads the code itself.

    Args:
        configured: The resource as it is configured.
        hints: What the text declares, by key of the grammar; left out if both together are not accepted.
    """
    try:
        cursor = {"incremental": CodeCursor(**hints["incremental"])} if "incremental" in hints else {}
        shown = type(configured).model_validate(_overlay(configured, {**hints, **cursor}))
    except (ValidationError, EntryError):
        return configured
    return shown.with_contract(configured.contract).with_configured(configured)


def _overlay(configured: ResourceConfig, declared: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the keys of the configuration, and those of the code that it does not set."""
    keys: dict[str, Any] = {name: getattr(configured, name) for name in configured.model_fields_set}
    for name in ("write_disposition", "primary_key", "merge_key", "schema_contract", "max_table_nesting"):
        if name in declared and keys.get(name) in UNSET:
            keys[name] = declared[name]
    if cursor := _overlay_cursor(configured, declared.get("incremental")):
        keys["incremental"] = cursor
    if columns := declared.get("columns"):
        keys["columns"] = _overlay_columns(configured.columns, columns)
    if _is_merge_without_key(configured, declared):
        keys["write_disposition"] = fields.WriteDisposition(disposition="append")
    if configured.landing == "vault":
        # What a vault does with a row does not depend on these; the grammar refuses them there.
        for name in ("write_disposition", "merge_key", "max_table_nesting"):
            keys.pop(name, None)
    return keys


def appends_for_want_of_key(configured: ResourceConfig, built: DltResource) -> bool:
    """Returns True if rows are appended although the code of a source's resource declares a merge: it has no key."""
    return configured.resource is not None and _is_merge_without_key(configured, read_hints(built))


def _is_merge_without_key(configured: ResourceConfig, declared: Mapping[str, Any]) -> bool:
    """Returns True if the code of a source's resource declares a merge, and nothing declares a key: dlt appends."""
    if configured.resource is None or "write_disposition" in configured.model_fields_set:
        return False
    keys = (configured.key_columns, configured.merge_columns, declared.get("primary_key"), declared.get("merge_key"))
    mode = declared.get("write_disposition") or {}
    mode = {"disposition": mode} if isinstance(mode, str) else mode
    return mode.get("disposition") == "merge" and mode.get("strategy") in {None, "delete-insert"} and not any(keys)


def _refuse_dynamic_hints(configured: ResourceConfig, built: DltResource) -> None:
    own_keys = configured.model_fields_set
    if unset := [name for name in find_dynamic_hints(built) if name not in own_keys or not getattr(configured, name)]:
        message = (
            f"entry '{configured.entry}' chooses {' and '.join(unset)} for each row by a function, so they are unknown "
            f"before the rows are read; set {' and '.join(unset)} in sources.yaml"
        )
        raise EntryError(message)


def _refuse_other_table(configured: ResourceConfig, built: DltResource) -> None:
    """Refuses a table that the code names although `destination` names another one.

    The name of a dlt resource is a default, which `sql_table` sets as the name of its table too; `destination` may
    differ from it. That of a source's resource is made of a pattern, which names no table of the code.
    """
    named = built.table_name
    if configured.resource is not None or callable(named):
        return
    if named == built.name or normalize(named) == table_name_of(configured).table:
        return
    message = (
        f"the code of entry '{configured.entry}' sends its rows to the table {named} (table_name), and its destination "
        f"is {configured.destination}; use one of them in both places, or leave table_name out of the code"
    )
    raise EntryError(message)


def _overlay_cursor(configured: ResourceConfig, declared: CodeCursor | None) -> CodeCursor | None:
    """Returns the cursor of the code with the settings of the configuration; None if the code has no cursor.

    Raises:
        EntryError: Both name a cursor, and not the same.
    """
    settings = configured.incremental
    if settings is not None and settings.is_in_code:
        if declared is None:
            message = (
                f"incremental is true, and the code of entry '{configured.entry}' has no cursor; name it, as "
                "{cursor_path: updated_at}, or leave `incremental` out of sources.yaml"
            )
            raise EntryError(message)
        return declared
    if declared is None or settings is None:
        return declared
    if settings.cursor_path != declared.cursor_path:
        message = (
            f"incremental: sources.yaml has the cursor '{settings.cursor_path}', and the code of entry "
            f"'{configured.entry}' has '{declared.cursor_path}'; rows would be requested by one and filtered by the "
            "other. Use one of them in both places, or leave `incremental` out of sources.yaml"
        )
        raise EntryError(message)
    set_here = {
        name: as_pendulum(getattr(settings, name)) for name in CURSOR_SETTINGS if name in settings.model_fields_set
    }
    return declared.model_copy(update=set_here)


def _overlay_columns(
    configured: Mapping[str, ColumnHints], declared: Mapping[str, Mapping[str, Any]]
) -> dict[str, ColumnHints]:
    """Returns the columns of both; hint by hint the configuration wins, whatever the spelling of the name."""
    own_names = {normalize(name): name for name in configured}
    columns: dict[str, ColumnHints] = dict(configured)
    for name, hints in declared.items():
        own_name = own_names.get(normalize(name), name)
        own = configured.get(own_name, ColumnHints())
        # A hash is text, and has no order.
        lost = ("data_type", "hard_delete", "dedup_sort") if own.pii == "hash" else ()
        kept = {key: value for key, value in hints.items() if key not in lost}
        # Without validation: dlt knows more types than the grammar.
        columns[own_name] = ColumnHints.model_construct(**{**kept, **own.model_dump(exclude_unset=True)})
    return columns


def _keep_newest(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the keys; of a merge with a cursor, the newest version of a key in one load wins, as by `dedup_sort`."""
    columns: Mapping[str, ColumnHints] = keys.get("columns") or {}
    cursor: Any = keys.get("incremental")
    has_order = any(hints.dedup_sort for hints in columns.values())
    if has_order or not cursor or not _PLAIN_PATH.fullmatch(unquote_path(cursor.cursor_path)):
        return dict(keys)
    column = column_of_path(cursor.cursor_path)
    name = next((name for name in columns if normalize(name) == column), column)
    order = "asc" if getattr(cursor, "last_value_func", max) is min else "desc"
    hints = columns.get(name, ColumnHints()).model_copy(update={"dedup_sort": order})
    return {**keys, "columns": {**columns, name: hints}}
