"""Collects what the page of one table shows: its rows, columns, loads, the history of its schema, and who reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from data_foundation.audit.read import Trail, read_trail
from data_foundation.config.table_names import landing_table_of, table_name_of, tables_of
from data_foundation.dbt.command import read_manifest
from data_foundation.dbt.selection import Lineage
from data_foundation.errors import FoundationError
from data_foundation.inspection.schema_history import SchemaVersion, read_history, read_newest_schema
from data_foundation.inspection.tables import show_table
from data_foundation.naming import TableName

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.inspection.select import Rows
    from data_foundation.project.find_sources import FoundSource
    from data_foundation.project.source import SourceConfig
    from data_foundation.ui.look import Look
    from data_foundation.warehouses.base import Warehouse

ROWS = 50
"""Rows that are shown."""

ATTEMPTS = 200
"""Newest attempts that are plotted."""

QUERY_SECONDS = 20
"""How long the warehouse works for one page before it stops."""

Part = TypeVar("Part")


@dataclass
class TablePage:
    """What is known of one table.

    Attributes:
        name: dataset.table as it is configured.
        table: The same as a query of this deployment names it.
        source: The source that fills it, "" for what no source fills.
        description: What it holds, as it is configured.
        rows: Its first rows, None if they cannot be read.
        trail: Its newest attempts.
        versions: The versions of its schema, the oldest first.
        columns: dlt's column schemas by table, its own first, then those of the resource's other tables.
        models: The dbt models that read it, each schema.name.
        problems: Why a part is missing, by part.
    """

    name: str
    table: str
    source: str = ""
    description: str = ""
    rows: Rows | None = None
    trail: Trail = field(default_factory=lambda: Trail(()))
    versions: Sequence[SchemaVersion] = ()
    columns: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    models: Sequence[str] = ()
    problems: dict[str, str] = field(default_factory=dict)

    def read(self, part: str, reading: Callable[[], Part], otherwise: Part) -> Part:
        """Returns a part of the page, or `otherwise` with the reason in `problems`."""
        try:
            return reading()
        except FoundationError as error:
            self.problems[part] = str(error)
            return otherwise


def make_table_page(root: Path, name: str, sources: Sequence[FoundSource], look: Look) -> TablePage:
    """Returns what is known of the table `dataset.table`; each part that cannot be read is a sentence instead."""
    source, resource = _find_resource(name, sources)
    home = look.warehouse
    warehouse = home.serving(resource) if resource else home
    table = landed = TableName.parse(name)
    if source and resource and table == table_name_of(resource):
        landed = landing_table_of(source.name, resource)
    seconds = QUERY_SECONDS
    full = f"{warehouse.dataset(landed.dataset)}.{landed.table}"
    page = TablePage(name, full, source.name if source else "")
    if resource and table == table_name_of(resource):
        page.description = resource.description or ""
    page.rows = page.read("rows", lambda: look.read(lambda: show_table(warehouse, full, ROWS, seconds), seconds), None)
    page.trail = look.read_attempts(lambda: read_trail(home, name, last=ATTEMPTS))
    page.trail = Trail(tuple(one for one in page.trail.attempts if one.asset == name), page.trail.unreachable)
    owner = table_name_of(resource) if resource else table
    if resource:
        page.versions = page.read("schema", lambda: look.read(lambda: _read_versions(warehouse, owner)), ())
        if page.versions:
            # Those of its own table come first.
            columns = page.versions[-1].columns
            page.columns = {one: columns[one] for one in sorted(columns, key=lambda one: one != landed.table)}
    page.models = find_models(root, table, look)
    return page


def _read_versions(warehouse: Warehouse, table: TableName) -> Sequence[SchemaVersion]:
    """Returns all versions of a schema; of a lake, which keeps no history, the newest."""
    return [read_newest_schema(warehouse, table)] if warehouse.format else read_history(warehouse, table)


def find_models(root: Path, table: TableName, look: Look) -> list[str]:
    """Returns the dbt models that read a table, as the newest manifest has them; none without a manifest."""
    lineage = _read_lineage(root, look)
    return lineage.find_models([table]) if lineage else []


def find_model_names(root: Path, look: Look) -> frozenset[str]:
    """Returns schema.name of every dbt model of the newest manifest, in lower case."""
    lineage = _read_lineage(root, look)
    return frozenset(name.lower() for name in lineage.names()) if lineage else frozenset()


def _read_lineage(root: Path, look: Look) -> Lineage | None:
    """Returns the lineage of the newest manifest, None if dbt has not run, or is just writing it."""
    try:
        return Lineage(read_manifest(root, look.warehouse))
    except (OSError, ValueError):
        return None


def _find_resource(name: str, sources: Sequence[FoundSource]) -> tuple[SourceConfig | None, ResourceConfig | None]:
    """Returns the resource that fills a table, and its source."""
    for source in sources:
        for resource in source.config.resources:
            if name in map(str, tables_of(resource)):
                return source.config, resource
    return None, None
