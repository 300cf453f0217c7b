"""Which resources the files of a lake can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_foundation.errors import WarehouseError

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig

MERGE_STRATEGIES = (None, "upsert", "insert-only")
"""Merge strategies of Delta and Iceberg tables."""


def refuse_unsupported(resource: ResourceConfig, table_format: str) -> None:
    """Refuses a resource that files cannot hold.

    Args:
        resource: The resource.
        table_format: delta, iceberg or parquet.

    Raises:
        WarehouseError: Names what is accepted instead.
    """
    mode, place = resource.write_disposition, resource.destination
    if resource.landing == "vault":
        message = "landing: got vault, which needs transactions; accepted: duckdb, snowflake, postgres, ducklake"
        raise WarehouseError(f"{place}: {message}")
    if table_format == "parquet":
        if mode.disposition == "merge":
            message = "merge needs LAKE_FORMAT=delta or iceberg; accepted with LAKE_FORMAT=parquet: append, replace"
            raise WarehouseError(f"{place}: {message}")
        if resource.partitions and mode.disposition == "append":
            message = "append to partitions needs LAKE_FORMAT=delta or iceberg, as it deletes rows"
            raise WarehouseError(f"{place}: {message}")
    _refuse_partitions(resource, table_format)
    if mode.disposition == "merge":
        merge_key = resource.merge_key or any(hints.merge_key for hints in resource.columns.values())
        if mode.strategy not in MERGE_STRATEGIES or merge_key or not resource.key_columns:
            got = "merge_key" if mode.strategy in MERGE_STRATEGIES else f"strategy '{mode.strategy}'"
            message = f"merge: got {got}; accepted on a lake: upsert or insert-only, with a primary_key"
            raise WarehouseError(f"{place}: {message}")


def _refuse_partitions(resource: ResourceConfig, table_format: str) -> None:
    for name, hints in resource.columns.items():
        if not hints.partition or table_format == "iceberg":
            continue
        where = f"{resource.destination}: columns.{name}.partition"
        if table_format == "parquet":
            wanted = "LAKE_FORMAT=delta or iceberg; parquet files have the paths of LAKE_LAYOUT"
            raise WarehouseError(f"{where} needs {wanted}")
        if isinstance(hints.partition, str) and hints.partition != "identity":
            raise WarehouseError(f"{where}: got {hints.partition}; accepted with LAKE_FORMAT=delta: true")
