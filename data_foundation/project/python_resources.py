"""Resources declared in Python: a folder's `definitions.py`, instead of `sources.yaml` or in addition to it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlt.extract import DltResource
from pydantic import ValidationError

from data_foundation.config.grammar import ResourceConfig
from data_foundation.config.messages import explain_validation
from data_foundation.errors import ConfigError, EntryError, Problem
from data_foundation.project.code_hints import CURSOR_SETTINGS, read_hints
from data_foundation.project.entry import EntryPlace, import_entry

PYTHON_FILE = "definitions.py"
IMPORT_DEADLINE = 30.0
"""Seconds that the import of `definitions.py` may take: Dagster waits for it at definition time."""


@dataclass(frozen=True)
class ConfigurableDltResource:
    """A dlt resource with its configuration; `definitions.py` declares a list of them called `resources`.

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
        ConfigError: The file cannot be imported, or a declaration is not accepted.
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
    """Returns the hints of the dlt resource itself, as keys of the grammar."""
    declared: dict[str, Any] = {"destination": resource.name}
    if "." not in resource.name and isinstance(resource.table_name, str):
        declared["destination"] = f"raw.{resource.table_name}"
    if docstring := vars(resource).get("__doc__"):
        declared["description"] = inspect.cleandoc(docstring)
    hints = read_hints(resource)
    if cursor := hints.pop("incremental", None):
        # Only the growing cursor is one of the grammar; a load reads any other one from the code.
        grows = cursor.last_value_func is max
        hints |= {"incremental": {name: getattr(cursor, name) for name in CURSOR_SETTINGS}} if grows else {}
    return declared | hints
