"""An ingestion layer: folders under `dlthub/` become Dagster assets that load through dlt.

The names below are what users' code imports; they stay. Everything else is in rooms, each a package whose docstring
tells what is in it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data_foundation.local.run import run_sources
    from data_foundation.orchestration.dbt_models.assets import build_dbt_assets
    from data_foundation.orchestration.factory import build_definitions
    from data_foundation.orchestration.source_folders import SourceFolders
    from data_foundation.orchestration.translator import ResourceData, SourceTranslator
    from data_foundation.project.python_resources import ConfigurableDltResource
    from data_foundation.vendors.calls import Calls, Refusal
    from data_foundation.vendors.retries import Clock
    from data_foundation.warehouses.settings import build_warehouse

__all__ = [
    "Calls",
    "Clock",
    "ConfigurableDltResource",
    "Refusal",
    "ResourceData",
    "SourceFolders",
    "SourceTranslator",
    "build_dbt_assets",
    "build_definitions",
    "build_warehouse",
    "run_sources",
]

_HOMES = {
    "Calls": "vendors.calls",
    "Clock": "vendors.retries",
    "ConfigurableDltResource": "project.python_resources",
    "Refusal": "vendors.calls",
    "ResourceData": "orchestration.translator",
    "SourceFolders": "orchestration.source_folders",
    "SourceTranslator": "orchestration.translator",
    "build_dbt_assets": "orchestration.dbt_models.assets",
    "build_definitions": "orchestration.factory",
    "build_warehouse": "warehouses.settings",
    "run_sources": "local.run",
}


def __getattr__(name: str) -> Any:
    """Imports public names when they are first used, so that reading a configuration does not import dlt."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """Lists the public names too: `dg` finds the component among them."""
    return sorted({*globals(), *__all__})
