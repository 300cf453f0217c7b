"""Lists the resources of a dlt source with the hints of their code, by running the code that builds the source."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from dlt.common.configuration.exceptions import ConfigFieldMissingException
from dlt.extract import DltResource

from data_foundation.config.several.discovered import Hints
from data_foundation.config.several.source_tables import SELECTED, UNBOUND, SourceTables
from data_foundation.config.templates import render
from data_foundation.errors import EntryError, FoundationError
from data_foundation.naming import normalize
from data_foundation.process_wide.redaction import redact
from data_foundation.process_wide.secret_settings import learn_resolved, learn_settings
from data_foundation.project.code_hints import CURSOR_SETTINGS, find_parent, read_hints
from data_foundation.project.dlt_source import build_source, explain_missing, find_unbound
from data_foundation.project.entry import find_entry, import_entry, read_facts
from data_foundation.project.source_import import shown
from data_foundation.warehouses.settings import template_values


def find_resources(folder: Path, source: SourceTables) -> Mapping[str, Hints]:
    """Builds the source and returns its resources in their order, each with the hints of its code.

    Raises:
        EntryError: The source cannot be imported or built, or is none.
        SettingMissing: A setting that it needs is missing.
    """
    values = {**template_values(), "partition.key": "", "partition.start": "", "partition.end": ""}
    args, kwargs = render(list(source.args), values), render(dict(source.kwargs), values)
    learn_settings(kwargs)
    place = find_entry(folder, source.entry)
    read_facts(place)  # names what the module has
    entry = import_entry(place)
    try:
        resources = build_source(source.entry, entry, folder.name, args, kwargs)
    except ConfigFieldMissingException as error:
        raise explain_missing(folder.name, error) from None
    except FoundationError:
        raise
    except Exception as error:  # noqa: BLE001 - the code of the source may raise anything
        learn_resolved()
        message = f"{shown(place.file)}: building the source failed: {type(error).__name__}: {redact(str(error))}"
        raise EntryError(message) from None
    return {name: dict(_hints(resource)) for name, resource in resources.items()}


def _hints(resource: DltResource) -> Iterator[tuple[str, Any]]:
    """Yields what a resource declares, in values that YAML has."""
    if isinstance(resource.table_name, str) and normalize(resource.table_name) != normalize(resource.name):
        yield "table", resource.table_name
    if not resource.selected:
        yield SELECTED, False
    if parent := find_parent(resource):
        yield "parent", parent.name
    if unbound := find_unbound(resource):
        yield UNBOUND, unbound
    if docstring := vars(resource).get("__doc__"):
        yield "description", inspect.cleandoc(docstring)
    with suppress(EntryError):  # a load refuses what contradicts itself, and says why
        for name, value in read_hints(resource).items():
            yield name, _plain(_short(name, value))


def _short(name: str, value: Any) -> Any:
    """Returns a hint as people write it in `sources.yaml`."""
    if name == "incremental":
        return {one: getattr(value, one) for one in CURSOR_SETTINGS if getattr(value, one) not in (None, "raise")}
    if name == "write_disposition" and set(value) == {"disposition"}:
        return value["disposition"]
    return list(value) if name in {"primary_key", "merge_key"} and not isinstance(value, str) else value


def _plain(value: Any) -> Any:
    """Returns a value as YAML has it; what YAML has not is left out of mappings."""
    if isinstance(value, Mapping):
        plain = {str(name): _plain(item) for name, item in value.items()}
        return {name: item for name, item in plain.items() if item is not None}
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return str.__str__(value)  # names of SQLAlchemy are a class of their own
    return value if isinstance(value, int | float) else None
