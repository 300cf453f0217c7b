"""Builds the Dagster materialization metadata of a finished load."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import dagster as dg

from data_foundation.config.grammar import ResourceConfig
from data_foundation.config.table_names import child_table_of, further_table_of
from data_foundation.dlt_keys import COLUMN_DESCRIPTIONS
from data_foundation.loading.result import FurtherTable, LoadResult
from data_foundation.naming import normalize

PII_TAG = {"pii": "true"}
"""Tag of a column with personal data, in clear text or hashed."""


def landed_results(
    resource: ResourceConfig, result: LoadResult, keys: Sequence[dg.AssetKey]
) -> list[dg.MaterializeResult[Any]]:
    """Returns the materializations of a resource's table, of its child tables and of its further tables.

    Args:
        resource: The resource that was loaded.
        result: The result of the load.
        keys: Asset keys of the table, of its child tables and of its further tables, in the order of the resource's
            `child_tables` and `tables`.
    """
    table, *others = keys
    children, further = others[: len(resource.child_tables)], others[len(resource.child_tables) :]
    names = (child_table_of(resource, child).table for child in resource.child_tables)
    further_names = (further_table_of(resource, name).table for name in resource.tables)
    personal = {normalize(name) for name, hints in resource.columns.items() if hints.pii}
    return [
        _table_result(result, table, personal),
        *(_child_result(result, key, name) for key, name in zip(children, names, strict=True)),
        *(_further_result(result, key, name) for key, name in zip(further, further_names, strict=True)),
    ]


def by_partition(
    landed: dg.MaterializeResult[Any], keys: Sequence[str | None], rows: Sequence[int]
) -> dict[str | None, Mapping[str, Any]]:
    """Returns the metadata of a materialization for each partition of its run.

    Args:
        landed: The materialization, with the rows of the whole run.
        keys: The partitions of the run, [None] if it has none.
        rows: The rows of each partition; () if they are not known: each then has `rows_of_range`, those of the run.
    """
    metadata = dict(landed.metadata or {})
    if len(keys) == 1 or "rows_loaded" not in metadata:
        return dict.fromkeys(keys, metadata)
    loaded = metadata.pop("rows_loaded")
    if not rows:
        return dict.fromkeys(keys, metadata | {"rows_of_range": loaded})
    return {key: metadata | {"rows_loaded": count} for key, count in zip(keys, rows, strict=True)}


def _table_result(result: LoadResult, key: dg.AssetKey, personal: Collection[str]) -> dg.MaterializeResult[Any]:
    before, after = result.cursor
    optional = {
        "dagster/row_count": result.row_count,
        "load_id": result.load_id,
        "rows_deleted": result.deleted or None,
        "rows_left_out": result.left_out or None,
        "cursor_before": None if before is None else str(before),
        "cursor_after": None if after is None else str(after),
        "child_tables": result.by_table(result.children) or None,
        "schema_changes": result.by_table(result.changes) or None,
        "failed_parts": dict(result.failed_parts) or None,
    }
    return dg.MaterializeResult(
        asset_key=key,
        metadata={
            "rows_loaded": result.rows,
            "bytes_loaded": result.bytes or 0,
            "dagster/table_name": result.table,
            "dagster/column_schema": _column_schema(result.columns, personal),
            # Numbers, which the UI plots.
            "seconds": round(sum(result.seconds.values()), 3),
            **{f"seconds_{phase}": duration for phase, duration in result.seconds.items()},
            **{name: value for name, value in optional.items() if value is not None},
        },
    )


def _child_result(result: LoadResult, key: dg.AssetKey, name: str) -> dg.MaterializeResult[Any]:
    """Returns the materialization of a nested table; its row count is 0 if the table does not exist yet."""
    return dg.MaterializeResult(
        asset_key=key,
        metadata={
            "dagster/row_count": result.children.get(name, 0),
            "dagster/table_name": f"{result.table.rpartition('.')[0]}.{name}",
            "dagster/column_schema": _column_schema(result.child_columns.get(name, {})),
        },
    )


def _further_result(result: LoadResult, key: dg.AssetKey, name: str) -> dg.MaterializeResult[Any]:
    """Returns the materialization of a further table; its row count is 0 if the table does not exist yet."""
    table = result.further.get(name, FurtherTable())
    optional = {"load_id": result.load_id, "child_tables": result.by_table(table.children) or None}
    return dg.MaterializeResult(
        asset_key=key,
        metadata={
            "rows_loaded": table.rows,
            "dagster/row_count": table.row_count or 0,
            "dagster/table_name": f"{result.table.rpartition('.')[0]}.{name}",
            "dagster/column_schema": _column_schema(table.columns),
            **{name: value for name, value in optional.items() if value is not None},
        },
    )


def _column_schema(columns: Mapping[str, Mapping[str, Any]], personal: Collection[str] = ()) -> dg.TableSchema:
    """Converts dlt's columns to Dagster's; columns named in `personal` are tagged as personal data."""
    return dg.TableSchema(
        [
            dg.TableColumn(
                name,
                column["data_type"],
                description=column.get("description") or COLUMN_DESCRIPTIONS.get(name),
                constraints=dg.TableColumnConstraints(
                    nullable=column.get("nullable", True), unique=bool(column.get("unique"))
                ),
                tags=PII_TAG if name in personal else None,
            )
            for name, column in columns.items()
        ]
    )
