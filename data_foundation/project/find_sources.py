"""All source folders below `dlthub/`: those that are in order, and those that are broken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from data_foundation.config.alerts.file import ALERTS_FILE, load_alerts
from data_foundation.config.grammar import ResourceConfig
from data_foundation.config.several.source_tables import UNBOUND
from data_foundation.config.table_names import (
    child_table_of,
    further_table_of,
    hub_table,
    satellite_table,
    satellites_table,
    table_name_of,
)
from data_foundation.config.tags import TAGS_FILE, load_tags
from data_foundation.errors import ConfigError, EntryError, Place, Problem
from data_foundation.naming import UNICODE, TableName, normalize
from data_foundation.project.dlt_source import needs_bind
from data_foundation.project.effective import show_hints
from data_foundation.project.entry import EntryFacts, EntryPlace, check_arguments, find_entry, read_facts
from data_foundation.project.entry_text.several_resources import refuse_resources_in_text
from data_foundation.project.python_resources import PYTHON_FILE, load_python_resources
from data_foundation.project.source import SOURCES_FILE, SourceConfig, load_source_config
from data_foundation.project.source_folder import find_folder_problems
from data_foundation.readers.registry import find_argument_problems

SOURCE_KEY = "source"
"""First part of the asset keys of the external assets that represent the source folders."""

LONGEST_NAME = 200
"""Most characters of dataset and table together: dlt names a folder after both; file names have at most 255."""


@dataclass(frozen=True)
class FoundEntry:
    """Place and facts of a resource's entry."""

    place: EntryPlace
    facts: EntryFacts


@dataclass(frozen=True)
class FoundSource:
    """A source folder without a problem.

    Attributes:
        config: The configuration.
        entries: The entries of the resources of `config`, in the same order.
    """

    config: SourceConfig
    entries: tuple[FoundEntry, ...]


@dataclass(frozen=True)
class BrokenSource:
    """A source folder with problems; none of its resources is loaded."""

    folder: Path
    problems: tuple[Problem, ...]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name


def find_sources(root: Path) -> tuple[list[FoundSource], list[BrokenSource]]:
    """Walks `root/dlthub/*/` and returns the sources that are in order and those that are broken.

    No `data.py` is imported. A `definitions.py`, which declares resources in Python, is.
    """
    found: list[FoundSource] = []
    broken: list[BrokenSource] = []
    for folder in _source_folders(root / "dlthub"):
        source = _find_or_break(folder)
        if isinstance(source, FoundSource):
            found.append(source)
        else:
            broken.append(source)
    broken.extend(_broken_files(root))
    clashes = _duplicate_destinations(found)
    broken.extend(BrokenSource(source.config.folder, clashes[source.config.name]) for source in found
                  if source.config.name in clashes)  # fmt: skip
    return [source for source in found if source.config.name not in clashes], broken


def _broken_files(root: Path) -> Iterator[BrokenSource]:
    """Yields the files for all sources that have problems, each as a broken source, even if no resource needs them."""
    tags, alerts = root / "dlthub" / TAGS_FILE, root / "dlthub" / ALERTS_FILE
    for file, read in ((tags, partial(load_tags, tags)), (alerts, partial(load_alerts, root))):
        try:
            read()
        except ConfigError as error:
            yield BrokenSource(file, error.problems)


def _find_or_break(folder: Path) -> FoundSource | BrokenSource:
    try:
        return _find_source(folder)
    except ConfigError as error:
        return BrokenSource(folder, error.problems)
    except Exception as error:  # noqa: BLE001 - a fault in one folder must not hide the other sources
        return BrokenSource(folder, (Problem(folder, f"cannot be read: {type(error).__name__}: {error}"),))


def _source_folders(base: Path) -> Iterator[Path]:
    """Yields every folder with files of a source; a folder with only `__pycache__` is skipped."""
    if not base.is_dir():
        return
    for folder in sorted(base.iterdir()):
        if (
            folder.is_dir()
            and folder.name[0] not in "._"
            and any(not f.name.startswith(("__py", ".")) for f in folder.iterdir())
        ):
            yield folder


def _find_source(folder: Path) -> FoundSource:
    python = load_python_resources(folder) if (folder / PYTHON_FILE).is_file() else []
    if python and not (folder / SOURCES_FILE).exists():
        if problems := list(find_folder_problems(folder)):
            raise ConfigError(problems)
        config = SourceConfig.of_python(folder, folder / PYTHON_FILE, python)
    else:
        config = load_source_config(folder)
        config = config.with_resources(python, folder / PYTHON_FILE) if python else config
    problems = []
    entries: list[FoundEntry] = []
    known: dict[tuple[str, bool], FoundEntry] = {}
    for resource, place, hints in zip(config.resources, config.places, config.hints, strict=True):
        if message := _refuse_name(resource):
            problems.append(place.problem(message, f"{resource.destination}: destination"))
        try:
            entries.append(_find_entry(folder, resource, known))
        except EntryError as error:
            problems.append(place.problem(str(error), f"{resource.destination}: entry"))
        else:
            if missing := [name for name in hints.get(UNBOUND, ()) if name not in resource.bind]:
                problems.append(place.problem(needs_bind(str(resource.resource), missing), resource.destination))
            problems += [place.problem(message, f"{resource.destination}: {where}")
                         for where, message in find_argument_problems(folder.name, resource)]  # fmt: skip
    if problems:
        raise ConfigError(problems)
    entries = [
        _with_hints(entry, known) if known else entry for entry, known in zip(entries, config.hints, strict=True)
    ]
    shown = [show_hints(resource, entry.facts.hints) if entry.facts.hints else resource
             for resource, entry in zip(config.resources, entries, strict=True)]  # fmt: skip
    return FoundSource(config.model_copy(update={"resources": tuple(shown)}), tuple(entries))


def _refuse_name(resource: ResourceConfig) -> str:
    """Returns why the destination's name is refused; "" if it is accepted."""
    dataset, table = table_name_of(resource)
    if dataset == SOURCE_KEY:
        return f"the dataset '{SOURCE_KEY}' has the vendors' asset keys in Dagster; use another name, for instance raw"
    if table.startswith("_dlt"):
        return "tables that begin with _dlt are dlt's own; rename it"
    if table in {"_load_audit", "_load_starts"}:
        return f"{table} is part of the audit trail; rename it"
    if len(f"{dataset}{table}") > LONGEST_NAME:
        return f"has {len(f'{dataset}{table}')} characters; accepted are at most {LONGEST_NAME}"
    for name in (resource.dataset, resource.table, *resource.tables):
        if not name.isascii() and normalize(name).isascii():
            return (
                f"'{name}' has letters beyond a to z, for which names here have _ or x; set "
                f'`naming = "{UNICODE}"` in [schema] of .dlt/config.toml before the first load, or rename it'
            )
    return ""


def _find_entry(folder: Path, resource: ResourceConfig, known: dict[tuple[str, bool], FoundEntry]) -> FoundEntry:
    """Finds the entry of a resource; `known` caches the entries of its folder by path and by what they hold."""
    key = (resource.entry, resource.resource is None)
    if key not in known:
        place = find_entry(folder, resource.entry)
        known[key] = FoundEntry(place, read_facts(place))
        if resource.resource is None:
            refuse_resources_in_text(resource.entry, place)
    entry = known[key]
    misfit = check_arguments(entry.facts, resource.args, resource.kwargs, takes_item=bool(resource.data_from))
    if misfit and "'pipeline'" in misfit:
        misfit += ". Each table has a pipeline of its own, which the code reads by dlt.current.pipeline() as it runs"
    if misfit:
        raise EntryError(misfit)
    return entry


def _with_hints(entry: FoundEntry, hints: Mapping[str, Any]) -> FoundEntry:
    """Returns the entry of one resource of a dlt source, with what `discovered.yaml` knows of it."""
    facts = EntryFacts(entry.facts.line, hints.get("description"), entry.facts.signature, hints)
    return FoundEntry(entry.place, facts)


def _duplicate_destinations(sources: list[FoundSource]) -> Mapping[str, tuple[Problem, ...]]:
    """Returns problems by source name: resources whose names in the warehouse are the same table."""
    rows = [(s.config, *found) for s in sources for found in zip(s.config.resources, s.config.places, strict=True)]
    claims: dict[TableName, list[tuple[SourceConfig, Place, str]]] = defaultdict(list)
    for config, resource, place in rows:
        for key, spelling in _tables(config, resource):
            claims[key].append((config, place, spelling))
    for config, resource, place in rows:
        for table in (hub_table(resource), satellites_table(resource)) if resource.landing == "vault" else ():
            # All resources of a tag share these two tables; only another table of that name is a problem.
            if claimed := claims.get(TableName(table_name_of(resource).dataset, table)):
                claimed.append((config, place, f"{resource.destination}: tag"))
    problems: dict[str, list[Problem]] = defaultdict(list)
    for key, claimed in claims.items():
        for position, (config, place, spelling) in enumerate(claimed if len(claimed) > 1 else ()):
            others = ", ".join(
                f"dlthub/{other} ({text})" for index, (_, other, text) in enumerate(claimed) if index != position
            )
            message = f"'{spelling}' is table {key}, which is also the destination of {others}; rename one"
            problems[config.name].append(place.problem(message, "destination"))
    return {name: tuple(found) for name, found in problems.items()}


def _tables(config: SourceConfig, resource: ResourceConfig) -> Iterator[tuple[TableName, str]]:
    """Yields each table that belongs to one resource only, and the text that names it."""
    dataset, table = table_name_of(resource)
    yield TableName(dataset, table), resource.destination
    if lake := resource.lake:
        yield TableName(f"{lake.container}/{lake.folder}", table), str(lake)
    if resource.landing == "vault":
        yield TableName(dataset, satellite_table(config.name, resource)), f"{resource.destination}: landing"
    for child in resource.child_tables:
        yield child_table_of(resource, child), f"{resource.destination}: child_tables"
    for name in resource.tables:
        yield further_table_of(resource, name), f"{resource.destination}: tables"
