"""Materialisation of a tree with one source in this process, as in a test or a notebook."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from data_foundation.orchestration.factory import build_definitions


def materialise(root: Path, *keys: str) -> None:
    """Materialises assets of the project in `root`, for instance `raw/rows`; all assets if no key is given.

    Raises:
        dagster.Failure: A resource could not be loaded.
    """
    assets = [asset for asset in build_definitions(root).assets or () if isinstance(asset, dg.AssetsDefinition)]
    dg.materialize(assets, selection=list(keys) or None)
