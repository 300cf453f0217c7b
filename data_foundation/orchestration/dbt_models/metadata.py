"""Builds the metadata of dbt models that a build has finished: row count, columns and column lineage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from data_foundation.errors import WarehouseError
from data_foundation.warehouses.settings import dbt_environment

if TYPE_CHECKING:
    from dagster_dbt import DagsterDbtTranslator

    from data_foundation.dbt.relations import Relations
    from data_foundation.warehouses.base import Query, Warehouse


@dataclass(frozen=True)
class ModelMetadata:
    """Builds the metadata of models.

    Attributes:
        relations: The relations of the build.
        translator: Decides the asset keys of models and sources.
    """

    relations: Relations
    translator: DagsterDbtTranslator

    def find_key(self, unique_id: str) -> dg.AssetKey:
        """Returns the asset key of a model or source."""
        return self.translator.get_asset_key(self.relations.find(unique_id))

    def of(self, unique_id: str, query: Query, rows: int | None = None) -> dict[str, Any]:
        """Returns the metadata of a model.

        Args:
            unique_id: dbt's id of the model.
            query: A function that queries the warehouse.
            rows: Its row count, if it is known.
        """
        lineage = self.relations.find_lineage(unique_id, query)
        columns = self._column_schema(unique_id, query)
        deps = {
            column: [dg.TableColumnDep(self.find_key(parent), name) for parent, name in found]
            for column, found in lineage.items()
        }
        return {
            "dagster/row_count": self.relations.count_rows(unique_id, query) if rows is None else rows,
            "dagster/column_schema": columns,
            **({"dagster/column_lineage": dg.TableColumnLineage(deps)} if deps else {}),
        }

    def _column_schema(self, unique_id: str, query: Query) -> dg.TableSchema:
        described = self.relations.find(unique_id).get("columns") or {}
        return dg.TableSchema(
            [
                dg.TableColumn(name, data_type, description=described.get(name.lower(), {}).get("description") or None)
                for name, data_type in self.relations.read_columns(unique_id, query).items()
            ]
        )


def with_metadata(
    build: Callable[[], Iterator[Any]], metadata: ModelMetadata, warehouse: Warehouse, log: dg.DagsterLogManager
) -> Iterator[Any]:
    """Yields the events of a dbt build, with the metadata of each model that was built.

    Each event is yielded at once, unless the warehouse is a file that dbt alone can open until it ends. An error of the
    build is raised after the events of what was built.

    Args:
        build: Starts dbt, and returns its events.
        metadata: Builds the metadata.
        warehouse: The warehouse in which dbt builds.
        log: The log of the run, for a warning if the warehouse cannot be read.
    """
    if not warehouse.is_exclusive:
        with dbt_environment(warehouse), warehouse.query() as query:
            yield from (_completed(event, metadata, query, log) for event in build())
        return
    events, error = _collect(build, warehouse)
    # A stop of the run waits for nothing more.
    if error is None or isinstance(error, Exception):
        try:
            with warehouse.query() as query:
                events = [_completed(event, metadata, query, log) for event in events]
        except WarehouseError as unread:
            log.warning("row counts and columns of the dbt models are not recorded: %s", unread)
    yield from events
    if error:
        raise error


def _collect(build: Callable[[], Iterator[Any]], warehouse: Warehouse) -> tuple[list[Any], BaseException | None]:
    """Returns the events of a build, and the error that ended it."""
    events: list[Any] = []
    try:
        with dbt_environment(warehouse):
            for event in build():
                events.append(event)  # noqa: PERF402 - keeps the events before an error
    except BaseException as error:  # noqa: BLE001 - the caller raises it
        return events, error
    return events, None


def _completed(event: Any, metadata: ModelMetadata, query: Query, log: dg.DagsterLogManager) -> Any:
    """Returns an event of dbt with the metadata of the model that it reports; any other event as it is."""
    if not isinstance(event, dg.Output | dg.AssetMaterialization):
        return event
    unique_id = str(event.metadata["unique_id"].value)
    try:
        return event.with_metadata({**event.metadata, **metadata.of(unique_id, query)})
    except Exception as error:  # noqa: BLE001 - the model is built, whatever reads it
        log.warning("%s: row count and columns are not recorded: %s", unique_id, error)
        return event
