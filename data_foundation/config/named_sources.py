"""The blocks of `sources:`, each a dlt source by name, whose keys hold for the resources that it lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from data_foundation.config.grammar import NamedSource, ResourceConfig
from data_foundation.config.messages import explain_validation
from data_foundation.config.yaml_document import Document
from data_foundation.errors import Problem
from data_foundation.suggestions import nearest


class NamedSources:
    """The blocks of one file.

    Attributes:
        found: The problems of the blocks themselves.
    """

    def __init__(self, document: Document) -> None:
        self.found: list[Problem] = []
        self._document = document
        self._blocks: dict[str, NamedSource] = {}
        raw = document.value.get("sources") or {}
        if not isinstance(raw, Mapping):
            message = "accepted is a mapping of names, each with the `resources` that it lists"
            self.found.append(document.problem(("sources",), message))
            return
        for name, block in raw.items():
            self._read(str(name), block)

    def _read(self, name: str, raw: Any) -> None:
        try:
            self._blocks[name] = NamedSource.model_validate(raw)
        except ValidationError as error:
            self.found += [self._document.problem(("sources", name, *path), message)
                           for path, message in explain_validation(NamedSource, raw, error)]  # fmt: skip

    def apply(self, resource: ResourceConfig) -> ResourceConfig:
        """Returns the resource with the keys of the block that lists it, which it does not set itself."""
        for block in self._blocks.values():
            if _lists(block, resource):
                return resource.inherit(block)
        return resource

    def problems(self, resources: Sequence[ResourceConfig]) -> Iterator[Problem]:
        """Yields a Problem for each block that does not fit the resources of the folder, as they are without it."""
        names = [resource.destination for resource in resources]
        owners: dict[str, str] = {}
        for name, block in self._blocks.items():
            for listed in block.resources:
                if not any(listed in _names(resource) for resource in resources):
                    message = f"'{listed}' is no resource of this folder, which has {', '.join(names)}"
                    yield self._problem(name, "resources", f"{message}{nearest(listed, names)}")
            for resource in resources:
                if not _lists(block, resource):
                    continue
                if other := owners.get(resource.destination):
                    message = f"{resource.destination} is listed by sources.{other} too; leave it out of one of them"
                    yield self._problem(name, "resources", message)
                owners[resource.destination] = name
                yield from self._contradictions(name, block, resource)

    def _contradictions(self, name: str, block: NamedSource, resource: ResourceConfig) -> Iterator[Problem]:
        """Yields a Problem for each key of which other projects take the block's value, and this one the resource's."""
        both = resource.inherit(block)
        for key, ours, theirs in (
            ("automation", both.automation, block.schedule),
            ("freshness", both.freshness, block.maximum_age),
        ):
            if theirs and ours != theirs:
                message = f"{resource.destination} has another {key} of its own; leave it out here or there"
                yield self._problem(name, "meta" if "meta" in block.model_fields_set else key, message)

    def _problem(self, name: str, key: str, message: str) -> Problem:
        return self._document.problem(("sources", name, key), message)


def _names(resource: ResourceConfig) -> tuple[str, str]:
    return resource.destination, resource.table


def _lists(block: NamedSource, resource: ResourceConfig) -> bool:
    return any(name in block.resources for name in _names(resource))
