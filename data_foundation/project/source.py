"""The configuration of one source folder: its files are read and checked, and all problems are reported at once."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from data_foundation.config.alerts.keys import SourceAlerts
from data_foundation.config.fields import Model
from data_foundation.config.grammar import ResourceConfig, SourceDefaults, SourcesFile
from data_foundation.config.messages import explain_validation, unknown_key
from data_foundation.config.named_sources import NamedSources
from data_foundation.config.several.discovered import Hints
from data_foundation.config.several.expansion import expand, find_undiscovered
from data_foundation.config.tag_binding import bind_tags
from data_foundation.config.yaml_document import Document, YamlDocument, load_yaml
from data_foundation.errors import ConfigError, Place, Problem
from data_foundation.process_wide.redaction import redact
from data_foundation.project.source_folder import find_folder_problems, read_docstring
from data_foundation.suggestions import nearest
from data_foundation.workbook import WORKBOOK_FILE

SOURCES_FILE = "sources.yaml"

MOST_KINDS = 8
"""Most kinds of a resource: Dagster accepts ten, and two are dlt and the warehouse."""

M = TypeVar("M", bound=Model)


class SourceConfig(BaseModel):
    """One folder under `dlthub/`, read and checked.

    Attributes:
        folder: The absolute path; the folder's name is the source's name.
        file: The file that declares its resources; `sources.yaml` if there are several.
        description: The docstring of its `__init__.py`; "" if it has none.
        defaults: The `source:` block.
        resources: The enabled resources, with the values of `source:` applied.
        places: The place of each resource in its file.
        hints: For each resource what `discovered.yaml` knows of its code, by key of `sources.yaml`.
        alerts: The `alerts:` block.
    """

    model_config = ConfigDict(frozen=True)

    folder: Path
    file: Path
    description: str
    defaults: SourceDefaults
    resources: tuple[ResourceConfig, ...]
    places: tuple[Place, ...]
    hints: tuple[Hints, ...]
    alerts: SourceAlerts = SourceAlerts()

    @property
    def name(self) -> str:
        """The folder's name: also the asset group, the op, the pool and dlt's config section."""
        return self.folder.name

    @property
    def concurrency(self) -> int:
        """Number of its resources that load at a time: one if any of them is not to load side by side with others."""
        return (
            1 if any(resource.parallelized is False for resource in self.resources) else self.defaults.max_concurrency
        )

    @classmethod
    def of_python(cls, folder: Path, file: Path, resources: Sequence[ResourceConfig]) -> SourceConfig:
        """Returns the configuration of a folder whose resources are all declared in Python."""
        config = cls(folder=folder, file=file, description=read_docstring(folder), defaults=SourceDefaults(),
                     resources=(), places=(), hints=())  # fmt: skip
        return config.with_resources(resources, file)

    def with_resources(self, more: Sequence[ResourceConfig], file: Path) -> SourceConfig:
        """Returns this configuration with resources that another file declares added to it.

        Raises:
            ConfigError: The resources contradict each other or their tags.
        """
        resources = (*self.resources, *(resource.inherit(self.defaults) for resource in more))
        places = (*self.places, *(Place(file) for _ in more))
        problems = list(_resource_problems(self.name, resources, places))
        bound = bind_tags(self.folder, resources, places, problems)
        if problems:
            raise ConfigError(problems)
        hints = (*self.hints, *({} for _ in more))
        return self.model_copy(update={"resources": tuple(bound), "places": places, "hints": hints})

    def known_hints(self, resource: ResourceConfig) -> Hints:
        """Returns what `discovered.yaml` knows of the code of a resource, by key of `sources.yaml`."""
        known = zip(self.resources, self.hints, strict=True)
        return next((hints for one, hints in known if one.destination == resource.destination), {})

    def find_parent(self, resource: ResourceConfig) -> ResourceConfig | None:
        """Returns the resource whose items a transformer takes, as far as it is known without running code.

        It is named by `data_from`, or by `discovered.yaml` for a resource of a dlt source.
        """
        if resource.data_from:
            return self.find_resource(resource.data_from)
        parent, source = self.known_hints(resource).get("parent"), resource.dlt_source
        siblings = [one for one in self.resources if source and one.dlt_source == source]
        return next((one for one in siblings if one.resource == parent), None)

    def find_resource(self, name: str) -> ResourceConfig | None:
        """Returns the resource whose table or destination is `name`."""
        return next((r for r in self.resources if name in (r.table, r.destination)), None)


def load_source_config(folder: Path) -> SourceConfig:
    """Reads and checks `sources.yaml` and `ingestion_config.xlsx` of one source folder; imports no code of it.

    Raises:
        ConfigError: With every problem of the files at once.
    """
    documents, problems = _read_documents(folder)
    defaults, alerts = SourceDefaults(), SourceAlerts()
    resources: list[ResourceConfig] = []
    places: list[Place] = []
    hints: list[Hints] = []
    declared: list[ResourceConfig] = []
    named = NamedSources(documents[0])
    for document in documents:
        if source := document.value.get("source"):
            defaults = _validate(SourceDefaults, document, ("source",), source, problems) or defaults
        if (block := document.value.get("alerts")) is not None:
            alerts = _validate(SourceAlerts, document, ("alerts",), block, problems) or alerts
        for path, raw, known in expand(folder, read_raw_resources(document)):
            resource = _validate(ResourceConfig, document, path, raw, problems)
            declared += [resource] if resource else []
            if resource and resource.enabled:
                resources.append(named.apply(resource).inherit(defaults))
                places.append(document.place(path))
                hints.append(known)
    disabled = {resource.table for resource in declared if not resource.enabled}
    problems += [*named.found, *named.problems(declared)]
    problems += _resource_problems(folder.name, resources, places, disabled)
    resources = bind_tags(folder, resources, places, problems)
    if problems:
        raise ConfigError(sorted(dict.fromkeys(problems), key=lambda problem: (problem.file, problem.line or 0)))
    return SourceConfig(
        folder=folder, file=documents[0].file, description=read_docstring(folder), defaults=defaults,
        resources=tuple(resources), places=tuple(places), hints=tuple(hints), alerts=alerts,
    )  # fmt: skip


def _read_documents(folder: Path) -> tuple[list[Document], list[Problem]]:
    """Returns the files that declare resources, first the one with `source:`, and the problems of the workbook.

    Raises:
        ConfigError: There is no such file, or its content does not have the shape of resources.
    """
    names = os.listdir(folder)  # noqa: PTH208 - one listing takes a third of the time of a look-up for each file
    problems = list(find_folder_problems(folder))
    documents: list[Document] = []
    workbook_problems: list[Problem] = []
    if WORKBOOK_FILE in names:
        from data_foundation.workbook.document import read_workbook  # noqa: PLC0415 - most folders have none

        workbook = read_workbook(folder / WORKBOOK_FILE)
        documents, workbook_problems = [workbook], workbook.problems
    if SOURCES_FILE in names:
        document = load_yaml(folder / SOURCES_FILE)
        problems += _shape_problems(document, needs_resources=not documents)
        documents.insert(0, document)
    if not documents:
        problems.append(_missing_file(folder / SOURCES_FILE))
    if problems:
        raise ConfigError([*problems, *workbook_problems])
    return documents, workbook_problems


def _missing_file(file: Path) -> Problem:
    names = sorted(found.name for found in file.parent.iterdir() if found.suffix.lower() in (".yaml", ".yml"))
    hint = f"there is {', '.join(names)}: rename it" if names else "add it: docs/how-to/add-a-source.md"
    return Problem(file, f"there is no such file; {hint}")


def _shape_problems(document: YamlDocument, *, needs_resources: bool) -> Iterator[Problem]:
    value = document.value
    example = "resources: [{entry: data.get_rows, destination: raw.my_table}]"
    if value is None:
        yield document.problem((), f"is empty; accepted at the least: {example}")
    elif not isinstance(value, dict):
        yield document.problem((), f"got a {type(value).__name__}; accepted is a mapping, at the least: {example}")
    else:
        for key in value:
            if key not in SourcesFile.model_fields:
                yield document.problem((key,), unknown_key(str(key), SourcesFile.model_fields))
        if not isinstance(value.get("source"), dict | None):
            yield document.problem(("source",), "accepted is a mapping of defaults")
        resources = value.get("resources")
        if (not resources and needs_resources) or not isinstance(resources, list | dict | None):
            yield document.problem(("resources",), f"needs at least one resource: {example}")
        for key, raw in resources.items() if isinstance(resources, dict) else ():
            if isinstance(raw, dict) and raw.get("destination", key) != key:
                message = f"got '{redact(str(raw['destination']))}'; the key '{key}' is the destination already"
                yield document.problem(("resources", key, "destination"), message)
        yield from find_undiscovered(document, read_raw_resources(document))


def read_raw_resources(document: Document) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yields path and raw mapping of each resource of a document, list form and map form alike."""
    value = document.value.get("resources") if isinstance(document.value, dict) else None
    if isinstance(value, list):
        for index, raw in enumerate(value):
            yield ("resources", index), raw
    elif isinstance(value, dict):
        for key, raw in value.items():
            yield ("resources", key), {"destination": key, **raw} if isinstance(raw, dict) else raw


def _validate(
    model: type[M], document: Document, path: tuple[str | int, ...], raw: object, problems: list[Problem]
) -> M | None:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        problems.extend(document.problem((*path, *loc), text) for loc, text in explain_validation(model, raw, error))
        return None


def _resource_problems(
    folder: str, resources: Sequence[ResourceConfig], places: Sequence[Place], disabled: Collection[str] = ()
) -> Iterator[Problem]:
    """Yields problems that depend on inherited values or on other resources of the folder."""
    for resource, place in zip(resources, places, strict=True):
        automation = resource.automation
        if automation and automation.condition == "on_cron" and not automation.cron:
            message = "on_cron needs a cron, here or in `source: automation`"
            yield place.problem(message, f"{resource.destination}: automation")
        if len(resource.kinds) > MOST_KINDS:
            message = f"got {len(resource.kinds)} kinds; accepted are at most {MOST_KINDS}, the source's included"
            yield place.problem(message, f"{resource.destination}: kinds")
        if resource.section not in {None, folder}:
            message = (
                f"got '{resource.section}'; the settings of this folder are read from [sources.{folder}]: rename the "
                "section in .dlt and in the environment, and leave `section` out"
            )
            yield place.problem(message, f"{resource.destination}: section")
    yield from _data_from_problems(resources, places, disabled)


def _data_from_problems(
    resources: Sequence[ResourceConfig], places: Sequence[Place], disabled: Collection[str]
) -> Iterator[Problem]:
    """Yields a Problem for each `data_from` that names no enabled resource of the folder, or is part of a circle."""
    parents = {r.table: r.data_from.split(".")[-1] for r in resources if r.data_from}
    tables = [r.table for r in resources]
    place_of = dict(zip(tables, places, strict=True))
    for table, parent in parents.items():
        if parent in disabled:
            message = f"{table} takes its items from {parent}, which is not enabled; set `enabled: true` there"
            yield place_of[table].problem(message, "data_from")
            continue
        if parent not in tables:
            message = f"data_from '{parent}' of {table}: accepted: {', '.join(tables)}{nearest(parent, tables)}"
            yield place_of[table].problem(message, "data_from")
            continue
        chain = [table]
        while (parent := parents.get(chain[-1], "")) and parent not in chain:
            chain.append(parent)
        if parent == table and table == min(chain):
            circle = " -> ".join(f"{name} (line {place_of[name].line})" for name in [*chain, table])
            yield place_of[table].problem(f"data_from is circular: {circle}", "data_from")
