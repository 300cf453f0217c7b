"""An ingestion layer: folders under `dlthub/` become Dagster assets that load through dlt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data_foundation.by_hand import run_sources
    from data_foundation.configurable import ConfigurableDltResource

__all__ = ["ConfigurableDltResource", "run_sources"]


def __getattr__(name: str) -> Any:
    """Imports public names when they are first used, so that reading a configuration does not import dlt."""
    if name == "ConfigurableDltResource":
        from data_foundation.configurable import ConfigurableDltResource  # noqa: PLC0415

        return ConfigurableDltResource
    if name == "run_sources":
        from data_foundation.by_hand import run_sources  # noqa: PLC0415

        return run_sources
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
