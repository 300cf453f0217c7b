"""A tree of one source, materialised as a person does it who writes a test or a notebook: in this process."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from data_foundation.orchestration.factory import build_definitions


def materialise(root: Path, *keys: str) -> None:
    """Runs assets of the repository in `root`, for instance `raw/rows`; all of them where none is named.

    Raises:
        dagster.Failure: A resource could not be loaded.
    """
    assets = [asset for asset in build_definitions(root).assets or () if isinstance(asset, dg.AssetsDefinition)]
    dg.materialize(assets, selection=list(keys) or None)
