"""`discovered.yaml` of a source folder: what `foundation discover` found for the resources that stand for several."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_foundation.config.yaml_document import load_yaml
from data_foundation.errors import ConfigError, Problem

DISCOVERED_FILE = "discovered.yaml"
CODE = "code"
"""Key of the digests of the code; every other key is a destination, which has a dot."""

Hints = Mapping[str, Any]
"""What is known of one table, by key of `sources.yaml`."""


@dataclass(frozen=True)
class Discovered:
    """The content of a `discovered.yaml`.

    Attributes:
        tables: By destination as it is written, with `{table}`: the name of each table at its origin, and its hints.
        code: A digest of each Python file of the folder as it was then, by path relative to the folder.
    """

    tables: Mapping[str, Mapping[str, Hints]] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)

    def of(self, raw: Mapping[str, Any]) -> Mapping[str, Hints]:
        """Returns the tables that a resource in its unchecked form stands for; none if they are not known yet."""
        return self.tables.get(str(raw.get("destination")), {})


def read_discovered(folder: Path) -> Discovered:
    """Returns the content of a folder's `discovered.yaml`; empty if there is no such file.

    Raises:
        ConfigError: The file is not as `foundation discover` writes it.
    """
    file = folder / DISCOVERED_FILE
    document = load_yaml(file) if file.is_file() else None
    content = dict((document.value or {}) if document else {})
    try:
        code = {str(name): str(digest) for name, digest in content.pop(CODE, {}).items()}
        tables = {
            str(destination): {str(name): _hints(known) for name, known in found.items()}
            for destination, found in content.items()
        }
    except (AttributeError, TypeError, ValueError):
        message = f"is not in the form that discover writes; delete it and run `foundation discover {folder.name}`"
        raise ConfigError([Problem(file, message)]) from None
    return Discovered(tables, code)


def digest_code(folder: Path) -> Mapping[str, str]:
    """Returns a digest of each Python file of a source folder, by path relative to it."""
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()[:12]
        for file in sorted(folder.rglob("*.py"))
    }


def find_changed_code(folder: Path) -> str:
    """Returns how the code of a source folder has changed since its resources were discovered; "" if it has not."""
    before = read_discovered(folder).code
    now = digest_code(folder) if before else {}
    changes = [
        f"{name} {'is gone' if name not in now else 'is new' if name not in before else 'has changed'}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]
    return ", ".join(changes)


def _hints(known: Any) -> Hints:
    """Returns the hints of a table; a list is the primary key of a database's table."""
    if isinstance(known, list):
        return {"primary_key": [str(column) for column in known]} if known else {}
    return dict(known or {})
