"""The YAML of dbt's sources, made from what was loaded: every table with its columns, types and descriptions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import dlt
import yaml

from data_foundation.config.table_names import child_table_of, satellite_table, table_name_of
from data_foundation.loading.read_back import read_columns
from data_foundation.naming import TableName, normalize
from data_foundation.project.find_sources import find_sources
from data_foundation.vault.dlt_tables import newest_satellite

if TYPE_CHECKING:
    from dlt.common.destination import Destination

    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.project.find_sources import BrokenSource, FoundEntry
    from data_foundation.warehouses.base import Warehouse

DBT_SOURCES_FILE = Path("dbt_project", "models", "sources.yml")
"""Where dbt reads what `build_dbt_sources` returns, relative to the repository."""

SUFFIX = "{{ env_var('DBT_SCHEMA_SUFFIX', '') }}"
"""What sets the schemas of one deployment apart from another's."""

HEADER = """\
# Written by `foundation dbt-sources` from what was loaded, each time anew: tests belong to the models that read a
# table. Data types are dlt's, so that the file is the same for every warehouse.
"""

JOINING = {
    "_dlt_id": "dlt's id of the row; items of the row's lists carry it as `_dlt_parent_id`.",
    "_dlt_parent_id": "`_dlt_id` of the row that the item belongs to.",
    "_dlt_list_idx": "Place of the item in its list, from 0.",
}
"""dlt's own columns that models need: those that join a nested table to the one it belongs to."""

Table = dict[str, Any]
"""A table, or a column, as dbt's YAML has it."""
Columns = Mapping[str, Mapping[str, Any]]
"""dlt's hints by column name."""


def build_dbt_sources(root: Path, warehouse: Warehouse) -> str:
    """Returns the YAML of one dbt source per dataset, with a table for every resource and every declared child table.

    What was never loaded is listed with the columns that its configuration names, so that a model that reads it still
    parses; a comment says so. The same tables give the same text, in whichever order their columns arrived.

    Args:
        root: The repository.
        warehouse: Holds what was loaded.

    Raises:
        WarehouseError: The warehouse cannot be used.
    """
    found, broken = find_sources(root)
    datasets: dict[str, dict[str, Table]] = defaultdict(dict)
    incomplete: list[str] = []
    with TemporaryDirectory() as folder, warehouse.open() as destination:
        for source in found:
            for resource, entry in zip(source.config.resources, source.entries, strict=True):
                if resource.lands_in not in (None, warehouse.kind):
                    continue  # dbt reads one warehouse
                dataset, _ = table_name_of(resource)
                loaded = _read_columns(resource, warehouse.dataset(dataset), destination, folder)
                tables = {table["name"]: table for table in _describe(resource, entry, loaded)}
                if resource.landing == "vault":
                    _, name = table_name_of(resource)
                    tables[name] = {"name": name, "identifier": satellite_table(source.config.name, resource)} | tables[
                        name
                    ]
                datasets[dataset] |= tables
                incomplete += [f"{dataset}.{name}" for name in tables if name not in loaded]
    sources = [
        {"name": dataset, "schema": dataset + SUFFIX, "tables": [table for _, table in sorted(tables.items())]}
        for dataset, tables in sorted(datasets.items())
    ]
    return HEADER + _remarks(incomplete, broken) + _to_yaml({"sources": sources})


def _read_columns(
    resource: ResourceConfig, schema: str, destination: Destination[Any, Any], folder: str
) -> Mapping[str, Columns]:
    """Returns the columns of each table of a resource as its last load left them; nothing where it was never loaded.

    The schema comes from the warehouse, into a working folder of its own: the one of the loader is left alone.
    """
    dataset, table = table_name_of(resource)
    name = TableName(dataset, table).pipeline
    pipeline = dlt.pipeline(name, pipelines_dir=folder, destination=destination, dataset_name=schema)
    pipeline.sync_destination(destination, dataset_name=schema)
    tables: Mapping[str, Any] = pipeline.default_schema.tables if pipeline.default_schema_name else {}
    if satellite := newest_satellite(tables):
        return {table: read_columns(tables, satellite)}
    return {name: read_columns(tables, name) for name, found in tables.items() if name == table or found.get("parent")}


def _describe(resource: ResourceConfig, entry: FoundEntry, loaded: Mapping[str, Columns]) -> Iterator[Table]:
    """Yields the resource's table, then its declared child tables."""
    dataset, name = table_name_of(resource)
    hints = {normalize(column): hint for column, hint in resource.columns.items()}
    columns = loaded.get(name) or {column: {"data_type": hint.data_type} for column, hint in hints.items()}
    # Columns arrive in the order of the first rows that have them: those that a person described come first.
    named = [column for column in hints if column in columns]
    named += sorted(column for column in columns if column not in hints and not column.startswith("_dlt_"))
    listed = [
        _column(column, columns[column].get("data_type"), hints[column].description, is_pii=bool(hints[column].pii))
        if column in hints
        else _column(column, columns[column].get("data_type"))
        for column in named
    ]
    joining = [_joining_column("_dlt_id", "text")] if resource.child_tables else []
    yield _table(name, resource.description or entry.facts.docstring, [*listed, *joining])
    for child in resource.child_tables:
        _, child_name = child_table_of(resource, child)
        items = loaded.get(child_name, {})
        listed = [_column(column, items[column]["data_type"]) for column in sorted(items) if column[:5] != "_dlt_"]
        joining = [_joining_column("_dlt_parent_id", "text"), _joining_column("_dlt_list_idx", "bigint")]
        text = f"`{child}` of {dataset}.{name}: a row per item, joined by _dlt_parent_id = _dlt_id."
        yield _table(child_name, text, [*listed, *joining])


def _table(name: str, description: str | None, columns: Sequence[Table]) -> Table:
    return {"name": name, "description": _text(description or ""), "columns": list(columns)}


def _column(name: str, data_type: str | None, description: str | None = None, *, is_pii: bool = False) -> Table:
    column: Table = {"name": name, "data_type": data_type, "description": description and _text(description)}
    column["config"] = {"meta": {"pii": True}} if is_pii else None
    return {key: value for key, value in column.items() if value}


def _joining_column(name: str, data_type: str) -> Table:
    return _column(name, data_type, JOINING[name])


def _text(description: str) -> str:
    """Returns a description that dbt, to which it is a Jinja template, shows as it was written."""
    is_template = any(mark in description for mark in ("{{", "{%", "{#"))
    return f"{{% raw %}}{description}{{% endraw %}}" if is_template else description


def _remarks(incomplete: Sequence[str], broken: Sequence[BrokenSource]) -> str:
    lines = []
    if incomplete:
        lines.append(f"# Not loaded yet, so only known from sources.yaml: {', '.join(sorted(incomplete))}.")
    if broken:
        lines.append(f"# Broken, so not listed: {', '.join(sorted(f'dlthub/{source.name}' for source in broken))}.")
    return "".join(f"{line}\n" for line in lines)


def _to_yaml(document: Mapping[str, Any]) -> str:
    """Returns the document with a line for each column."""
    return yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=10_000, allow_unicode=True)
