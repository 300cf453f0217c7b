"""What one source folder says of itself: its files read, checked, and every problem in them told at once."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from textwrap import shorten
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from data_foundation.errors import ConfigError, Problem
from data_foundation.fields import Model
from data_foundation.grammar import ResourceConfig, SourceDefaults, SourcesFile
from data_foundation.redaction import redact
from data_foundation.scalars import nearest
from data_foundation.yaml_document import YamlDocument, load_yaml

SOURCES_FILE = "sources.yaml"
RESERVED_FOLDERS = ("transformation", "runner", "current")
"""Names that dlt's plugin `dlthub` has as modules of its own."""

OP_NAMES = (
    "context", "conf", "config", "meta", "arg_dict", "dict", "input_arg_dict", "output_arg_dict", "int", "str", "float",
    "bool", "input", "output", "type",
)  # fmt: skip
"""Names that no op of Dagster's may have, besides Python's keywords."""

MOST_KINDS = 8
"""Dagster takes ten, and two are dlt and the warehouse."""

M = TypeVar("M", bound=Model)


class SourceConfig(BaseModel):
    """One folder under `dlthub/`, read and checked.

    Attributes:
        folder: Its absolute path; its name is the source's.
        description: The docstring of its `__init__.py`, "" where there is none.
        defaults: The `source:` block.
        resources: The enabled resources, inheritance applied.
        lines: For each resource the line where it stands in `file`.
    """

    model_config = ConfigDict(frozen=True)

    folder: Path
    file: Path
    description: str
    defaults: SourceDefaults
    resources: tuple[ResourceConfig, ...]
    lines: tuple[int, ...]

    @property
    def name(self) -> str:
        """The folder's name: also the asset group, the op, the pool and dlt's config section."""
        return self.folder.name

    @classmethod
    def of_python(cls, folder: Path, file: Path, resources: Sequence[ResourceConfig]) -> SourceConfig:
        """Returns the configuration of a folder whose resources are all declared in Python."""
        config = cls(folder=folder, file=file, description=_docstring(folder), defaults=SourceDefaults(),
                     resources=(), lines=())  # fmt: skip
        return config.with_resources(resources)

    def with_resources(self, more: Sequence[ResourceConfig]) -> SourceConfig:
        """Returns this configuration with resources declared elsewhere added to it.

        Raises:
            ConfigError: What they say does not fit together.
        """
        resources = (*self.resources, *(resource.inherit(self.defaults) for resource in more))
        lines = (*self.lines, *(1 for _ in more))
        if problems := list(_resource_problems(self.file, resources, lines)):
            raise ConfigError(problems)
        return self.model_copy(update={"resources": resources, "lines": lines})

    def find_resource(self, name: str) -> ResourceConfig | None:
        """Returns the resource whose table or destination is `name`."""
        return next((r for r in self.resources if name in (r.table, r.destination)), None)


def load_source_config(folder: Path) -> SourceConfig:
    """Reads and checks `sources.yaml` of one source folder; imports no code of it.

    Raises:
        ConfigError: With every problem of the file at once.
    """
    problems = list(find_folder_problems(folder))
    file = folder / SOURCES_FILE
    if not file.exists():
        raise ConfigError([*problems, _missing_file(file)])
    document = load_yaml(file)
    problems += _shape_problems(document)
    if problems:
        raise ConfigError(problems)
    defaults = _validate(SourceDefaults, document, ("source",), document.value.get("source") or {}, problems)
    resources: list[ResourceConfig] = []
    lines: list[int] = []
    for path, raw in _raw_resources(document.value["resources"]):
        resource = _validate(ResourceConfig, document, path, raw, problems)
        if resource and resource.enabled:
            resources.append(resource.inherit(defaults or SourceDefaults()))
            lines.append(document.line(path))
    problems.extend(_resource_problems(file, resources, lines))
    if problems or defaults is None:
        raise ConfigError(sorted(problems, key=lambda problem: problem.line or 0))
    return SourceConfig(
        folder=folder, file=file, description=_docstring(folder), defaults=defaults,
        resources=tuple(resources), lines=tuple(lines),
    )  # fmt: skip


def find_folder_problems(folder: Path) -> Iterator[Problem]:
    """Yields what is wrong with a folder whatever its resources are: its name, its `__init__.py`."""
    if not re.fullmatch(r"[A-Za-z0-9_]+", folder.name):
        yield Problem(folder, f"folder name '{folder.name}': accepted are letters, digits and _; rename the folder")
    if folder.name in RESERVED_FOLDERS:
        yield Problem(
            folder, f"no folder may be called '{folder.name}': dlt's plugin owns that name; rename the folder"
        )
    if folder.name in OP_NAMES or keyword.iskeyword(folder.name):
        yield Problem(folder, f"no folder may be called '{folder.name}': Dagster and Python own that word; rename it")
    init = folder / "__init__.py"
    try:
        ast.parse(init.read_bytes() if init.exists() else b"")
    except SyntaxError as error:
        yield Problem(init, f"is not valid Python: {error.msg}", error.lineno)
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        yield Problem(init, f"is not valid Python: {error}")


def _missing_file(file: Path) -> Problem:
    names = sorted(found.name for found in file.parent.iterdir() if found.suffix.lower() in (".yaml", ".yml"))
    hint = f"there is {', '.join(names)}: rename it" if names else "add it (see README, 'Add a source')"
    return Problem(file, f"there is no such file; {hint}")


def _shape_problems(document: YamlDocument) -> Iterator[Problem]:
    value = document.value
    example = "resources: [{entry: data.get_rows, destination: raw.my_table}]"
    if value is None:
        yield document.problem((), f"is empty; accepted at the least: {example}")
    elif not isinstance(value, dict):
        yield document.problem((), f"got a {type(value).__name__}; accepted is a mapping, at the least: {example}")
    else:
        for key in value:
            if key not in SourcesFile.model_fields:
                yield document.problem((key,), _unknown_key(str(key), SourcesFile.model_fields))
        if not isinstance(value.get("source"), dict | None):
            yield document.problem(("source",), "accepted is a mapping of defaults")
        resources = value.get("resources")
        if not resources or not isinstance(resources, list | dict):
            yield document.problem(("resources",), f"needs at least one resource: {example}")
        for key, raw in resources.items() if isinstance(resources, dict) else ():
            if isinstance(raw, dict) and raw.get("destination", key) != key:
                message = f"got '{redact(str(raw['destination']))}'; the key '{key}' is the destination already"
                yield document.problem(("resources", key, "destination"), message)


def _raw_resources(value: list[Any] | dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yields path and raw mapping of each resource, list form and map form alike."""
    if isinstance(value, list):
        for index, raw in enumerate(value):
            yield ("resources", index), raw
    else:
        for key, raw in value.items():
            yield ("resources", key), {"destination": key, **raw} if isinstance(raw, dict) else raw


def _validate(
    model: type[M], document: YamlDocument, path: tuple[str | int, ...], raw: object, problems: list[Problem]
) -> M | None:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        problems.extend(document.problem((*path, *loc), text) for loc, text in explain_validation(model, raw, error))
        return None


def explain_validation(
    model: type[Model], raw: object, error: ValidationError
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yields, for each error of pydantic's, the path inside `raw` and what is wrong there in the field's words."""
    for detail in error.errors(include_url=False):
        loc = _existing(raw, tuple(part for part in detail["loc"] if part != "[key]"))
        yield loc, _message(model, detail)


def _existing(raw: object, loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Returns the part of `loc` that a reader finds in the file: a bare word has no fields of its own."""
    found: list[str | int] = []
    for part in loc:
        if isinstance(raw, Mapping):
            found.append(part)
            raw = raw.get(part)
        elif isinstance(raw, list) and isinstance(part, int) and part < len(raw):
            found.append(part)
            raw = raw[part]
        else:
            break
    return tuple(found)


def _message(model: type[Model], detail: ErrorDetails) -> str:
    """Returns what was received and what is accepted, for one error of pydantic's."""
    value = detail["input"]
    received = shorten(redact(str(value) if isinstance(value, date) else repr(value)), 80, placeholder=" ...")
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return _unknown_key(str(detail["loc"][-1]), _fields_at(model, detail["loc"][:-1]))
        case "missing":
            return "is required and missing"
        case "value_error" if isinstance(detail["input"], Mapping):
            return str(context["error"])
        case "value_error":
            problem = str(context["error"])
        case "literal_error":
            accepted = context["expected"].replace("'", "").replace(" or ", ", ")
            problem = f"accepted: {accepted}{nearest(str(detail['input']), accepted.split(', '))}"
        case "model_type" | "dict_type":
            problem = "accepted is a mapping"
        case "tuple_type" | "list_type":
            problem = "accepted is a list"
        case _:
            problem = f"{detail['msg'][:1].lower()}{detail['msg'][1:]}"
    return f"got {received}; {problem}"


def _fields_at(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """Returns the keys accepted by the model that stands at `loc` inside `model`."""
    for part in loc:
        field = model.model_fields.get(str(part))
        nested = _models_in(field.annotation) if field else [model]
        model = nested[0] if nested else model
    return list(model.model_fields)


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]


def _unknown_key(key: str, accepted: Sequence[str] | Mapping[str, Any]) -> str:
    return f"unknown key '{redact(key)}'; accepted: {', '.join(accepted)}{nearest(key, list(accepted))}"


def _resource_problems(file: Path, resources: Sequence[ResourceConfig], lines: Sequence[int]) -> Iterator[Problem]:
    """Yields what shows only once a resource has inherited, or beside its siblings."""
    for resource, line in zip(resources, lines, strict=True):
        automation = resource.automation
        if automation and automation.condition == "on_cron" and not automation.cron:
            message = "on_cron needs a cron, here or in `source: automation`"
            yield Problem(file, message, line, f"{resource.destination}: automation")
        if len(resource.kinds) > MOST_KINDS:
            message = f"got {len(resource.kinds)} kinds; accepted are at most {MOST_KINDS}, the source's included"
            yield Problem(file, message, line, f"{resource.destination}: kinds")
    yield from _data_from_problems(file, resources, lines)


def _data_from_problems(file: Path, resources: Sequence[ResourceConfig], lines: Sequence[int]) -> Iterator[Problem]:
    """Yields a Problem for each `data_from` that names nothing here or leads back to itself."""
    parents = {r.table: r.data_from.split(".")[-1] for r in resources if r.data_from}
    tables = [r.table for r in resources]
    line_of = dict(zip(tables, lines, strict=True))
    for table, parent in parents.items():
        if parent not in tables:
            message = f"data_from '{parent}' of {table}: accepted: {', '.join(tables)}{nearest(parent, tables)}"
            yield Problem(file, message, line_of[table], "data_from")
            continue
        chain = [table]
        while (parent := parents.get(chain[-1], "")) and parent not in chain:
            chain.append(parent)
        if parent == table and table == min(chain):
            places = " -> ".join(f"{name} (line {line_of.get(name)})" for name in [*chain, table])
            yield Problem(file, f"data_from goes round in a circle: {places}", line_of[table], "data_from")


def _docstring(folder: Path) -> str:
    """Returns the docstring of the folder's `__init__.py` without importing it; "" where there is none."""
    try:
        return ast.get_docstring(ast.parse((folder / "__init__.py").read_bytes())) or ""
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
