"""Finds the settings that a source needs, and whether each of them is set."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import dlt

from data_foundation.config.templates import environment_names
from data_foundation.project.find_sources import FoundSource
from data_foundation.readers.registry import find_missing_settings
from data_foundation.warehouses.settings import PII_KEY


@dataclass(frozen=True)
class SourceSetting:
    """A setting of a source: an argument of an entry, a connection's credential, or an environment variable.

    Attributes:
        name: Name of the environment variable, for instance SOURCES__GITHUB__ACCESS_TOKEN.
        required: True if a load fails without the setting.
        is_set: True if the environment, .env or one of dlt's files has a value for it.
    """

    name: str
    required: bool
    is_set: bool


def find_settings(source: FoundSource, environment: Mapping[str, str]) -> list[SourceSetting]:
    """Returns the settings that a source's code and YAML use, and the missing settings of its connections.

    The code is parsed, not run: arguments with the default `dlt.config.value` or `dlt.secrets.value` are required,
    arguments annotated as a secret are optional.
    """
    section = source.config.name
    required_by_argument: dict[str, bool] = {}
    for file in {entry.place.file for entry in source.entries if entry.place.folder}:
        for argument, required in _arguments(file):
            required_by_argument[argument] = required_by_argument.get(argument, False) or required
    settings = [
        SourceSetting(f"SOURCES__{section}__{argument}".upper(), required, _is_set(section, argument))
        for argument, required in sorted(required_by_argument.items())
    ]
    missing = {name for r in source.config.resources for name in find_missing_settings(section, r)}
    settings += [SourceSetting(name, required=True, is_set=False) for name in sorted(missing)]
    names = {name for r in source.config.resources for name in environment_names([r.args, r.kwargs])}
    names |= {PII_KEY for r in source.config.resources if r.hashed_columns}
    return settings + [SourceSetting(name, required=True, is_set=name in environment) for name in sorted(names)]


def _arguments(file: Path) -> Iterator[tuple[str, bool]]:
    """Yields the name of each argument that dlt fills from settings, and whether it is required."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        arguments = node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
        for argument, default in [
            *zip(positional, defaults, strict=True),
            *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
        ]:
            text = ast.unparse(default) if default else ""
            annotation = ast.unparse(argument.annotation) if argument.annotation else ""
            if text in ("dlt.config.value", "dlt.secrets.value"):
                yield argument.arg, True
            elif "SecretStrValue" in annotation or "SecretValue" in annotation:
                yield argument.arg, False


def _is_set(section: str, argument: str) -> bool:
    key = f"sources.{section}.{argument}"
    return dlt.config.get(key) is not None or dlt.secrets.get(key) is not None
