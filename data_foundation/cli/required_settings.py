"""The settings that a source's entries ask dlt for, and which of them are not set."""

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
class Setting:
    """One value that an entry's argument takes from dlt's configuration.

    Attributes:
        name: As an environment variable, for instance SOURCES__GITHUB__ACCESS_TOKEN.
        required: Loading fails without it.
        is_set: It has a value at the moment, in the environment, .env or one of dlt's files.
    """

    name: str
    required: bool
    is_set: bool


def find_settings(source: FoundSource, environment: Mapping[str, str]) -> list[Setting]:
    """Returns every setting that a source's modules and the templates in its YAML name, and what its connections lack.

    Reads text only: arguments whose default is `dlt.config.value` or `dlt.secrets.value` are required, those
    annotated as a secret are optional.
    """
    section = source.config.name
    found: dict[str, bool] = {}
    for file in {entry.place.file for entry in source.entries if entry.place.folder}:
        for argument, required in _arguments(file):
            found[argument] = found.get(argument, False) or required
    settings = [
        Setting(f"SOURCES__{section}__{argument}".upper(), required, _is_set(section, argument))
        for argument, required in sorted(found.items())
    ]
    lacking = {name for r in source.config.resources for name in find_missing_settings(section, r)}
    settings += [Setting(name, required=True, is_set=False) for name in sorted(lacking)]
    names = {name for r in source.config.resources for name in environment_names([r.args, r.kwargs])}
    names |= {PII_KEY for r in source.config.resources if r.hashed_columns}
    return settings + [Setting(name, required=True, is_set=name in environment) for name in sorted(names)]


def _arguments(file: Path) -> Iterator[tuple[str, bool]]:
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
