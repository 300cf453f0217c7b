"""Resources that stand for several tables, and the tables that `foundation discover` found for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from data_foundation.config.several.discovered import DISCOVERED_FILE, Discovered, Hints, read_discovered
from data_foundation.config.several.source_tables import SourceTables
from data_foundation.config.several.table_patterns import PLACE, TablePattern
from data_foundation.config.yaml_document import YamlDocument
from data_foundation.errors import Problem

Raw = tuple[tuple[str | int, ...], Any]
"""The path of a resource in its document, and its unchecked value."""


DOUBLED = "destination {} stands for the tables of two resources, which would be taken for each other's; rename one"


class Expanded(NamedTuple):
    """One resource in its unchecked form.

    Attributes:
        path: Its path in the document.
        raw: Its value.
        hints: What discovery knows of it, to be shown; a run reads the code itself.
    """

    path: tuple[str | int, ...]
    raw: Any
    hints: Hints


def find_several(raw: Any) -> TablePattern | SourceTables | None:
    """Returns what a resource in its unchecked form stands for, None if it is one table."""
    if isinstance(raw, Mapping):
        if TablePattern.matches(raw):
            return TablePattern(raw)
        if SourceTables.matches(raw):
            return SourceTables(raw)
    return None


def expand(folder: Path, resources: Iterable[Raw]) -> Iterator[Expanded]:
    """Yields each resource; one that stands for several once for each table that has no resource of its own.

    Raises:
        ConfigError: `discovered.yaml` is not valid.
    """
    resources = list(resources)
    own = {raw.get("destination") for _, raw in resources if isinstance(raw, Mapping)}
    several = [find_several(raw) for _, raw in resources]
    discovered = read_discovered(folder) if any(several) else Discovered()
    for (path, raw), stands_for in zip(resources, several, strict=True):
        if stands_for is None:
            yield Expanded(path, raw, {})
            continue
        for one, hints in stands_for.expand(discovered):
            if one["destination"] not in own:
                yield Expanded(path, one, hints)


def find_undiscovered(document: YamlDocument, resources: Iterable[Raw]) -> Iterator[Problem]:
    """Yields a Problem for each resource whose `tables` is misused, or whose tables are not discovered yet."""
    folder = document.file.parent
    found = [(path, raw, several) for path, raw in resources if (several := find_several(raw))]
    discovered = read_discovered(folder) if found else Discovered()
    known: set[str] = set()
    for path, raw, several in found:
        if raw.get("enabled", raw.get("selected")) is False:
            continue
        yield from (document.problem((*path, *keys), message) for keys, message in several.problems(discovered))
        destination = str(raw.get("destination"))
        if destination in known:
            yield document.problem((*path, "destination"), DOUBLED.format(destination))
        known.add(destination)
        if PLACE not in destination:
            message = f"got '{destination}'; with `tables` accepted is a name for each, for instance raw.crm_{PLACE}"
            yield document.problem((*path, "destination"), message)
        elif not discovered.of(raw):
            hint = f"`foundation discover {folder.name}`, which {several.needs}"
            message = f"no table is known yet; run {hint}, and commit the {DISCOVERED_FILE} that it writes"
            yield document.problem((*path, *several.tables_key), message)
