"""Comparison of the nested rows that two sides loaded, each in its own table layout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.content import but_the_first, read_content

FLAT = """
    SELECT id::BIGINT AS id, reference, total::DOUBLE AS total, customer__name AS name,
        customer__is_company::BOOLEAN AS is_company, customer__address__city AS city,
        customer__address__number::BIGINT AS number
    FROM raw.rows
"""


AS_TABLES = {
    "rows": FLAT,
    "items": """
        SELECT id::BIGINT AS id, item._dlt_list_idx::BIGINT AS place, item.sku, item.quantity::BIGINT AS quantity,
            item.price::DOUBLE AS price
        FROM raw.rows__items AS item JOIN raw.rows ON item._dlt_parent_id = rows._dlt_id
    """,
    "labels": """
        SELECT id::BIGINT AS id, label._dlt_list_idx::BIGINT AS place, label.value AS label
        FROM raw.rows__labels AS label JOIN raw.rows ON label._dlt_parent_id = rows._dlt_id
    """,
}
"""Layout of dlt's relational normaliser: columns `a__b`, and a table for each list."""

AS_STRUCTS = {
    "rows": """
        SELECT id, reference, total, customer.name, customer.is_company, customer.address.city, customer.address.number
        FROM raw.rows
    """,
    "items": """
        SELECT id, place, item.sku, item.quantity, item.price
        FROM (SELECT id, unnest(items) AS item, generate_subscripts(items, 1) - 1 AS place FROM raw.rows)
    """,
    "labels": "SELECT id, generate_subscripts(labels, 1) - 1 AS place, unnest(labels) AS label FROM raw.rows",
}
"""Layout of Arrow: structs and lists."""

AS_JSON = {
    "rows": FLAT,
    "items": """
        SELECT id::BIGINT AS id, place, item->>'sku' AS sku,
            (item->>'quantity')::BIGINT AS quantity, (item->>'price')::DOUBLE AS price
        FROM (
            SELECT id, unnest(from_json(items, '["json"]')) AS item,
                generate_subscripts(from_json(items, '["json"]'), 1) - 1 AS place
            FROM raw.rows
        )
    """,
    "labels": """
        SELECT id::BIGINT AS id, generate_subscripts(from_json(labels, '["varchar"]'), 1) - 1 AS place,
            unnest(from_json(labels, '["varchar"]')) AS label
        FROM raw.rows
    """,
}
"""Layout of target-duckdb: columns `a__b`, and lists as texts."""


def read_outcome(database: Path, size: int, queries: Mapping[str, str]) -> dict[str, Any]:
    """Returns the hashes of the orders, their items and their labels."""
    return {"content": read_content(database, size, queries)}


def whole(queries: Mapping[str, str]) -> dict[str, str]:
    """Returns the queries, and the same without the first row, which one side loses."""
    return {**queries, **but_the_first(queries)}
