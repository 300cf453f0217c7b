"""The words that the sources of a repository use, which editors offer in `sources.yaml`; no code is imported."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from data_foundation.config.tags import TAGS_FILE, load_tags
from data_foundation.config.yaml_document import load_yaml
from data_foundation.errors import ConfigError, EntryError
from data_foundation.project.module_text import FUNCTIONS, is_dlt_name, read_definitions
from data_foundation.project.source import SOURCES_FILE, read_raw_resources

_OF_ONE_ROW = "job_id"
"""The tag whose value is another one in each resource."""


@dataclass(frozen=True)
class TreeWords:
    """The words of one repository, each list sorted.

    Attributes:
        tags: By key of `tags:`, the values that it has somewhere.
        uses: By tag of `tags.yaml`, the columns that it requires.
        sources: Dotted paths of the functions that are dlt sources.
    """

    tags: Mapping[str, list[str]] = field(default_factory=dict)
    uses: Mapping[str, list[str]] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, root: Path) -> Self:
        """Returns the words of the folders in `root/dlthub`; a file that cannot be read has none."""
        folders = sorted(file.parent for file in (root / "dlthub").glob(f"*/{SOURCES_FILE}"))
        tags: dict[str, set[str]] = defaultdict(set)
        for folder in folders:
            for block in _blocks(folder / SOURCES_FILE):
                for key, value in _mapping(block.get("tags")).items():
                    tags[str(key)] |= {value} if isinstance(value, str) and key != _OF_ONE_ROW else set()
        try:
            uses = load_tags(root / "dlthub" / TAGS_FILE)
        except ConfigError:
            uses = {}
        return cls(
            {key: sorted(values) for key, values in sorted(tags.items())},
            {name: sorted(columns) for name, columns in sorted(uses.items())},
            sorted(path for folder in folders for path in _find_dlt_sources(folder)),
        )

    def add_to(self, definitions: Mapping[str, dict[str, Any]]) -> None:
        """Adds the words to the properties of models, as offers: every other value that is accepted stays so.

        Args:
            definitions: The `$defs` of the JSON Schema of `sources.yaml`, which is changed.
        """
        for model in definitions.values():
            properties = model.get("properties", {})
            if "tags" in properties:
                accepted = properties["tags"]["additionalProperties"]
                offers = {key: _offer(accepted, values) for key, values in self.tags.items()}
                properties["tags"] = {**properties["tags"], "properties": offers}
            if "columns_from" in properties:
                accepted = properties["columns_from"]["additionalProperties"]
                names = dict.fromkeys(sorted({name for columns in self.uses.values() for name in columns}), accepted)
                properties["columns_from"] = {**properties["columns_from"], "properties": names}
            for name, words in (("tag", list(self.uses)), ("source", self.sources)):
                if words and "anyOf" in properties.get(name, {}):
                    properties[name] = _offer(properties[name], words)


def _offer(accepted: Mapping[str, Any], words: list[str]) -> dict[str, Any]:
    """Returns a schema that accepts the same, of which an editor offers the words."""
    described = {key: value for key, value in accepted.items() if key in ("description", "default")}
    rest = {key: value for key, value in accepted.items() if key not in described}
    return {**described, "anyOf": [*([{"enum": words}] if words else []), *rest.get("anyOf", [rest])]}


def _blocks(file: Path) -> Iterator[Mapping[str, Any]]:
    """Yields each mapping of a file that may have tags: `source:`, the blocks of `sources:`, the resources."""
    try:
        document = load_yaml(file)
    except ConfigError:
        return
    value = _mapping(document.value)
    found = (
        value.get("source"),
        *_mapping(value.get("sources")).values(),
        *(r for _, r in read_raw_resources(document)),
    )
    yield from map(_mapping, found)


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _find_dlt_sources(folder: Path) -> Iterator[str]:
    """Yields the dotted path of each function of a folder's modules that has dlt's decorator `source`."""
    for file in sorted(folder.glob("*.py")):
        try:
            names, _ = read_definitions(file, file.read_bytes())
        except (EntryError, OSError):
            continue
        module = folder.name if file.stem == "__init__" else f"{folder.name}.{file.stem}"
        yield from (f"{module}.{name}" for name, node in names.items() if _is_source(node, names))


def _is_source(node: ast.stmt, names: Mapping[str, ast.stmt]) -> bool:
    return isinstance(node, FUNCTIONS) and any(is_dlt_name(one, "source", names) for one in node.decorator_list)
