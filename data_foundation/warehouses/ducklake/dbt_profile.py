"""The environment variables by which `dbt_project/profiles.yml` attaches a DuckLake."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from data_foundation.warehouses.ducklake.extensions import link_extensions
from data_foundation.warehouses.ducklake.place import ALIAS

if TYPE_CHECKING:
    from data_foundation.warehouses.ducklake.place import Place

THREADS = 4
"""Models that dbt builds at the same time; with a catalogue in SQLite one, as each writes to the catalogue."""


def dbt_settings(place: Place, folder: Path) -> Mapping[str, str]:
    """Returns the variables, some of which contain secrets.

    Args:
        place: Where the lake is.
        folder: A folder for DuckDB's extensions, which dbt-duckdb cannot take from their wheels.
    """
    extensions = folder / "extensions"
    link_extensions(extensions, place.extensions)
    attached = {"path": f"ducklake:{place.catalogue}", "alias": ALIAS, "options": place.options}
    secrets = [
        {"name": name, **{key.lower(): value for key, value in values.items()}}
        for name, values in place.secrets.items()
    ]
    return {
        "DBT_DUCKLAKE_ATTACH": json.dumps([attached]),
        "DBT_DUCKLAKE_SECRETS": json.dumps(secrets),
        "DBT_DUCKLAKE_EXTENSIONS": str(extensions.resolve()),
        "DBT_DUCKLAKE_THREADS": "1" if place.file else str(THREADS),
    }
