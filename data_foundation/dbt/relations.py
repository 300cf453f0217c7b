"""Reads what dbt has built: row counts, columns and column lineage of models, and columns of sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_foundation.dbt.column_lineage import Parents, find_column_lineage
from data_foundation.sql_text import quote_text

if TYPE_CHECKING:
    from data_foundation.warehouses.base import Query

Relation = tuple[str, str]
"""Schema and name of a table or view, in lower case."""


@dataclass(frozen=True)
class Relations:
    """The tables and views of a dbt project in the warehouse.

    Attributes:
        manifest: dbt's manifest.
        target: The target folder of the build, with its compiled SQL.
    """

    manifest: Mapping[str, Any]
    target: Path
    _columns: dict[Relation, dict[str, str]] = field(default_factory=dict, init=False)

    def find(self, unique_id: str) -> Mapping[str, Any]:
        """Returns the entry of a model or source in the manifest."""
        found: Mapping[str, Any] = self.manifest["nodes"].get(unique_id) or self.manifest["sources"][unique_id]
        return found

    def count_rows(self, unique_id: str, query: Query) -> int:
        """Returns the number of rows of a model. Views are counted too: their tests read all rows anyway."""
        return int(query(f"SELECT COUNT(*) FROM {self.find(unique_id)['relation_name']}")[0][0])  # noqa: S608 - quoted by dbt

    def read_columns(self, unique_id: str, query: Query) -> Mapping[str, str]:
        """Returns the data types of a relation's columns, by name."""
        relation = _relation(self.find(unique_id))
        self._read([relation], query)
        return self._columns[relation]

    def find_lineage(self, unique_id: str, query: Query) -> Mapping[str, list[tuple[str, str]]]:
        """Returns for each column of a model the columns that it is computed from, each as unique id and name.

        Returns {} for a seed or snapshot, which has no compiled SQL, and for SQL that cannot be parsed.
        """
        node = self.find(unique_id)
        compiled = self.target / "compiled" / node["package_name"] / node["original_file_path"]
        if node["resource_type"] != "model" or not compiled.is_file():
            return {}
        upstream = {_relation(self.find(parent)): parent for parent in self._find_parents(unique_id)}
        self._read(upstream, query)
        parents: Parents = {relation: self._columns[relation] for relation in upstream}
        own = {name.lower(): name for name in self.read_columns(unique_id, query)}
        dialect = self.manifest["metadata"]["adapter_type"]
        found = find_column_lineage(compiled.read_text(encoding="utf-8"), dialect, parents)
        return {
            own[column.lower()]: [(upstream[table], name) for table, name in sorted(deps)]
            for column, deps in found.items()
            if column.lower() in own
        }

    def _find_parents(self, unique_id: str) -> set[str]:
        """Returns the relations that a model reads; of an ephemeral model, those that it reads in turn."""
        parents: set[str] = set()
        for parent in self.find(unique_id).get("depends_on", {}).get("nodes", ()):
            if not self._is_relation(parent):
                continue
            is_ephemeral = self.find(parent).get("config", {}).get("materialized") == "ephemeral"
            parents |= self._find_parents(parent) if is_ephemeral else {parent}
        return parents

    def _is_relation(self, unique_id: str) -> bool:
        """Whether it is a model or a source, and not, for instance, a function."""
        return unique_id in self.manifest["nodes"] or unique_id in self.manifest["sources"]

    def _read(self, relations: Iterable[Relation], query: Query) -> None:
        """Reads the columns of those relations that were not read before."""
        missing = [relation for relation in relations if relation not in self._columns]
        if not missing:
            return
        self._columns.update((relation, {}) for relation in missing)
        names = " OR ".join(
            f"(LOWER(table_schema) = {quote_text(schema)} AND LOWER(table_name) = {quote_text(name)})"
            for schema, name in missing
        )
        sql = (
            "SELECT LOWER(table_schema), LOWER(table_name), column_name, data_type FROM information_schema.columns "  # noqa: S608 - names of the manifest
            f"WHERE {names} ORDER BY ordinal_position"
        )
        for schema, table, column, data_type in query(sql):
            # Snowflake stores a name without quotes in upper case; everybody writes it in lower case.
            name = column.lower() if self.manifest["metadata"]["adapter_type"] == "snowflake" else column
            self._columns[schema, table][name] = data_type


def _relation(node: Mapping[str, Any]) -> Relation:
    return node["schema"].lower(), (node.get("identifier") or node["alias"]).lower()
