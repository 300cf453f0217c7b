"""Builds a dlt source, an entry that holds several dlt resources, and returns these by name."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from dlt.common.configuration import inject_section, with_config
from dlt.common.configuration.exceptions import ConfigFieldMissingException, LookupTrace
from dlt.common.configuration.specs.config_section_context import ConfigSectionContext
from dlt.extract import DltResource, DltSource
from dlt.extract.decorators import DltSourceFactoryWrapper

from data_foundation.dlt_keys import ROOT_KEY
from data_foundation.errors import EntryError, SettingMissing
from data_foundation.project.entry_text.several_resources import refuse_loader
from data_foundation.rows.exact.dlt_objects import describe_loader
from data_foundation.suggestions import nearest


def build_source(
    entry: str, value: Any, section: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
) -> Mapping[str, DltResource]:
    """Returns the resources of a dlt source by name, each with the settings of the source that it does not have itself.

    Args:
        entry: Path of the source, for errors.
        value: A function with dlt's decorator `source`, a function that returns resources, a source, or resources.
        section: Name of the source folder, under which dlt looks up settings: `[sources.<folder>]`.
        args: Positional arguments of the function.
        kwargs: Keyword arguments of the function.

    Raises:
        EntryError: The entry is no source.
        ConfigFieldMissingException: A setting of the function is missing.
    """
    built = value
    if callable(value) and not (_holds_rows(value) or describe_loader(value)):
        built = _call(value, section, args, kwargs or {})
    if what := describe_loader(built):
        raise refuse_loader(entry, what)
    if inspect.iscoroutine(built):
        built.close()
        message = f"entry '{entry}' is an asynchronous source; make it a function without `async`"
        raise EntryError(message)
    if isinstance(built, DltSource):
        resources = dict(built.resources)
        for resource in resources.values():
            _inherit(resource, built)
        return resources
    items = _resources(built)
    if not items:
        what = f"a {type(built).__name__}" if not isinstance(built, DltResource) else f"the one resource {built.name}"
        message = (
            f"entry '{entry}' is {what}, and `source` or `resource` needs a dlt source or a list of dlt resources; "
            "for one table name it as `entry`, without `source` and `resource`"
        )
        raise EntryError(message)
    names = [item.name for item in items]
    if doubled := next((name for name in names if names.count(name) > 1), ""):
        # dlt refuses it inside of a source; in a list, one of them would take the place of the other.
        message = f"entry '{entry}' has two resources with the name {doubled}; give each a name of its own"
        raise EntryError(message)
    return dict(zip(names, items, strict=True))


def _resources(built: Any) -> list[DltResource]:
    """Returns the resources of a collection or of a generator; none if it has anything else, and reads no further."""
    found: list[DltResource] = []
    if isinstance(built, DltResource) or not isinstance(built, Iterable):
        return found
    for item in built.values() if isinstance(built, Mapping) else built:
        if not isinstance(item, DltResource):
            return []
        found.append(item)
    return found


def find_member(entry: str, resources: Mapping[str, DltResource], name: str, folder: str) -> DltResource:
    """Returns the resource of a source that has a name.

    Raises:
        EntryError: The source has no such resource.
    """
    if name not in resources:
        message = (
            f"the source '{entry}' has no resource '{name}'; it has {', '.join(resources)}"
            f"{nearest(name, list(resources))}. `foundation discover {folder}` updates the list of its resources"
        )
        raise EntryError(message)
    return resources[name]


def find_unbound(resource: DltResource) -> list[str]:
    """Returns the names of the arguments that a resource needs and that its source has not passed."""
    if resource.args_bound or not resource.requires_args:
        return []
    taken = list(inspect.signature(resource).parameters.values())[1 if resource.is_transformer else 0 :]
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one.name for one in taken if one.default is one.empty and one.kind not in kinds]


def bind_member(resource: DltResource, bound: Mapping[str, Any]) -> DltResource:
    """Returns a resource of a source with the arguments that its source has not passed.

    Raises:
        EntryError: An argument is missing, the resource does not take one, or the source has passed them.
    """
    if not bound:
        if missing := find_unbound(resource):
            raise EntryError(needs_bind(resource.name, missing))
        return resource
    if resource.args_bound:
        message = f"the source has passed the arguments of its resource {resource.name}; leave `bind` out"
        raise EntryError(message)
    try:
        called: DltResource = resource(**bound)
    except TypeError as error:
        message = (
            f"the dlt resource {resource.name} does not take the arguments of `bind`: {error}; its signature is "
            f"{inspect.signature(resource)}"
        )
        raise EntryError(message) from None
    if root_key := resource.custom_metrics.get(ROOT_KEY):
        called.custom_metrics[ROOT_KEY] = root_key
    return called


def needs_bind(name: str, missing: Sequence[str]) -> str:
    """Returns the message for a resource of a source whose arguments are not bound."""
    values = ", ".join(f"{one}: ..." for one in missing)
    return (
        f"the dlt resource {name} needs a value for {', '.join(missing)}, which its source does not pass; set "
        f"`tables: {{{name}: {{bind: {{{values}}}}}}}`, or `bind` beside `resource: {name}`"
    )


def explain_missing(section: str, error: ConfigFieldMissingException) -> SettingMissing:
    """Returns the error that names the environment variables of missing settings.

    Args:
        section: Name of the source folder.
        error: dlt's error.
    """
    names = []
    for field_name, traces in error.traces.items():
        keys = [trace.key for trace in traces if isinstance(trace, LookupTrace) and "__" in trace.key]
        wanted = f"SOURCES__{section.upper()}__{field_name.upper()}"
        names.append(wanted if wanted in keys or not keys else keys[0])
    return SettingMissing(names, "Set it in .dlt/secrets.toml, .env or the environment")


def _holds_rows(value: Any) -> bool:
    return isinstance(value, DltSource | DltResource)


def _call(value: Any, section: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Calls the function of a source, whose settings are looked up under its folder, then as dlt itself does."""
    if not isinstance(value, DltSourceFactoryWrapper):
        sections = ("sources", section)
        with inject_section(ConfigSectionContext(sections=sections)):
            return with_config(value, sections=sections)(*args, **kwargs)
    try:
        return value.clone(section=section)(*args, **kwargs)
    except ConfigFieldMissingException as missing:
        # A source of a package has a section of its own, for instance [sources.sql_database].
        with suppress(ConfigFieldMissingException):
            return value(*args, **kwargs)
        raise missing from None


def _inherit(resource: DltResource, source: DltSource) -> None:
    """Gives a resource what its source sets for all: a copy of it will be loaded without the source."""
    if resource.max_table_nesting is None and source.max_table_nesting is not None:
        resource.max_table_nesting = source.max_table_nesting
    if resource.schema_contract is None and source.schema_contract:
        resource.apply_hints(schema_contract=source.schema_contract)
    if source.root_key:
        resource.custom_metrics[ROOT_KEY] = True
