"""Names of warehouses in events of OpenLineage, by the rules of its specification."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from data_foundation.warehouses.base import Warehouse

PRODUCER = "pkg:pypi/data-foundation"


def namespace_of(warehouse: Warehouse) -> str:
    """Returns the namespace of the tables of a warehouse: its address, without the database and without secrets."""
    address = warehouse.describe()
    if warehouse.kind == "postgres":
        return f"postgres://{urlsplit(address).netloc}"
    if warehouse.kind == "snowflake":
        return f"snowflake://{urlsplit(address).netloc}"
    return address if "://" in address else f"{warehouse.kind}://{address}"
