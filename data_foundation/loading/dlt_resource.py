"""An entry and its configuration turned into a dlt resource."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import dlt
from dlt.common.configuration import with_config
from dlt.common.configuration.specs.config_section_context import ConfigSectionContext
from dlt.extract import DltResource
from typing_extensions import override

from data_foundation.config.fields import ColumnHints
from data_foundation.config.grammar import ResourceConfig
from data_foundation.config.table_names import table_name_of
from data_foundation.config.templates import render
from data_foundation.dlt_keys import CLUSTER_BY, PII, ROOT
from data_foundation.errors import EntryError, SettingMissing
from data_foundation.loading.load_range import Bounds
from data_foundation.naming import normalize
from data_foundation.process_wide.secret_settings import learn_settings
from data_foundation.project.entry import find_entry, import_entry
from data_foundation.project.python_resources import ConfigurableDltResource
from data_foundation.project.source import SourceConfig
from data_foundation.rows.intake_step import Entrance
from data_foundation.rows.pipe_steps import Pages, is_frame

ACCEPTED = (
    "a generator function, a function that returns one or that returns rows, a dlt resource, "
    "or with data_from a dlt transformer"
)


@dataclass(frozen=True)
class Call:
    """How an entry is called in one run.

    Attributes:
        bounds: The range to load.
        environment: What `{{ env.NAME }}` templates stand for, by `env.NAME`.
        kwargs: Keyword arguments given for this run only; they win over the configured ones.
    """

    bounds: Bounds
    environment: Mapping[str, str]
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def arguments(self, resource: ResourceConfig) -> tuple[list[Any], dict[str, Any]]:
        """Returns the resource's args and kwargs with every template filled."""
        values = {**self.environment, **self.bounds.values()}
        try:
            positional, keywords = render(list(resource.args), values), render(resource.kwargs, values) | self.kwargs
        except KeyError as error:
            raise SettingMissing(
                [str(error.args[0]).removeprefix("env.")], "A template in sources.yaml names it"
            ) from None
        learn_settings(keywords)
        return positional, keywords


def build_resource(source: SourceConfig, resource: ResourceConfig, table: str, call: Call) -> DltResource:
    """Imports the entry and returns a dlt resource that carries every hint of the configuration.

    Args:
        source: The folder.
        resource: Its configuration.
        table: The table's name as the warehouse has it.
        call: How the entry is called.

    Raises:
        EntryError: The entry cannot be imported, does not take the arguments, or returns nothing loadable.
        SettingMissing: A template names a setting that is not set.
    """
    built = _build(source, resource, table, call)
    # At the end of the pipe alone: what a parent gives to a transformer lands nowhere.
    # A load that may be told from another one by its files has them cut alike, however long a page takes to come.
    hurry = resource.write_disposition.disposition != "append" or resource.incremental is not None
    built.custom_metrics[ROOT] = str(source.folder.parents[1])
    built.add_step(Entrance(built, columnar=resource.engine == "columnar", hurry=hurry))
    return built


@contextmanager
def _refusing_wrong_arguments(entry: str) -> Iterator[None]:
    """Names the entry whose call is refused by dlt or `inspect` before any line of it runs.

    Raises:
        EntryError: The entry does not take the arguments.
    """
    try:
        yield
    except TypeError as error:
        modules = {str(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(error.__traceback__)}
        if not all(name in {__name__, inspect.__name__} or name.startswith("dlt.") for name in modules):
            raise
        message = f"entry '{entry}' does not take the arguments of its configuration or of this run: {error}"
        raise EntryError(message) from None


def _build(source: SourceConfig, resource: ResourceConfig, table: str, call: Call) -> DltResource:
    arguments, keywords = call.arguments(resource)
    found = import_entry(find_entry(source.folder, resource.entry))
    found = found.resource if isinstance(found, ConfigurableDltResource) else found
    if resource.data_from and (parent := source.find_resource(resource.data_from)):
        upstream = _build(source, parent, table_name_of(parent).table, replace(call, kwargs={}))
        upstream.add_step(Pages(read=True), insert_at=1)  # a transformer looks at rows
        made = found if isinstance(found, DltResource) else dlt.transformer(found, name=table, section=source.name)
        with _refusing_wrong_arguments(resource.entry):
            built = upstream | made(*arguments, **keywords)
    else:
        with _refusing_wrong_arguments(resource.entry):
            built = _Builder(source.name, table, resource.entry).build(found, arguments, keywords)
    return _with_hints(built.with_name(table), resource, table, source.name, call.bounds)


@dataclass(frozen=True)
class _Builder:
    """Makes a resource of whatever an entry may be."""

    section: str
    name: str
    entry: str

    def build(self, found: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> DltResource:
        """Returns a resource, calling functions until something gives rows."""
        kwargs = kwargs or {}
        if isinstance(found, DltResource):
            bound: DltResource = found(*args, **kwargs) if (args or kwargs) and not found.args_bound else found
            return bound
        if inspect.isgeneratorfunction(found) or inspect.isasyncgenfunction(found):
            made: DltResource = dlt.resource(found, name=self.name, section=self.section)(*args, **kwargs)
            return made
        if callable(found):
            return self.build(self._call(found, args, kwargs))
        rows_like = isinstance(found, Iterable | AsyncIterator) and not isinstance(found, str | bytes)
        if not (rows_like or is_frame(found)):
            message = f"entry '{self.entry}' gave a {type(found).__name__}; accepted: {ACCEPTED}"
            raise EntryError(message)
        rows = [found] if isinstance(found, Mapping) or is_frame(found) else found
        return dlt.resource(rows, name=self.name, section=self.section)

    def _call(self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Calls a function that is no generator with its source's settings injected, as dlt does for generators."""
        merge = ConfigSectionContext.prefer_existing
        injected = with_config(function, sections=("sources", self.section), sections_merge_style=merge)
        returned = injected(*args, **kwargs)
        if returned is None:
            message = f"entry '{self.entry}' returned None; accepted: {ACCEPTED}"
            raise EntryError(message)
        return returned


def _with_hints(built: DltResource, resource: ResourceConfig, table: str, section: str, bounds: Bounds) -> DltResource:
    said = resource.model_fields_set
    hints: dict[str, Any] = {"table_name": table}
    if resource.landing == "vault":
        # What it comes to: which rows are new is decided once they are hashed.
        hints["write_disposition"] = "merge"
    elif "write_disposition" in said:
        hints["write_disposition"] = resource.write_disposition.model_dump(exclude_none=True)
    for name in ("primary_key", "merge_key"):
        if keys := getattr(resource, name):
            hints[name] = list(keys)
    if resource.columns:
        hints["columns"] = {name: _column_hints(column) for name, column in resource.columns.items()}
    if resource.schema_contract:
        hints["schema_contract"] = resource.schema_contract.model_dump()
    if resource.cluster_by:
        hints["additional_table_hints"] = {CLUSTER_BY: [normalize(name) for name in resource.cluster_by]}
    if resource.incremental:
        hints["incremental"] = _incremental(resource, bounds)
    built.apply_hints(**hints)
    nesting = 0 if resource.landing == "vault" else resource.max_table_nesting
    if nesting is not None:
        built.max_table_nesting = nesting
    built.add_step(Pages(read=bool(resource.incremental or resource.requires or resource.contract)), insert_at=1)
    built.section = section
    return built


def _column_hints(column: ColumnHints) -> dict[str, Any]:
    """Returns dlt's hints of a column; who reads values must know which of them nobody may see."""
    if column.pii != "hash":
        return column.model_dump(exclude_none=True, exclude={"pii"})
    hints = column.model_dump(exclude_none=True, exclude={"pii", "precision", "scale", "timezone"})
    return {**hints, "data_type": "text", PII: "hash"}


class Range(dlt.sources.incremental[Any]):
    """A cursor that neither reads nor moves the stored value, as a backfill and a sample need; its end may be open."""

    @override
    def get_state(self) -> Any:
        """Returns a state that is forgotten after the run."""
        first = self.initial_value
        return {"initial_value": first, "last_value": first, "start_value": first, "unique_hashes": []}


def _incremental(resource: ResourceConfig, bounds: Bounds) -> dlt.sources.incremental[Any]:
    settings = resource.incremental.model_dump() if resource.incremental else {}
    if bounds.first is not None:
        settings["initial_value"] = bounds.first
    if bounds.closed:
        asked = {"initial_value": bounds.start, "end_value": bounds.end if bounds.ends else None, "lag": None}
        return Range(**{**settings, **asked})
    return dlt.sources.incremental(**settings)
