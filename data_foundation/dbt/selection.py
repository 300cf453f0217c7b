"""Selects the dbt models that read certain tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data_foundation.naming import TableName

RELATIONS = ("model", "seed", "snapshot")
"""The types of nodes that dbt builds as a table or a view; an ephemeral model is neither."""


class Lineage:
    """Which models of a dbt project read which tables, themselves or through other models."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        """Reads the lineage.

        Args:
            manifest: The manifest of the project.
        """
        self._manifest = manifest
        self._sources = {
            f"{source['source_name']}.{source['name']}": key for key, source in manifest["sources"].items()
        }

    def select(
        self, tables: Iterable[TableName], absent: Iterable[TableName], existing: Collection[tuple[str, str]]
    ) -> list[str]:
        """Returns dbt's selectors of the models that read `tables`, none if no model does.

        What those models also read is selected too if it was never built: they could not be built without it.

        Args:
            tables: The tables; one that is no source of dbt is read by no model.
            absent: Tables whose models cannot be built.
            existing: Schema and name, in lower case, of every table and view of the warehouse.
        """
        read = [table for table in map(str, tables) if table in self._sources]
        models = self._models_of(read).keys() - self._models_of(map(str, absent)).keys()
        if not models:
            return []
        needed = self._relations(_walk(self._manifest["parent_map"], models) - models)
        unbuilt = [".".join(node["fqn"]) for node in needed.values() if _name_in_warehouse(node) not in existing]
        return [*(f"source:{table}+" for table in read), *unbuilt]

    def find_models(self, tables: Iterable[TableName], among: Iterable[TableName] | None = None) -> list[str]:
        """Returns schema.name of each model that reads one of `tables`, and one of `among` if that is given."""
        models = self._models_of(map(str, tables))
        kept = models if among is None else models.keys() & self._models_of(map(str, among)).keys()
        return sorted(f"{models[key]['schema']}.{models[key]['name']}" for key in kept)

    def names(self) -> list[str]:
        """Returns schema.name of every model, as it is in the warehouse."""
        return [".".join(_name_in_warehouse(node)) for node in self._relations(self._manifest["nodes"]).values()]

    def _models_of(self, tables: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        keys = [self._sources[table] for table in tables if table in self._sources]
        return self._relations(_walk(self._manifest["child_map"], keys))

    def _relations(self, keys: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """Returns the nodes that are tables or views, by key, in the order of the keys."""
        found = {key: self._manifest["nodes"].get(key) for key in sorted(keys)}
        return {key: node for key, node in found.items() if node and _is_relation(node)}


def _walk(edges: Mapping[str, Sequence[str]], start: Iterable[str]) -> set[str]:
    """Returns the nodes that can be reached from those of `start`."""
    reached: set[str] = set()
    waiting = list(start)
    while waiting:
        new = set(edges.get(waiting.pop(), ())) - reached
        reached |= new
        waiting += new
    return reached


def _is_relation(node: Mapping[str, Any]) -> bool:
    return node["resource_type"] in RELATIONS and node["config"].get("materialized") != "ephemeral"


def _name_in_warehouse(node: Mapping[str, Any]) -> tuple[str, str]:
    return str(node["schema"]).lower(), str(node["alias"] or node["name"]).lower()
