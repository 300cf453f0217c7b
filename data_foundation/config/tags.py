"""`dlthub/tags.yaml`: by tag, the columns and types that a use case requires of any source."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from data_foundation.config.scalars import DataType
from data_foundation.config.yaml_document import YamlDocument, load_yaml
from data_foundation.errors import ConfigError, Problem
from data_foundation.suggestions import nearest

TAGS_FILE = "tags.yaml"
EXAMPLE = "transactions: {requires: {date: date, amount: decimal, description: text}}"

WIDER: Mapping[str, frozenset[str]] = {
    "decimal": frozenset({"bigint", "wei"}),
    "wei": frozenset({"bigint"}),
    "double": frozenset({"bigint", "decimal", "wei"}),
    "timestamp": frozenset({"date"}),
}
"""By type, the types that it can represent without loss. Text is not one: its values are known only row by row."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ACCEPTED_NAME = "accepted: a lower-case letter, then such letters, digits and _"
_LONGEST = 40
"""Most characters of a tag: tables are named after it."""


@dataclass(frozen=True)
class RequiredColumn:
    """A column that a tag requires of a resource.

    Attributes:
        name: The column's name in the tag.
        data_type: The required dlt type.
        column: The column's name in the rows of the resource.
    """

    name: str
    data_type: str
    column: str

    def takes(self, data_type: str | None) -> bool:
        """Returns True if a column of this type is accepted."""
        return data_type == self.data_type or data_type in WIDER.get(self.data_type, ())

    @property
    def accepted(self) -> str:
        """The accepted types, for a message."""
        return ", ".join((self.data_type, *sorted(WIDER.get(self.data_type, ()))))


Tags = Mapping[str, Mapping[str, str]]
"""By tag, the required columns, each with its dlt type."""


def load_tags(file: Path) -> Tags:
    """Reads and checks `tags.yaml`; returns no tags if the file does not exist.

    Raises:
        ConfigError: With every problem of the file at once.
    """
    if not file.exists():
        return {}
    document = load_yaml(file)
    if problems := list(_problems(document)):
        raise ConfigError(problems)
    return {name: dict(tag["requires"]) for name, tag in (document.value or {}).items()}


def _problems(document: YamlDocument) -> Iterator[Problem]:
    if not isinstance(document.value, dict | None):
        yield document.problem((), f"accepted is a mapping of tags: {EXAMPLE}")
        return
    for name, tag in (document.value or {}).items():
        if not _NAME.fullmatch(str(name)) or len(str(name)) > _LONGEST:
            yield document.problem((name,), f"got '{name}'; {_ACCEPTED_NAME}, at most {_LONGEST}")
        if not isinstance(tag, dict):
            yield document.problem((name,), f"accepted is a mapping: {EXAMPLE}")
            continue
        for key in tag:
            if key != "requires":
                hint = nearest(str(key), ["requires"])
                yield document.problem((name, key), f"unknown key '{key}'; accepted: requires{hint}")
        yield from _column_problems(document, name, tag.get("requires"))


def _column_problems(document: YamlDocument, tag: str, requires: Any) -> Iterator[Problem]:
    types = get_args(DataType)
    if not requires or not isinstance(requires, dict):
        yield document.problem((tag, "requires"), f"needs at least one column with its type: {EXAMPLE}")
        return
    for column, data_type in requires.items():
        path = (tag, "requires", column)
        if not _NAME.fullmatch(str(column)):
            yield document.problem(path, f"got '{column}'; {_ACCEPTED_NAME}")
        if data_type not in types:
            hint = nearest(str(data_type), types)
            yield document.problem(path, f"got '{data_type}'; accepted: {', '.join(types)}{hint}")
