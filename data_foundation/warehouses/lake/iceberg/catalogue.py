"""Opens the catalogue of Iceberg tables."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError
from sqlalchemy.exc import DBAPIError, IntegrityError

from data_foundation.errors import WarehouseError

if TYPE_CHECKING:
    from pyiceberg.table import Table

    from data_foundation.warehouses.lake.access.catalogue_address import CatalogueAddress
    from data_foundation.warehouses.lake.dataset_files import DatasetFiles

ATTEMPTS = 5
"""How often a catalogue is opened: of several processes that create its tables at once, all but one fail."""

KEPT_CATALOGUES = 16


def find_catalogue(client: DatasetFiles) -> Catalog:
    """Returns the catalogue of a lake; it is kept for further calls.

    Raises:
        ConnectionError: The catalogue cannot be opened; a retry may help.
    """
    address = client.catalogue
    assert address is not None  # noqa: S101 - the warehouse of Iceberg tables has given it
    # Connections must not be shared with a forked process.
    return _open(address, os.getpid())


@lru_cache(KEPT_CATALOGUES)
def _open(address: CatalogueAddress, _process: int) -> Catalog:
    for attempt in range(ATTEMPTS):
        try:
            return load_catalog(address.name, **address.properties)
        except DBAPIError as error:
            if attempt == ATTEMPTS - 1:
                message = f"the catalogue of the lake (LAKE_CATALOG) cannot be opened: {error.orig}"
                raise ConnectionError(message) from None
            time.sleep(0.1 * 2**attempt)
    raise AssertionError(address.name)


def find_table(client: DatasetFiles, name: str) -> Table | None:
    """Returns a table as it is now, None if the catalogue does not have it.

    Raises:
        WarehouseError: The catalogue has a table with this name in another folder.
    """
    try:
        table: Table = find_catalogue(client).load_table(identifier(client, name))
    except (NoSuchTableError, NoSuchNamespaceError):
        return None
    if table.location().rstrip("/") != location(client, name):
        message = (
            f"{client.dataset_name}.{name} is at {table.location()} in the catalogue, and in the lake at "
            f"{location(client, name)}: Iceberg tables cannot be moved; restore LAKE_URL, or set another LAKE_CATALOG"
        )
        raise WarehouseError(message)
    return table


def create_table(client: DatasetFiles, name: str, schema: Any, properties: dict[str, str]) -> None:
    """Creates a table without rows.

    Args:
        client: The client of the lake.
        name: Table name.
        schema: Its columns, as a pyarrow schema.
        properties: Its properties.

    Raises:
        TableAlreadyExistsError: Another process has created it meanwhile.
    """
    catalogue = find_catalogue(client)
    # pyiceberg looks first and inserts then: another load of the dataset may have created it in between.
    with suppress(IntegrityError):
        catalogue.create_namespace_if_not_exists(client.dataset_name)
    catalogue.create_table(identifier(client, name), schema, location(client, name), properties=properties)


def drop_table(client: DatasetFiles, name: str) -> None:
    """Removes a table from the catalogue, if it is there, and then its files."""
    if find_table(client, name) is not None:
        find_catalogue(client).drop_table(identifier(client, name))
    for path in client.table_files(name):
        client.delete(path)


def identifier(client: DatasetFiles, name: str) -> tuple[str, str]:
    """Returns the name of a table in the catalogue: the dataset is its namespace."""
    return client.dataset_name, name


def location(client: DatasetFiles, name: str) -> str:
    """Returns the URL of a table's folder."""
    return client.get_open_table_location("iceberg", name).rstrip("/")
