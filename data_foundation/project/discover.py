"""Databases asked which of their tables match: what `foundation discover` writes into a source folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml
from typing_extensions import override

from data_foundation.config.table_patterns import DISCOVERED_FILE, Found, kwargs_of, read_discovered, stands_for_many
from data_foundation.config.yaml_document import load_yaml
from data_foundation.errors import FoundationError
from data_foundation.project.source import SOURCES_FILE, read_raw_resources
from data_foundation.readers.sql.database_settings import find_connection
from data_foundation.readers.sql.table_reader import open_database
from data_foundation.suggestions import nearest

_HEADER = """\
# Written by `foundation discover {name}`: by destination the tables that match, each with its primary key.
# Commit it: assets are made of it where nothing connects. A table is left out in sources.yaml: ["crm_*", "!crm_tmp*"].
"""


@dataclass(frozen=True)
class Discovery:
    """What was found for one resource that stands for many.

    Attributes:
        source: The folder's name.
        destination: As it is written.
        tables: How many match.
        new: Those that were not known.
        gone: Those that were, and are there no more.
    """

    source: str
    destination: str
    tables: int
    new: tuple[str, ...]
    gone: tuple[str, ...]

    @override
    def __str__(self) -> str:
        changes = [f"{word}: {', '.join(names)}" for word, names in (("new", self.new), ("gone", self.gone)) if names]
        return f"{self.source}: {self.destination}: {self.tables} tables; {'; '.join(changes) or 'nothing has changed'}"


def discover(root: Path, names: Sequence[str]) -> Iterator[Discovery]:
    """Asks the databases of sources, writes down what is there, and yields what was found.

    Args:
        root: The repository.
        names: Of folders; all of those that have a resource with `tables` where there are none.

    Raises:
        FoundationError: There is no such folder, it has no such resource, a database cannot be asked, or a pattern
            matches nothing.
    """
    folders = {
        folder.name: folder for folder in sorted((root / "dlthub").iterdir()) if (folder / SOURCES_FILE).is_file()
    }
    for name in names:
        if name not in folders:
            raise FoundationError(f"there is no source '{name}'{nearest(name, list(folders))}")
    for name, folder in folders.items():
        if names and name not in names:
            continue
        many = [raw for _, raw in read_raw_resources(load_yaml(folder / SOURCES_FILE)) if stands_for_many(raw)]
        if many:
            yield from _discover(folder, many)
        elif names:
            raise FoundationError(
                f'no resource of {name} has `tables`; accepted is for instance kwargs: {{tables: "crm_*"}}'
            )


def _discover(folder: Path, many: Sequence[Mapping[str, Any]]) -> Iterator[Discovery]:
    before = read_discovered(folder)
    now: Found = {str(raw.get("destination")): _matching(folder, raw) for raw in many}
    if now != before:
        plain = {place: {table: list(key) for table, key in tables.items()} for place, tables in now.items()}
        text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, default_flow_style=None)
        (folder / DISCOVERED_FILE).write_text(_HEADER.format(name=folder.name) + text, encoding="utf-8")
    for place, tables in now.items():
        known = before.get(place, {})
        new, gone = (tuple(sorted(set(one) - set(other))) for one, other in ((tables, known), (known, tables)))
        yield Discovery(folder.name, place, len(tables), new, gone)


def _matching(folder: Path, raw: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """Returns the tables that a resource stands for, in the order of their names."""
    kwargs = kwargs_of(raw)
    given = kwargs["tables"]
    patterns = [given] if isinstance(given, str) else given
    if not isinstance(patterns, list) or not all(isinstance(pattern, str) for pattern in patterns):
        raise FoundationError(
            f"{folder.name}: tables: got {given!r}; accepted is a pattern, for instance crm_*, or a list"
        )
    connection = find_connection(folder.name, str(kwargs.get("connection")))
    with open_database(connection) as database:
        there = database.tables(kwargs.get("schema"))
    found = {table: there[table] for table in sorted(there) if _is_meant(table, patterns)}
    if not found:
        place = f"schema '{kwargs['schema']}'" if kwargs.get("schema") else "the search path"
        some = ", ".join(sorted(there)[:10]) or "nothing at all"
        raise FoundationError(f"{connection}: no table in {place} matches {', '.join(patterns)}; there is {some}")
    return found


def _is_meant(table: str, patterns: Sequence[str]) -> bool:
    """Tells whether patterns mean a table; one with ! in front takes out. Case does not count, as in most databases."""
    name = table.lower()
    wanted = [pattern.lower() for pattern in patterns if not pattern.startswith("!")]
    unwanted = [pattern[1:].lower() for pattern in patterns if pattern.startswith("!")]
    return any(fnmatchcase(name, one) for one in wanted or ["*"]) and not any(
        fnmatchcase(name, one) for one in unwanted
    )
