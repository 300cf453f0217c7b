"""Resolves dlt's settings of a destination: `[destination.NAME]` in `.dlt/`, and DESTINATION__NAME__... ."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any, NoReturn, cast

from dlt.common.destination import Destination
from dlt.common.destination.exceptions import DestinationException
from dlt.common.exceptions import DltException

from data_foundation.errors import SettingMissing, WarehouseError

WITHOUT_SQL = {"dummy", "destination", "qdrant", "weaviate", "lance", "lancedb"}
"""Destinations of dlt whose tables cannot be read by SQL, which states, fences, checks and the audit trail need."""


@lru_cache(maxsize=32)
def find_factory(name: str) -> type[Destination[Any, Any]]:
    """Returns dlt's class of a destination.

    Args:
        name: dlt's name, for instance `bigquery`.

    Raises:
        WarehouseError: dlt has no such destination, or one without SQL.
    """
    if name in WITHOUT_SQL:
        raise WarehouseError(
            f"WAREHOUSE: got '{name}', whose tables cannot be read by SQL; accepted: a destination of dlt with SQL"
        )
    try:
        return cast("type[Destination[Any, Any]]", type(Destination.from_reference(f"dlt.destinations.{name}")))
    except DestinationException as error:
        raise WarehouseError(f"WAREHOUSE: got '{name}', and dlt has no destination of that name: {error}") from None


def resolve(name: str) -> Any:
    """Returns dlt's configuration of a destination, with None for what is not set."""
    factory = find_factory(name)()
    try:
        return factory.configuration(factory.spec(), accept_partial=True)
    except (DltException, ValueError, ImportError):
        return factory.spec()


def find_strategies(name: str) -> Collection[str]:
    """Returns the strategies of merges that a destination of dlt has, without a connection."""
    capabilities = find_factory(name)()._raw_capabilities()  # noqa: SLF001 - the public method resolves credentials
    return capabilities.supported_merge_strategies or ()


def refuse_missing(name: str, fields: Collection[str] = ()) -> NoReturn:
    """Refuses a destination without its settings.

    Args:
        name: dlt's name of the destination.
        fields: The fields that are not set; none for all of its credentials.

    Raises:
        SettingMissing: Names the settings.
    """
    prefix = f"DESTINATION__{name.upper()}__CREDENTIALS"
    hint = f"Set it in the environment or in .env, or [destination.{name}.credentials] in .dlt/secrets.toml"
    raise SettingMissing([f"{prefix}__{field.upper()}" for field in fields] or [prefix], hint)
