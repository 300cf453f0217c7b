"""Which settings the connections of a source's resources lack, for entries that ship with the framework."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from data_foundation.config.grammar import ResourceConfig
from data_foundation.errors import EntryError, SettingMissing
from data_foundation.readers.files.settings import find_storage
from data_foundation.readers.rest.settings import find_api
from data_foundation.readers.sql.settings import find_connection

CONNECTIONS: dict[str, Callable[[str, str], Any]] = {
    "data_foundation.readers.files.get_rows": find_storage,
    "data_foundation.readers.rest.get_endpoint": find_api,
    "data_foundation.readers.sql.get_table": find_connection,
}
"""By entry what finds the connection that its `kwargs` name, of a folder."""


def missing_settings(folder: str, resource: ResourceConfig) -> tuple[str, ...]:
    """Returns the environment variables that would set what a resource's connection lacks; opens none."""
    find, name = CONNECTIONS.get(resource.entry), resource.kwargs.get("connection")
    if find is None or not isinstance(name, str):
        return ()
    try:
        find(folder, name)
    except SettingMissing as error:
        return error.settings
    except EntryError:  # a setting is not of its kind: the load says so
        return ()
    return ()
