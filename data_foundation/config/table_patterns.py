"""Resources with a pattern of tables, `tables: "crm_*"`, and the tables that `foundation discover` found for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from data_foundation.config.yaml_document import YamlDocument, load_yaml
from data_foundation.errors import ConfigError, Problem

DISCOVERED_FILE = "discovered.yaml"
ENTRY = "data_foundation.readers.sql.get_table"
PLACE = "{table}"
"""Placeholder for a table's own name in a destination."""

DiscoveredTables = Mapping[str, Mapping[str, tuple[str, ...]]]
"""By destination, as it is written: the discovered tables, each with its primary key."""

Raw = tuple[tuple[str | int, ...], Any]
"""The path of a resource in its document, and its unchecked value."""


def stands_for_many(raw: Any) -> bool:
    """Returns True if a resource in its unchecked form has `tables`, and so stands for every table that matches."""
    return isinstance(raw, Mapping) and raw.get("entry") == ENTRY and "tables" in kwargs_of(raw)


def kwargs_of(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the keyword arguments of a resource in its unchecked form, in either spelling of the key."""
    kwargs = raw.get("kwargs", raw.get("keyword_arguments"))
    return kwargs if isinstance(kwargs, Mapping) else {}


def read_discovered(folder: Path) -> DiscoveredTables:
    """Returns the content of a folder's `discovered.yaml`; empty if there is no such file.

    Raises:
        ConfigError: The file is not as `foundation discover` writes it.
    """
    file = folder / DISCOVERED_FILE
    document = load_yaml(file) if file.is_file() else None
    found = (document.value or {}) if document else {}
    try:
        return {
            str(destination): {str(table): tuple(map(str, key)) for table, key in tables.items()}
            for destination, tables in found.items()
        }
    except (AttributeError, TypeError):
        message = f"is not in the form that discover writes; delete it and run `foundation discover {folder.name}`"
        raise ConfigError([Problem(file, message)]) from None


def expand(folder: Path, resources: Iterable[Raw]) -> Iterator[Raw]:
    """Yields each resource; one with `tables` once for each table that has no resource of its own.

    Raises:
        ConfigError: `discovered.yaml` is not valid.
    """
    resources = list(resources)
    own = {raw.get("destination") for _, raw in resources if isinstance(raw, Mapping)}
    known = read_discovered(folder) if any(stands_for_many(raw) for _, raw in resources) else {}
    for path, raw in resources:
        if not stands_for_many(raw):
            yield path, raw
            continue
        for table, key in known.get(str(raw.get("destination")), {}).items():
            one = _of_table(raw, table, key)
            if one["destination"] not in own:
                yield path, one


def find_undiscovered(document: YamlDocument, resources: Iterable[Raw]) -> Iterator[Problem]:
    """Yields a Problem for each resource whose `tables` is misused, or whose tables are not discovered yet."""
    folder = document.file.parent
    for path, raw in resources:
        if not stands_for_many(raw) or raw.get("enabled") is False:
            continue
        destination = str(raw.get("destination"))
        if PLACE not in destination:
            message = f"got '{destination}'; with `tables` accepted is a name for each, for instance raw.crm_{PLACE}"
            yield document.problem((*path, "destination"), message)
        elif "table" in kwargs_of(raw):
            yield document.problem((*path, "kwargs"), "got table and tables; leave one of them out")
        elif not read_discovered(folder).get(destination):
            hint = (
                f"`foundation discover {folder.name}`, which connects, and commit the {DISCOVERED_FILE} that it writes"
            )
            yield document.problem((*path, "kwargs", "tables"), f"no table is known yet; run {hint}")


def _of_table(raw: Mapping[str, Any], table: str, key: tuple[str, ...]) -> dict[str, Any]:
    """Returns the unchecked resource of one table that a pattern matches."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", table)
    kwargs = {**kwargs_of(raw), "table": table}
    one = {name: value for name, value in raw.items() if name != "keyword_arguments"}
    one |= {"kwargs": kwargs, "destination": str(raw["destination"]).replace(PLACE, name)}
    return one if "primary_key" in raw or not key else {**one, "primary_key": list(key)}
