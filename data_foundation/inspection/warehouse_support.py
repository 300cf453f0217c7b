"""What the warehouse that is set does not keep, and which resources it cannot load; without a connection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from data_foundation.errors import SettingMissing, WarehouseError
from data_foundation.warehouses.promises import find_broken
from data_foundation.warehouses.settings import build_warehouse

if TYPE_CHECKING:
    from data_foundation.project.source import SourceConfig
    from data_foundation.warehouses.base import Warehouse


@dataclass(frozen=True)
class Support:
    """What a warehouse can do for a tree of sources.

    Attributes:
        broken: A sentence for each promise that the warehouse does not keep.
        refused: A message for each resource that it cannot load, with the reason and what is possible.
    """

    broken: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def find_support(root: Path, sources: Sequence[SourceConfig]) -> Support:
    """Returns what the warehouse of the settings can do for sources; nothing while required settings are missing."""
    try:
        warehouse = build_warehouse(root)
        # A DuckDB file is of one person, who needs no reminder with every check.
        broken = (
            () if warehouse.is_exclusive else tuple(find_broken(warehouse.kind, warehouse.backend or warehouse.format))
        )
        return Support(broken, tuple(_refused(warehouse, sources)))
    except SettingMissing:
        # A checkout without settings, as in CI, is checked for its configuration alone.
        return Support()
    except WarehouseError as error:
        # Sources are valid whatever the warehouse; the first run is refused with the same message.
        return Support((str(error),))


def _refused(warehouse: Warehouse, sources: Sequence[SourceConfig]) -> Iterator[str]:
    for source in sources:
        for resource in source.resources:
            try:
                warehouse.serving(resource).accept(resource)
            except SettingMissing:
                continue
            except WarehouseError as error:
                yield f"{source.name}: {resource.destination}: {error}"
