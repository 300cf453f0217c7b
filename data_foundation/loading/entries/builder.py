"""Builds a dlt resource of any kind of entry: a function, a resource, or rows."""

from __future__ import annotations

import functools
import inspect
import traceback
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dlt
from dlt.common.configuration import inject_section, with_config
from dlt.common.configuration.specs.config_section_context import ConfigSectionContext
from dlt.extract import DltResource
from dlt.extract.exceptions import IncrementalUnboundError
from dlt.extract.incremental import IncrementalResourceWrapper

from data_foundation.errors import EntryError
from data_foundation.project.entry_text.several_resources import refuse_loader, refuse_resources
from data_foundation.project.read_once import build_from_entry
from data_foundation.rows.exact.dlt_objects import describe_loader, describe_resources, example_of_resource
from data_foundation.rows.exact.value_rules import is_frame

ACCEPTED = (
    "a generator function, a function that returns one or that returns rows, a dlt resource, "
    "or with data_from a dlt transformer"
)


@contextmanager
def refusing_wrong_arguments(entry: str) -> Iterator[None]:
    """Turns a TypeError that dlt or `inspect` raises before the entry runs into an EntryError that names the entry.

    Raises:
        EntryError: The entry does not take the arguments.
    """
    try:
        yield
    except TypeError as error:
        modules = {str(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(error.__traceback__)}
        callers = {build_from_entry.__module__, inspect.__name__}
        if not all(name in callers or name.startswith(_BEFORE_THE_ENTRY) for name in modules):
            raise
        message = f"entry '{entry}' does not take the arguments of its configuration or of this run: {error}"
        raise EntryError(message) from None


_BEFORE_THE_ENTRY = (f"{__package__}.", "dlt.")
"""Beginnings of modules that run before the entry does: those of this room, and dlt's."""


@dataclass(frozen=True)
class EntryBuilder:
    """Builds the dlt resource of one entry.

    Attributes:
        section: Name of the source, under which dlt looks up settings.
        name: Name of a resource that the entry does not name.
        entry: The entry as it is configured, for errors.
    """

    section: str
    name: str
    entry: str

    def build(self, value: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> DltResource:
        """Returns the resource of `value`, an entry or what it returned; functions are called until one returns rows.

        Raises:
            EntryError: `value`, or what it returns, is nothing that can be loaded.
        """
        kwargs = kwargs or {}
        if what := describe_loader(value):
            raise refuse_loader(self.entry, what)
        if what := describe_resources(value):
            raise refuse_resources(self.entry, what, example_of_resource(value))
        if isinstance(value, DltResource):
            return self._bind(value, args, kwargs)
        if callable(value):
            return self._build_called(_as_function(value), args, kwargs)
        is_iterable = isinstance(value, Iterable | AsyncIterator) and not isinstance(value, str | bytes)
        if not (is_iterable or is_frame(value)):
            message = f"entry '{self.entry}' returned a {type(value).__name__}; accepted: {ACCEPTED}"
            raise EntryError(message)
        resource: DltResource = dlt.resource(_as_rows(value), name=self.name, section=self.section)
        return resource

    def _build_called(
        self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> DltResource:
        """Returns the resource of a function: of its rows, or of what it returns."""
        if _is_generator_function(function):
            return self._build_lazily(function, args, kwargs)
        takes_cursor = not inspect.isclass(function) and _takes_cursor(function)
        try:
            returned = self._call(function, args, kwargs)
        except IncrementalUnboundError:
            if not takes_cursor:
                raise
            return self._build_lazily(_with_rows(function), args, kwargs)
        if takes_cursor and not (callable(returned) or describe_resources(returned)):
            # dlt passes the cursor, and filters by it, only if the function runs while the rows are extracted.
            return self._build_lazily(_with_rows(function), args, kwargs)
        return self.build(returned)

    def _build_lazily(
        self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> DltResource:
        resource: DltResource = dlt.resource(function, name=self.name, section=self.section)(*args, **kwargs)
        return resource

    def _bind(self, resource: DltResource, args: Sequence[Any], kwargs: Mapping[str, Any]) -> DltResource:
        """Returns a resource with the arguments of the configuration, which its code must not have bound already."""
        if not (args or kwargs):
            self._refuse_missing_arguments(resource)
            return resource
        if resource.args_bound:
            message = (
                f"entry '{self.entry}' is a dlt resource whose code has already passed its arguments, and the "
                "configuration or this run passes others; leave them out, or name the function that takes them as entry"
            )
            raise EntryError(message)
        bound: DltResource = resource(*args, **kwargs)
        return bound

    def _refuse_missing_arguments(self, resource: DltResource) -> None:
        if resource.is_transformer or not resource.requires_args:
            return
        parameters = inspect.signature(resource).parameters.values()
        missing = [one.name for one in parameters if one.default is one.empty and one.kind in _NAMED]
        message = (
            f"entry '{self.entry}' needs a value for {', '.join(missing)}; set it in `kwargs` of the resource, or give "
            "it a default in the code: None for a cursor that `incremental` declares"
        )
        raise EntryError(message)

    def _call(self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Calls a function that is not a generator, with its source's settings injected as dlt does for generators."""
        sections = ("sources", self.section, self.name)
        injected = with_config(function, sections=sections, sections_merge_style=ConfigSectionContext.prefer_existing)
        # dlt takes the context away before the function runs; one that needs settings itself looks them up in it.
        with inject_section(ConfigSectionContext(sections=sections)):
            returned = injected(*args, **kwargs)
        if returned is None:
            message = f"entry '{self.entry}' returned None; accepted: {ACCEPTED}"
            raise EntryError(message)
        return returned


_NAMED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def _is_generator_function(function: Callable[..., Any]) -> bool:
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


def _takes_cursor(function: Callable[..., Any]) -> bool:
    return IncrementalResourceWrapper.get_incremental_arg(inspect.signature(function)) is not None


def _as_function(value: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function for a method, a partial or an object with `__call__`: dlt sets attributes of functions."""
    if inspect.isfunction(value) or inspect.isclass(value):
        return value
    call = value if inspect.ismethod(value) or isinstance(value, functools.partial) else type(value).__call__

    def function(*args: Any, **kwargs: Any) -> Any:
        return value(*args, **kwargs)

    def generator(*args: Any, **kwargs: Any) -> Any:
        yield from value(*args, **kwargs)

    async def asynchronous(*args: Any, **kwargs: Any) -> Any:
        async for item in value(*args, **kwargs):
            yield item

    is_asynchronous = inspect.isasyncgenfunction(call)
    chosen = asynchronous if is_asynchronous else generator if inspect.isgeneratorfunction(call) else function
    chosen.__signature__ = inspect.signature(value)  # type: ignore[attr-defined]
    return chosen


def _with_rows(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a generator function of the rows that a function returns."""

    @functools.wraps(function)
    def generator(*args: Any, **kwargs: Any) -> Iterator[Any]:
        yield from _as_rows(function(*args, **kwargs))

    return generator


def _as_rows(value: Any) -> Any:
    return [value] if isinstance(value, Mapping) or is_frame(value) else value
