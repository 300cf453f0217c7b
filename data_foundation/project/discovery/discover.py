"""`foundation discover`: finds the tables that resources stand for, and writes them into the source folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from typing_extensions import override

from data_foundation.config.several.discovered import (
    CODE,
    DISCOVERED_FILE,
    Discovered,
    Hints,
    digest_code,
    read_discovered,
)
from data_foundation.config.several.expansion import DOUBLED, find_several
from data_foundation.config.several.source_tables import SourceTables
from data_foundation.config.several.table_patterns import TablePattern
from data_foundation.config.yaml_document import load_yaml
from data_foundation.errors import FoundationError
from data_foundation.project.discovery.matching_tables import find_tables
from data_foundation.project.discovery.source_resources import find_resources
from data_foundation.project.source import SOURCES_FILE, read_raw_resources
from data_foundation.suggestions import nearest

_HEADER = """\
# Written by `foundation discover {name}`: by destination the tables that it stands for, each with its primary key or
# with what the code of its resource declares; and a digest of that code.
# Commit it: assets are built from it without a connection, and no code runs. To leave a table out: ["*", "!tmp*"].
"""


_ALL_DISABLED = (
    "every source in sources.yaml has `enabled: false`; remove it from those that you want, then discover again"
)


@dataclass(frozen=True)
class Discovery:
    """The result for one resource that stands for several tables.

    Attributes:
        source: The folder's name.
        destination: The destination as it is written, with `{table}`.
        tables: Number of tables that match, or of resources of the source.
        new: Tables that were not in `discovered.yaml`.
        gone: Tables of `discovered.yaml` that no longer exist or match.
        changed: Tables whose keys or other hints have changed.
    """

    source: str
    destination: str
    tables: int
    new: tuple[str, ...]
    gone: tuple[str, ...]
    changed: tuple[str, ...] = ()

    @override
    def __str__(self) -> str:
        groups = (("new", self.new), ("gone", self.gone), ("changed", self.changed))
        changes = [f"{word}: {', '.join(names)}" for word, names in groups if names]
        count = f"{self.tables} table{'' if self.tables == 1 else 's'}"
        return f"{self.source}: {self.destination}: {count}; {'; '.join(changes) or 'nothing has changed'}"


def discover(root: Path, names: Sequence[str]) -> Iterator[Discovery]:
    """Finds the tables of databases and the resources of dlt sources, writes `discovered.yaml`, yields the results.

    Resources with `enabled: false` are left as they are known.

    Args:
        root: The repository.
        names: Names of source folders; if empty, all folders that have a resource that stands for several.

    Raises:
        FoundationError: A folder does not exist or has no such resource, a database cannot be reached, a pattern
            matches no table, or a source cannot be built.
    """
    folders = {
        folder.name: folder for folder in sorted((root / "dlthub").iterdir()) if (folder / SOURCES_FILE).is_file()
    }
    for name in names:
        if name not in folders:
            raise FoundationError(f"there is no source '{name}'{nearest(name, list(folders))}")
    errors: list[FoundationError] = []
    for name, folder in folders.items():
        if names and name not in names:
            continue
        try:
            yield from _discover_folder(folder, is_named=bool(names))
        except FoundationError as error:
            errors.append(error)
    if len(errors) > 1:
        raise FoundationError("\n".join(map(str, errors)))
    if errors:
        raise errors[0]


def _discover_folder(folder: Path, *, is_named: bool) -> Iterator[Discovery]:
    raws = [raw for _, raw in read_raw_resources(load_yaml(folder / SOURCES_FILE))]
    several = [found for raw in raws if (found := find_several(raw))]
    if any(map(_is_enabled, several)):
        yield from _discover(folder, several)
    elif is_named and several:
        raise FoundationError(f"{folder.name}: {_ALL_DISABLED}")
    elif is_named:
        raise FoundationError(
            f"no resource of {folder.name} stands for several tables; accepted is for instance source: "
            f'data.{folder.name}, or for a database kwargs: {{tables: "crm_*"}}'
        )


def _discover(folder: Path, several: Sequence[TablePattern | SourceTables]) -> Iterator[Discovery]:
    before = read_discovered(folder)
    places = [str(one.raw.get("destination")) for one in several]
    if doubled := next((place for place in places if places.count(place) > 1), ""):
        raise FoundationError(f"{folder.name}: {DOUBLED.format(doubled)}")
    enabled = {place: one for place, one in zip(places, several, strict=True) if _is_enabled(one)}
    tables = {place: _find(folder, one) for place, one in enabled.items()}
    others = {place: known for place, known in before.tables.items() if place in places}
    now = Discovered(others | tables, _digest(folder, several, before))
    if now != before:
        (folder / DISCOVERED_FILE).write_text(_HEADER.format(name=folder.name) + _as_yaml(now), encoding="utf-8")
    for place, found in tables.items():
        known = before.tables.get(place, {})
        new, gone = (tuple(sorted(set(one) - set(other))) for one, other in ((found, known), (known, found)))
        changed = tuple(sorted(name for name in {*found} & {*known} if found[name] != known[name]))
        yield Discovery(folder.name, place, len(found), new, gone, changed)


def _is_enabled(one: TablePattern | SourceTables) -> bool:
    return one.raw.get("enabled") is not False


def _digest(folder: Path, several: Sequence[TablePattern | SourceTables], before: Discovered) -> Mapping[str, str]:
    """Returns the digests of the code that was run; those that are known if it was not."""
    of_code = [_is_enabled(one) for one in several if isinstance(one, SourceTables)]
    return digest_code(folder) if any(of_code) else before.code if of_code else {}


def _find(folder: Path, one: TablePattern | SourceTables) -> Mapping[str, Hints]:
    return find_resources(folder, one) if isinstance(one, SourceTables) else find_tables(folder, one)


def _as_yaml(found: Discovered) -> str:
    """Returns the content of the file; a database's table has a list, its primary key."""
    content: dict[str, Any] = {
        place: {
            name: list(hints.get("primary_key", [])) if set(hints) <= {"primary_key"} else dict(hints)
            for name, hints in tables.items()
        }
        for place, tables in found.tables.items()
    }
    if found.code:
        content[CODE] = dict(found.code)
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120))
