"""Resources declared in Python: a folder's `definitions.py` instead of, or beside, its `sources.yaml`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlt.extract import DltResource
from dlt.extract.incremental import Incremental
from pydantic import ValidationError

from data_foundation.config import fields
from data_foundation.config.grammar import ResourceConfig
from data_foundation.config.messages import explain_validation
from data_foundation.errors import ConfigError, EntryError, Problem
from data_foundation.project.entry import EntryPlace, import_entry

PYTHON_FILE = "definitions.py"
IMPORT_DEADLINE = 30.0
"""Seconds for `definitions.py` to import: it runs at definition time, where everybody waits."""


@dataclass(frozen=True)
class ConfigurableDltResource:
    """A dlt resource with what Dagster should know of it; a list of them in `definitions.py` is called `resources`.

    Attributes:
        resource: The dlt resource; its name, or `destination` in `options`, is dataset.table.
        options: Keys of the grammar (kinds, meta, owners, tags, partitions, ...).
    """

    resource: DltResource
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def config(cls, resource: DltResource, **options: Any) -> ConfigurableDltResource:
        """Returns the declaration of one asset.

        Args:
            resource: Made by `dlt.resource(...)`; `name="schema.table"` is the destination.
            options: Any key of `sources.yaml` but `entry`, `args` and `kwargs`.
        """
        if not isinstance(resource, DltResource):
            message = f"ConfigurableDltResource.config takes a dlt resource, got a {type(resource).__name__}"
            raise EntryError(message)
        return cls(resource, options)


def load_python_resources(folder: Path) -> list[ResourceConfig]:
    """Imports `definitions.py` of a source folder and returns its `resources` as configuration.

    Raises:
        ConfigError: The file cannot be imported or declares something that cannot be accepted.
    """
    file = folder / PYTHON_FILE
    try:
        declared = import_entry(EntryPlace(folder, "definitions", file, ("resources",)), IMPORT_DEADLINE)
    except EntryError as error:
        raise ConfigError([Problem(file, str(error))]) from None
    if not isinstance(declared, list | tuple):
        message = (
            f"`resources` is a {type(declared).__name__}; accepted is a list of ConfigurableDltResource.config(...)"
        )
        raise ConfigError([Problem(file, message)])
    problems: list[Problem] = []
    configs = [_to_config(file, index, item, problems) for index, item in enumerate(declared)]
    if problems:
        raise ConfigError(problems)
    return [config for config in configs if config and config.enabled]


def _to_config(file: Path, index: int, item: object, problems: list[Problem]) -> ResourceConfig | None:
    item = ConfigurableDltResource(item) if isinstance(item, DltResource) else item
    if not isinstance(item, ConfigurableDltResource):
        message = f"got a {type(item).__name__}; accepted: ConfigurableDltResource.config(...) or a dlt resource"
        problems.append(Problem(file, message, field=f"resources[{index}]"))
        return None
    raw = {**_hints(item.resource), **item.options, "entry": f"definitions.resources[{index}]"}
    problems.extend(
        Problem(file, "is the dlt resource's own; leave it out", field=f"resources[{index}].{name}")
        for name in ("entry", "args", "arguments", "kwargs", "keyword_arguments")
        if name in item.options
    )
    try:
        return ResourceConfig.model_validate(raw)
    except ValidationError as error:
        for path, message in explain_validation(ResourceConfig, raw, error):
            name = ".".join(map(str, path))
            problems.append(Problem(file, message, field=f"resources[{index}]{f'.{name}' if name else ''}"))
        return None


def _hints(resource: DltResource) -> dict[str, Any]:
    """Returns what the dlt resource itself says, in the grammar's words."""
    said: dict[str, Any] = {"destination": resource.name}
    if "." not in resource.name and isinstance(resource.table_name, str):
        said["destination"] = f"raw.{resource.table_name}"
    if docstring := vars(resource).get("__doc__"):
        said["description"] = inspect.cleandoc(docstring)
    disposition = resource.write_disposition
    if disposition and not callable(disposition):
        said["write_disposition"] = disposition
    cursor = resource.incremental
    if isinstance(cursor, Incremental) and cursor.last_value_func is max:
        said["incremental"] = {name: getattr(cursor, name) for name in fields.Incremental.model_fields}
    return said | _columns(resource)


def _columns(resource: DltResource) -> dict[str, Any]:
    """Returns keys and columns as far as they are known before there is a row."""
    said: dict[str, Any] = {}
    hinted = {} if callable(resource.table_name) else resource.compute_table_schema()["columns"]
    for hint in ("primary_key", "merge_key"):
        if columns := [name for name, column in hinted.items() if column.get(hint)]:
            said[hint] = columns
    known = {
        name: {key: value for key, value in column.items() if key in ("data_type", "description")}
        for name, column in hinted.items()
    }
    if columns_said := {name: column for name, column in known.items() if column}:
        said["columns"] = columns_said
    return said
