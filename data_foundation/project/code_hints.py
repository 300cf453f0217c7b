"""What the code of a dlt resource declares, as keys of the grammar: hints, nesting, and the cursor wherever it is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args

from dlt.common.pendulum import ensure_pendulum_dt
from dlt.extract import DltResource
from dlt.extract.incremental import Incremental, IncrementalResourceWrapper

from data_foundation.config import fields
from data_foundation.errors import EntryError

CURSOR_SETTINGS = ("cursor_path", "initial_value", "lag", "row_order", "on_cursor_value_missing")
"""Settings of a cursor that `sources.yaml` and code both know, under one name."""

_KEYS = ("primary_key", "merge_key")


class CodeCursor(fields.Incremental):
    """A cursor that code declares, with the settings that only dlt knows.

    Attributes:
        last_value_func: Chooses the value to store; `max` in `sources.yaml`.
        end_value: Fixed end of the range; dlt then stores no value.
        range_start: `open` leaves out rows at the stored value.
        range_end: `closed` takes in rows at the end.
        deduplication_key: Key by which rows at the stored value are recognised; None for the primary key.
        value_type: Type in which the code expects the stored value, for instance `pendulum.DateTime`; None if the code
            does not say.
    """

    last_value_func: Callable[[Any], Any] = max
    end_value: Any = None
    range_start: Literal["open", "closed"] = "closed"
    range_end: Literal["open", "closed"] = "open"
    deduplication_key: Any = None
    value_type: Any = None


def as_pendulum(value: Any) -> Any:
    """Returns a time of YAML as code that uses dlt expects it, any other value unchanged."""
    return ensure_pendulum_dt(value) if isinstance(value, datetime) else value


def read_hints(resource: DltResource) -> dict[str, Any]:
    """Returns what the code of a resource declares, by key of `sources.yaml`; functions of rows are left out.

    Args:
        resource: The resource, with arguments bound or not; no row is read.
    """
    declared = _hints_of_table(resource)
    if resource.max_table_nesting is not None:
        declared["max_table_nesting"] = resource.max_table_nesting
    if cursor := find_cursor(resource):
        declared["incremental"] = cursor
    return declared


def _hints_of_table(resource: DltResource) -> dict[str, Any]:
    hints: Mapping[str, Any] = resource._hints or {}  # noqa: SLF001 - its properties do not return the keys
    declared: dict[str, Any] = {
        name: hints[name] for name in (*_KEYS, "schema_contract") if hints.get(name) and not callable(hints[name])
    }
    if disposition := _disposition(hints.get("write_disposition")):
        declared["write_disposition"] = disposition
    if columns := _columns(hints.get("columns")):
        declared["columns"] = columns
        for name in _KEYS:
            if keys := [column for column, known in columns.items() if known.get(name)]:
                declared.setdefault(name, keys)
    return declared


def read_table_hints(resource: DltResource) -> dict[str, Any]:
    """Returns disposition and keys of a resource as they are now; keys as lists, and no key as an absent one."""
    hints = _hints_of_table(resource)
    disposition = {"write_disposition": hints.get("write_disposition") or {"disposition": "append"}}
    keys = {
        name: [hints[name]] if isinstance(hints[name], str) else list(hints[name]) for name in _KEYS if hints.get(name)
    }
    return {**disposition, **keys}


def find_dynamic_hints(resource: DltResource) -> list[str]:
    """Returns the names of the hints that are functions of a row, which is not known before it is read."""
    hints: Mapping[str, Any] = resource._hints or {}  # noqa: SLF001 - see read_hints
    return [name for name in ("write_disposition", *_KEYS) if callable(hints.get(name))]


def _disposition(hint: Any) -> dict[str, Any] | None:
    if not hint or callable(hint):
        return None
    return {"disposition": hint} if isinstance(hint, str) else {
        name: hint[name] for name in ("disposition", "strategy") if hint.get(name)
    }  # fmt: skip


def _columns(hint: Any) -> dict[str, dict[str, Any]]:
    """Returns the columns with the hints that the grammar knows."""
    if not isinstance(hint, Mapping):
        return {}
    known = fields.ColumnHints.model_fields
    columns = {
        name: {key: value for key, value in column.items() if key in known and value is not None}
        for name, column in hint.items()
    }
    return {name: column for name, column in columns.items() if column}


def find_cursor(resource: DltResource) -> CodeCursor | None:
    """Returns the cursor that the code declares: as a hint, as a pipe step, as an argument or as its default.

    Raises:
        EntryError: The code declares several; only one could be the cursor of the table.
    """
    cursors = list(_find_cursors(resource))
    if len(cursors) > 1:
        paths = " and ".join(cursor.cursor_path for cursor in cursors)
        message = (
            f"the code of the dlt resource {resource.name} declares several cursors, {paths}: each of them would leave "
            "out rows; keep one in the code, and use add_filter instead of the other one"
        )
        raise EntryError(message)
    return _as_settings(cursors[0], _value_type(resource, cursors[0])) if cursors else None


def find_parent(resource: DltResource) -> DltResource | None:
    """Returns the resource whose items a transformer takes, None for any other resource."""
    return resource._parent  # noqa: SLF001 - dlt has no public access to it


def find_ancestors(resource: DltResource) -> Iterator[DltResource]:
    """Yields the parent of a transformer, the parent of that, and so on."""
    while parent := find_parent(resource):
        yield parent
        resource = parent


def find_parent_cursors(resource: DltResource) -> set[tuple[str, str]]:
    """Returns name and cursor path of each resource with a cursor whose items a transformer takes."""
    parent = find_parent(resource)
    return find_all_cursors(parent) if parent else set()


def find_all_cursors(resource: DltResource) -> set[tuple[str, str]]:
    """Returns name and cursor path of a resource, and of those whose items it takes, as dlt stores their values."""
    own = {(resource.name, cursor.cursor_path) for cursor in _find_cursors(resource)}
    return own | find_parent_cursors(resource)


def _find_cursors(resource: DltResource) -> Iterator[Incremental[Any]]:
    for step in resource._pipe.steps:  # noqa: SLF001 - dlt's property returns the first one
        cursor = _find_injected(resource, step) if isinstance(step, IncrementalResourceWrapper) else step
        if isinstance(cursor, Incremental) and cursor.cursor_path:
            yield cursor


def _value_type(resource: DltResource, cursor: Incremental[Any]) -> Any:
    """Returns the type of a cursor's values: that of its annotation, or of its initial value; None if it has none."""
    if not hasattr(cursor, "__orig_class__"):
        is_injected = any(isinstance(step, IncrementalResourceWrapper) for step in resource._pipe.steps)  # noqa: SLF001 - as above
        argument = _find_argument(resource)[0] if is_injected else None
        if argument and (declared := get_args(argument.annotation)):
            return declared[0]
    inferred = cursor.get_incremental_value_type()
    return None if inferred is Any else inferred


def _as_settings(cursor: Incremental[Any], value_type: Any) -> CodeCursor:
    settings = {name: getattr(cursor, name) for name in (*CURSOR_SETTINGS, "end_value", "range_start", "range_end")}
    # Without validation: code may use any type for its values.
    return CodeCursor.model_construct(
        **settings,
        last_value_func=cursor.last_value_func,
        value_type=value_type,
        # A key that came from the resource's hints follows them.
        deduplication_key=None if cursor._dedup_key_from_hints else cursor.primary_key,  # noqa: SLF001 - not public
    )


def _find_injected(resource: DltResource, wrapper: IncrementalResourceWrapper) -> Incremental[Any] | None:
    """Returns the cursor that dlt will pass to the function of a resource, as `IncrementalResourceWrapper.wrap` does.

    Hints that were applied later win; else what is passed, or a hint of the decorator, is merged with the default.
    """
    hinted = wrapper.incremental
    if hinted and wrapper._from_hints:  # noqa: SLF001 - not public
        return hinted
    argument, passed = _find_argument(resource)
    default = argument.default if argument and isinstance(argument.default, Incremental) else None
    given = hinted if passed is None else passed
    if isinstance(given, Incremental):
        return default.merge(given) if default else given
    return default.merge(Incremental(initial_value=given)) if default and given is not None else default


def _find_argument(resource: DltResource) -> tuple[inspect.Parameter | None, Any]:
    """Returns the parameter that takes the cursor, and what the code passes for it; None for what is not there."""
    gen: Any = resource._pipe.gen  # noqa: SLF001 - a resource with another name has no signature
    bound = unbind(gen) or BoundFunction(gen, (), {})
    signature = inspect.signature(bound.function)
    argument = IncrementalResourceWrapper.get_incremental_arg(signature)
    if argument is None:
        return None, None
    item = (None,) if resource.is_transformer else ()
    return argument, signature.bind_partial(*item, *bound.args, **bound.kwargs).arguments.get(argument.name)


class BoundFunction(NamedTuple):
    """The function of a resource, and the arguments that its code has bound to it.

    Attributes:
        function: The function, with dlt's wrappers that inject settings and the cursor.
        args: Positional arguments.
        kwargs: Keyword arguments.
        is_parallel: True if `parallelize` was called after the arguments were bound.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    is_parallel: bool = False


def unbind(function: Any) -> BoundFunction | None:
    """Returns what dlt bound to the function of a resource, None if it bound nothing."""
    is_parallel = False
    while inspect.isfunction(function):
        inside = inspect.getclosurevars(function).nonlocals
        if {"f", "args", "kwargs"} <= inside.keys():
            return BoundFunction(inside["f"], inside["args"], inside["kwargs"], is_parallel)
        # The wrapper of `parallelize` is the only one that dlt puts around bound arguments.
        function, is_parallel = getattr(function, "__wrapped__", None), True
    return None
