"""Resources compared with the tag in `tags.yaml` that they name, before any row is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from data_foundation.config.grammar import ResourceConfig
from data_foundation.config.tags import EXAMPLE, TAGS_FILE, RequiredColumn, Tags, load_tags
from data_foundation.errors import ConfigError, Place, Problem
from data_foundation.suggestions import nearest


def bind_tags(
    folder: Path, resources: Sequence[ResourceConfig], places: Sequence[Place], problems: list[Problem]
) -> list[ResourceConfig]:
    """Returns the resources, each with the columns that its tag requires; appends contradictions to `problems`.

    Args:
        folder: The source folder; `tags.yaml` is in the folder above it.
        resources: Resources with the values of `source:` applied.
        places: The place of each resource in its file.
        problems: Problems found so far.
    """
    if not any(resource.tag for resource in resources):
        return list(resources)
    try:
        tags = load_tags(folder.parent / TAGS_FILE)
    except ConfigError as error:
        problems += error.problems
        return list(resources)
    for resource, place in zip(resources, places, strict=True):
        problems += [place.problem(message, f"{resource.destination}: {key}")
                     for key, message in _misfits(resource, tags)]  # fmt: skip
    return [resource.with_contract(_required(resource, tags)) for resource in resources]


def _required(resource: ResourceConfig, tags: Tags) -> tuple[RequiredColumn, ...]:
    requires = tags.get(resource.tag or "", {})
    return tuple(RequiredColumn(name, kind, resource.columns_from.get(name, name)) for name, kind in requires.items())


def _misfits(resource: ResourceConfig, tags: Tags) -> Iterator[tuple[str, str]]:
    """Yields key and message of each contradiction between a resource and its tag."""
    if not resource.tag:
        return
    if resource.tag not in tags:
        known = ", ".join(tags) or f"none, dlthub/{TAGS_FILE} registers them: {EXAMPLE}"
        yield "tag", f"unknown tag '{resource.tag}'; accepted: {known}{nearest(resource.tag, list(tags))}"
        return
    requires = tags[resource.tag]
    for name in resource.columns_from:
        if name not in requires:
            hint = nearest(name, list(requires))
            yield "columns_from", f"'{name}' is no column of the tag; accepted: {', '.join(requires)}{hint}"
    declared = {name: hints.data_type for name, hints in resource.columns.items() if hints.data_type}
    for required in _required(resource, tags):
        kind = declared.get(required.column)
        if kind and not required.takes(kind):
            message = f"{required.column} is {kind} and tag {resource.tag} needs {required.name} as {required.accepted}"
            yield "columns", message
