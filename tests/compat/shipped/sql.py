"""dlt's SQL source, as code uses it: with hints, or table by table."""

from typing import Any

import dlt
from dlt.sources.sql_database import sql_database as whole
from dlt.sources.sql_database import sql_table

__all__ = ["source", "tables", "whole"]


def source(credentials: str, **options: Any) -> Any:
    """Two tables of a database, each with a disposition, one with a cursor."""
    found = whole(credentials, table_names=["orders", "customers"], chunk_size=2, **options)
    updated: Any = dlt.sources.incremental("updated_at")
    found.orders.apply_hints(write_disposition="merge", primary_key="id", incremental=updated)
    found.customers.apply_hints(write_disposition="replace")
    return found


def tables(credentials: str, **options: Any) -> Any:
    """An append with a cursor over ids, and one without."""
    number: Any = dlt.sources.incremental("id", initial_value=1)
    orders = sql_table(credentials, table="orders", incremental=number, chunk_size=2, **options)
    return [orders, sql_table(credentials, table="customers", **options)]
