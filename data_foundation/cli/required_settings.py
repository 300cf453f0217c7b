"""Finds the settings that a source needs, and whether each of them is set."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import dlt

from data_foundation.config.grammar import ResourceConfig
from data_foundation.config.templates import environment_names
from data_foundation.project.entry import EntryPlace
from data_foundation.project.find_sources import FoundSource
from data_foundation.project.module_text import FUNCTIONS, read_definitions
from data_foundation.readers.registry import find_missing_settings
from data_foundation.warehouses.settings import PII_KEY

Function = ast.FunctionDef | ast.AsyncFunctionDef

_MAY_BE_NONE = re.compile(r"\bOptional\b|\bNone\b")


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


@dataclass(frozen=True)
class _Argument:
    """An argument that dlt fills from settings.

    Attributes:
        function: The function that has it.
        name: Its name.
        required: True if a call without a value fails.
    """

    function: str
    name: str
    required: bool


def find_settings(source: FoundSource, environment: Mapping[str, str]) -> list[SourceSetting]:
    """Returns the settings that a source's code and YAML use, and the missing settings of its connections.

    The code is parsed, not run. Of a module the functions count that the entry is, holds or names: arguments with the
    default `dlt.config.value` or `dlt.secrets.value` are required, unless they may be None; arguments annotated as a
    secret are optional; those with a value in `sources.yaml` are no settings.
    """
    section, resources = source.config.name, source.config.resources
    arguments: dict[str, list[_Argument]] = {}
    for entry, resource in zip(source.entries, resources, strict=True):
        for argument in _arguments(entry.place, resource) if entry.place.folder else ():
            arguments.setdefault(argument.name, []).append(argument)
    settings = [
        SourceSetting(
            f"SOURCES__{section}__{name}".upper(),
            any(one.required for one in same),
            all(_is_set(section, one, environment) for one in same),
        )
        for name, same in sorted(arguments.items())
    ]
    missing = {name for r in resources for name in find_missing_settings(section, r)}
    settings += [SourceSetting(name, required=True, is_set=False) for name in sorted(missing)]
    names = {name for r in resources for name in environment_names(r.all_arguments)}
    names |= {PII_KEY for r in resources if r.hashed_columns}
    return settings + [SourceSetting(name, required=True, is_set=name in environment) for name in sorted(names)]


def _arguments(place: EntryPlace, resource: ResourceConfig) -> Iterator[_Argument]:
    """Yields the arguments of an entry's functions that dlt fills from settings."""
    names, _ = read_definitions(place.file, place.file.read_bytes())
    for statement in _reachable(names, place.attributes[0]):
        for node in ast.walk(statement):
            if isinstance(node, FUNCTIONS):
                is_entry = node.name == place.attributes[0]
                given = _given(node, resource) if is_entry else set()
                yield from (one for one in _arguments_of(node) if one.name not in given)


def _reachable(names: Mapping[str, ast.stmt], entry: str) -> Sequence[ast.stmt]:
    """Returns the statements of a module that bind the entry and every name that these use, and so on."""
    found: list[ast.stmt] = []
    wanted = [entry]
    while wanted:
        statement = names.get(wanted.pop())
        if statement is None or statement in found:
            continue
        found.append(statement)
        wanted += [node.id for node in ast.walk(statement) if isinstance(node, ast.Name)]
    return found


def _given(node: Function, resource: ResourceConfig) -> set[str]:
    """Returns the names of the arguments that `sources.yaml` gives a value."""
    positional = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
    return {*positional[: len(resource.args)], *resource.kwargs}


def _arguments_of(node: Function) -> Iterator[_Argument]:
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
            yield _Argument(node.name, argument.arg, not _MAY_BE_NONE.search(annotation))
        elif "SecretStrValue" in annotation or "SecretValue" in annotation:
            yield _Argument(node.name, argument.arg, required=False)


def _is_set(section: str, argument: _Argument, environment: Mapping[str, str]) -> bool:
    """Returns True if dlt finds the argument, or a field of it, at a place where it looks."""
    own = [f"sources.{place}.{argument.name}" for place in (f"{section}.{argument.function}", section)]
    fields = tuple(f"{key.upper().replace('.', '__')}__" for key in own)
    return any(name.startswith(fields) for name in environment) or any(
        dlt.config.get(key) is not None or dlt.secrets.get(key) is not None
        for key in (*own, f"sources.{argument.name}", argument.name)
    )
