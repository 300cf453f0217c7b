"""`foundation discover`: lists the tables of databases that match a pattern and writes them into the source folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml
from typing_extensions import override

from data_foundation.config.table_patterns import (
    DISCOVERED_FILE,
    DiscoveredTables,
    kwargs_of,
    read_discovered,
    stands_for_many,
)
from data_foundation.config.yaml_document import load_yaml
from data_foundation.errors import FoundationError
from data_foundation.project.source import SOURCES_FILE, read_raw_resources
from data_foundation.readers.sql.database_settings import find_connection
from data_foundation.readers.sql.table_reader import open_database
from data_foundation.suggestions import nearest

_HEADER = """\
# Written by `foundation discover {name}`: by destination the tables that match, each with its primary key.
# Commit it: assets are built from it without a connection. To leave a table out: ["crm_*", "!crm_tmp*"].
"""


@dataclass(frozen=True)
class Discovery:
    """The result for one resource with `tables`.

    Attributes:
        source: The folder's name.
        destination: The destination as it is written, with `{table}`.
        tables: Number of tables that match.
        new: Tables that were not in `discovered.yaml`.
        gone: Tables of `discovered.yaml` that no longer exist or match.
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
    """Lists the matching tables in the databases of sources, writes `discovered.yaml`, and yields the results.

    Args:
        root: The repository.
        names: Names of source folders; if empty, all folders that have a resource with `tables`.

    Raises:
        FoundationError: A folder does not exist or has no resource with `tables`, a database cannot be reached, or a
            pattern matches no table.
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
    now: DiscoveredTables = {str(raw.get("destination")): _matching(folder, raw) for raw in many}
    if now != before:
        plain = {place: {table: list(key) for table, key in tables.items()} for place, tables in now.items()}
        text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, default_flow_style=None)
        (folder / DISCOVERED_FILE).write_text(_HEADER.format(name=folder.name) + text, encoding="utf-8")
    for place, tables in now.items():
        known = before.get(place, {})
        new, gone = (tuple(sorted(set(one) - set(other))) for one, other in ((tables, known), (known, tables)))
        yield Discovery(folder.name, place, len(tables), new, gone)


def _matching(folder: Path, raw: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """Returns the tables that match the patterns of a resource, ordered by name, each with its primary key."""
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
    """Returns True if the patterns select a table. `!` excludes; case is ignored, as in most databases."""
    name = table.lower()
    wanted = [pattern.lower() for pattern in patterns if not pattern.startswith("!")]
    unwanted = [pattern[1:].lower() for pattern in patterns if pattern.startswith("!")]
    return any(fnmatchcase(name, one) for one in wanted or ["*"]) and not any(
        fnmatchcase(name, one) for one in unwanted
    )
