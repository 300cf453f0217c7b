"""Recognises objects of dlt and Dagster where rows are expected: many are iterable or callable, and none is rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import TracebackType
from typing import Any

from dlt import Pipeline
from dlt.common.pipeline import ExtractInfo, LoadInfo, NormalizeInfo
from dlt.extract import DltResource, DltSource


def describe_resources(value: Any) -> str:
    """Returns what a value is if it holds dlt resources instead of rows, "" if it holds none.

    Args:
        value: An entry, or what it returned.
    """
    if isinstance(value, DltResource):
        return describe_resources(value._pipe.gen)  # noqa: SLF001 - what `dlt.resource` was given
    if isinstance(value, DltSource):
        return describe_resource(value)
    items = list(value.values()) if isinstance(value, Mapping) else value
    # Of a collection the first item tells; an iterator would be used up.
    if isinstance(items, Collection) and isinstance(next(iter(items), None), DltResource | DltSource):
        names = [str(item.name) for item in items if isinstance(item, DltResource | DltSource)]
        return f"a {type(value).__name__} of the dlt resources {', '.join(names)}"
    return ""


def describe_loader(value: Any) -> str:
    """Returns what a value is if it loads tables itself, or is the result of such a load, "" if it is neither.

    Args:
        value: An entry, or what it returned.
    """
    kind = type(value)
    if isinstance(value, Pipeline | LoadInfo | ExtractInfo | NormalizeInfo):
        return f"dlt's {kind.__name__}"
    return f"Dagster's {kind.__name__}" if kind.__module__.partition(".")[0] in {"dagster", "dagster_dlt"} else ""


def example_of_resource(value: Any) -> str:
    """Returns an expression for one resource of a dlt source, "" if `value` is none or holds none."""
    source: Any = value._pipe.gen if isinstance(value, DltResource) else value  # noqa: SLF001 - see above
    name = next(iter(source.resources), "") if isinstance(source, DltSource) else ""
    return f"{source.name}().{name}" if name else ""


def describe_resource(value: Any) -> str:
    """Returns what a value of a row is if it is a dlt source or resource, "" if it is neither."""
    if isinstance(value, DltSource):
        return f"the dlt source {value.name}, which holds {', '.join(value.resources) or 'no resource'}"
    return f"the dlt resource {value.name}" if isinstance(value, DltResource) else ""


def find_yielded_resource(error: BaseException) -> str:
    """Returns the name of a dlt resource that was yielded as an item, "" if `error` has another cause.

    dlt calls whatever is callable among the items, in a thread of its pool, and a resource may be called only once.

    Args:
        error: The root cause of a failed extraction.
    """
    frames = [trace.tb_frame for trace in _traces(error.__traceback__)][-2:]
    if len(frames) < 2 or frames[1].f_code is not DltResource.__call__.__code__:  # noqa: PLR2004 - a call and its caller
        return ""
    is_in_pool = str(frames[0].f_globals.get("__name__")).startswith("concurrent.futures")
    return str(frames[1].f_locals["self"].name) if is_in_pool else ""


def _traces(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace:
        yield trace
        trace = trace.tb_next
