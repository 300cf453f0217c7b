"""Builds the dlt resource of an entry and its configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

import dlt
from dlt.extract import DltResource

from data_foundation.config.fields import ColumnHints, Reference
from data_foundation.config.grammar import ResourceConfig
from data_foundation.config.table_names import table_name_of
from data_foundation.config.templates import find_templates, render
from data_foundation.dlt_keys import CLUSTER_BY, PARTITION_TRANSFORM, PII, ROOT, ROOT_KEY
from data_foundation.loading.entries.builder import EntryBuilder, refusing_wrong_arguments
from data_foundation.loading.entries.own_copy import copy_resource
from data_foundation.loading.entries.processing_steps import add_processing_steps
from data_foundation.loading.entries.rest_clients import share_sessions
from data_foundation.loading.ranges.load_range import LoadRange
from data_foundation.loading.ranges.range_cursor import build_cursor
from data_foundation.loading.siblings.built_sources import BuiltSources
from data_foundation.naming import normalize
from data_foundation.process_wide.secret_settings import learn_settings
from data_foundation.project.dlt_source import bind_member, build_source, find_member
from data_foundation.project.effective import appends_for_want_of_key, find_effective
from data_foundation.project.entry import find_entry, import_entry
from data_foundation.project.python_resources import ConfigurableDltResource
from data_foundation.project.read_once import build_from_entry
from data_foundation.project.source import SourceConfig
from data_foundation.rows.early_copies import copy_early
from data_foundation.rows.intake_step import IntakeStep
from data_foundation.rows.pipe_steps import UnpackItems


@dataclass(frozen=True)
class Call:
    """The arguments with which one run calls an entry.

    Attributes:
        load_range: The range to load.
        environment: Values of the templates `{{ env.NAME }}`, by `env.NAME`.
        kwargs: Keyword arguments of this run; they override the configured ones.
    """

    load_range: LoadRange
    environment: Mapping[str, str]
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def arguments(self, resource: ResourceConfig) -> tuple[list[Any], dict[str, Any]]:
        """Returns the resource's args and kwargs with every template filled.

        Raises:
            SettingMissing: A template names a setting that is not set.
        """
        keywords = self.fill(resource.kwargs) | self.kwargs
        learn_settings(keywords)
        return self.fill(list(resource.args)), keywords

    def fill(self, value: Any) -> Any:
        """Returns a value of the configuration with every template filled.

        Raises:
            SettingMissing: A template names a setting that is not set.
        """
        return render(value, {**self.environment, **self.load_range.template_values()})


def uses_range(resource: ResourceConfig) -> bool:
    """Returns True if an argument of the entry has a template of the load's range."""
    return any(name.startswith("partition.") for name in find_templates(resource.all_arguments))


def build_entry(source: SourceConfig, resource: ResourceConfig, call: Call, sources: BuiltSources) -> DltResource:
    """Imports the entry and returns its dlt resource with the hints of its code alone.

    Args:
        source: The source of the resource.
        resource: The resource's configuration.
        call: The arguments of the entry.
        sources: The dlt sources that were built before.

    Raises:
        EntryError: The entry cannot be imported, does not take the arguments, or returns nothing that can be loaded.
        SettingMissing: A template names a setting that is not set.
    """
    table = table_name_of(resource).table
    arguments, keywords = call.arguments(resource)
    place = find_entry(source.folder, resource.entry)
    if resource.data_from and (parent := source.find_resource(resource.data_from)):
        entry = _unwrap(import_entry(place))
        upstream = _build_parent(source, parent, replace(call, kwargs={}), sources)
        is_dlt = isinstance(entry, DltResource)
        transformer = entry if is_dlt else dlt.transformer(entry, name=table, section=source.name)
        with refusing_wrong_arguments(resource.entry):
            piped: DltResource = upstream | transformer(*arguments, **keywords)
            return piped
    if resource.resource is not None:
        build = partial(_build_member, source, resource, (arguments, keywords, call.fill(resource.bind)), sources)
        with refusing_wrong_arguments(resource.entry):
            return build_from_entry(place, resource.entry, build)
    builder = EntryBuilder(source.name, table, resource.entry)
    with refusing_wrong_arguments(resource.entry):
        built = build_from_entry(
            place, resource.entry, lambda entry: builder.build(_unwrap(entry), arguments, keywords)
        )
    share_sessions([built])
    return built


def _build_member(
    source: SourceConfig,
    resource: ResourceConfig,
    arguments: tuple[Sequence[Any], Mapping[str, Any], Mapping[str, Any]],
    sources: BuiltSources,
    entry: Any,
) -> DltResource:
    """Returns one resource of a dlt source, which is built as a whole."""
    args, kwargs, bound = arguments
    build = partial(build_source, resource.entry, _unwrap(entry), source.name, args, kwargs)
    # Loads at the same time share no objects: which of them do would depend on the threads.
    resources = sources.get((_unwrap(entry), source.name, args, kwargs), build) if source.concurrency == 1 else build()
    share_sessions(resources.values())
    return bind_member(find_member(resource.entry, resources, str(resource.resource), source.name), bound)


def _unwrap(entry: Any) -> Any:
    return entry.resource if isinstance(entry, ConfigurableDltResource) else entry


def _build_parent(source: SourceConfig, parent: ResourceConfig, call: Call, sources: BuiltSources) -> DltResource:
    built = build_entry(source, parent, call, sources)
    effective = find_effective(parent, built)
    upstream = _with_hints(copy_resource(built, table_name_of(parent).table), parent, source.name)
    _set_cursor(upstream, effective, call.load_range, is_parent=True)
    upstream.add_step(UnpackItems(parses_json=True), insert_at=1)  # a transformer reads rows
    add_processing_steps(upstream, parent, source)
    return upstream


def configure(
    built: DltResource, resource: ResourceConfig, effective: ResourceConfig, source: SourceConfig, load_range: LoadRange
) -> DltResource:
    """Returns the dlt resource of an entry with the hints of its configuration, ready to be extracted.

    Args:
        built: The resource with the hints of its code.
        resource: The resource's configuration.
        effective: The configuration and the code together.
        source: The source of the resource.
        load_range: The range to load.
    """
    configured = _with_hints(copy_resource(built, table_name_of(resource).table), resource, source.name)
    _set_cursor(configured, effective, load_range)
    if resource.root_key is not None:
        configured.custom_metrics[ROOT_KEY] = resource.root_key
    if appends_for_want_of_key(resource, built):
        # dlt treats it as a merge in all but the statement.
        configured.apply_hints(write_disposition="append")
        configured.custom_metrics[ROOT_KEY] = True
    if effective.landing == "table" and effective.write_disposition.disposition == "merge":
        sorted_by: Any = {
            name: {"dedup_sort": one.dedup_sort} for name, one in effective.columns.items() if one.dedup_sort
        }
        if sorted_by:
            # dlt takes an empty dict for the end of all hints of columns.
            configured.apply_hints(columns=sorted_by)
    reads_rows = bool(effective.incremental or effective.requires or effective.contract)
    configured.add_step(UnpackItems(parses_json=reads_rows, decimals=effective.decimal_columns), insert_at=1)
    add_processing_steps(configured, resource, source)
    # Only here: the rows that a parent resource passes to a transformer are not loaded.
    # An append without a cursor is compared with a pending load by its files, so their cut must not depend on time.
    by_time = effective.write_disposition.disposition != "append" or effective.incremental is not None
    configured.custom_metrics[ROOT] = str(source.folder.parents[1])
    copy_early(configured)
    keeps_rows = effective.on_empty == "keep"
    configured.add_step(
        IntakeStep(configured, columnar=resource.engine == "columnar", by_time=by_time, keeps_rows=keeps_rows)
    )
    return configured


def _with_hints(built: DltResource, resource: ResourceConfig, section: str) -> DltResource:
    """Applies the hints of the configuration; the code's own hints stay where it sets none."""
    hints: dict[str, Any] = {}
    if not callable(built.table_name):
        # Without a name among the hints, the tables that items name get the hints of the resource.
        hints["table_name"] = ""
    if resource.landing == "vault":
        # A vault adds only rows that are new, which is decided after they are hashed.
        hints["write_disposition"] = "merge"
    elif "write_disposition" in resource.model_fields_set:
        hints["write_disposition"] = resource.write_disposition.model_dump(exclude_none=True)
    for name in ("primary_key", "merge_key"):
        if keys := getattr(resource, name):
            hints[name] = list(keys)
    if resource.columns:
        hints["columns"] = {name: _column_hints(column) for name, column in resource.columns.items()}
    if resource.schema_contract:
        hints["schema_contract"] = resource.schema_contract.model_dump()
    built.apply_hints(**hints, **_table_hints(built, resource))
    nesting = 0 if resource.landing == "vault" else resource.max_table_nesting
    if nesting is not None:
        built.max_table_nesting = nesting
    built.section = section
    return built


def _set_cursor(
    built: DltResource, resource: ResourceConfig, load_range: LoadRange, *, is_parent: bool = False
) -> None:
    """Gives the dlt resource the cursor of its effective configuration, in place of the one of its code."""
    if resource.incremental:
        # A step of the code would filter as well if the function has an argument for the cursor, which dlt sets.
        built._pipe.remove_by_type(dlt.sources.incremental)  # noqa: SLF001 - dlt replaces only the first cursor
        built.apply_hints(incremental=build_cursor(resource, load_range, is_parent=is_parent))


def _table_hints(built: DltResource, resource: ResourceConfig) -> dict[str, Any]:
    """Returns the hints of the table and of nested ones on which the rows of the table itself do not depend."""
    hints: dict[str, Any] = {}
    if resource.nested_hints:
        hints["nested_hints"] = _nested_hints(built, resource)
    if resource.references:
        hints["references"] = [_reference(reference, resource.dataset) for reference in resource.references]
    if resource.cluster_by:
        hints["additional_table_hints"] = {CLUSTER_BY: [normalize(name) for name in resource.cluster_by]}
    return hints


def _nested_hints(built: DltResource, resource: ResourceConfig) -> dict[tuple[str, ...], Any]:
    """Returns the hints of nested tables by path: those of the code, whose columns the configuration overrides."""
    declared: Any = built.nested_hints if isinstance(built.nested_hints, Mapping) else {}
    merged: dict[tuple[str, ...], Any] = {
        (path,) if isinstance(path, str) else tuple(path): hints for path, hints in declared.items()
    }
    for path, hints in resource.nested_hints.items():
        types: Any = {name: column.model_dump(exclude_none=True) for name, column in hints.columns.items()}
        own, of_code = dlt.mark.make_nested_hints(columns=types), merged.get(tuple(path.split(".")), {})
        in_code = dlt.mark.make_nested_hints(columns=of_code.get("columns") or {})
        columns: Any = {**cast("Any", in_code["columns"]), **cast("Any", own["columns"])}
        merged[tuple(path.split("."))] = {**own, **of_code, "columns": columns}
    return merged


def _reference(reference: Reference, dataset: str) -> dict[str, Any]:
    """Returns dlt's hint of a reference; the other table is in the same dataset, whose name may be left out."""
    hint = reference.model_dump()
    return {name: list(names) for name, names in hint.items()} | {
        "referenced_table": reference.referenced_table.removeprefix(f"{dataset}.")
    }


def _column_hints(column: ColumnHints) -> dict[str, Any]:
    """Returns dlt's hints of a column; those of a hashed column are of its hash, marked so that readers mask it."""
    of_hash = {"precision", "scale", "timezone"} if column.pii == "hash" else set()
    hints = column.model_dump(exclude_none=True, exclude={"pii", *of_hash})
    if isinstance(column.partition, str):
        hints |= {"partition": True, PARTITION_TRANSFORM: column.partition}
    return {**hints, "data_type": "text", PII: "hash"} if column.pii == "hash" else hints
