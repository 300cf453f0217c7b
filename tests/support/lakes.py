"""Temporary projects whose tables land in a lake."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from deltalake import DeltaTable
from deltalake.table import TableMerger
from pyiceberg.catalog.sql import SqlCatalog
from typing_extensions import override

from data_foundation.loading.result import LoadResult
from data_foundation.warehouses.lake import client as lake_client
from data_foundation.warehouses.lake.dataset_files import DatasetFiles
from data_foundation.warehouses.lake.delta import tables as delta_tables
from data_foundation.warehouses.lake.turn_files import TurnFiles
from data_foundation.warehouses.lake.warehouse import LakeWarehouse
from tests.support.trees import Tree


@dataclass(frozen=True)
class LakeTree(Tree):
    """A project with Delta tables in its folder `lake`, or at the URL in the settings."""

    settings: Mapping[str, str] = field(default_factory=lambda: {"LAKE_URL": "lake"})

    @property
    @override
    def warehouse(self) -> LakeWarehouse:
        """The lake of the project."""
        return LakeWarehouse.of(self.root, self.settings, suffix="", others=_no_others)

    @property
    def lake(self) -> Path:
        """Folder of the files of a local lake."""
        return self.root / "lake"

    def turns(self) -> list[str]:
        """Returns the states of the turns of `orders` in a local lake."""
        return [json.loads(file.read_text())["state"] for file in self.lake.glob("raw/_dlt_turns/orders/*.json")]

    @override
    def query(self, sql: str) -> list[Any]:
        """Returns the rows of a statement over all existing files; rows of one column as plain values."""
        with self.warehouse.query() as query:
            rows = query(sql)
        return [row[0] if len(row) == 1 else row for row in rows]


@dataclass(frozen=True)
class ParquetTree(LakeTree):
    """The same with parquet files."""

    settings: Mapping[str, str] = field(default_factory=lambda: {"LAKE_URL": "lake", "LAKE_FORMAT": "parquet"})


ICEBERG: Mapping[str, str] = {"LAKE_URL": "lake", "LAKE_FORMAT": "iceberg"}


@dataclass(frozen=True)
class IcebergTree(LakeTree):
    """The same with Iceberg tables, and their catalogue in the folder."""

    settings: Mapping[str, str] = field(default_factory=lambda: ICEBERG)


def _no_others(name: str) -> Any:
    raise AssertionError(name)


COMMITS: Sequence[tuple[Any, str]] = (
    (delta_tables, "write_deltalake"),
    (TableMerger, "execute"),
    (DeltaTable, "delete"),
    (DeltaTable, "restore"),
    (SqlCatalog, "commit_table"),
    (SqlCatalog, "create_table"),
    (TurnFiles, "create"),
    (DatasetFiles, "upload"),
    (lake_client, "finish"),
)
"""Functions that change a lake; a Python profiler does not see the commits of deltalake, which is written in Rust."""


class Marking:
    """Opens a file before and after each commit, as a marker for code that records operations on files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._patches = ExitStack()
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._folder.mkdir(exist_ok=True)
        for owner, name in COMMITS:
            self._patches.enter_context(patch.object(owner, name, self._marked(getattr(owner, name))))

    def __exit__(self, *_error: object) -> None:
        self._patches.close()

    def _marked(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def commit(*args: Any, **kwargs: Any) -> Any:
            self._mark(f"before {function.__name__}")
            returned = function(*args, **kwargs)
            self._mark(f"after {function.__name__}")
            return returned

        return commit

    def _mark(self, name: str) -> None:
        with self._lock:
            (self._folder / name).write_text("")


@dataclass(frozen=True)
class MarkedLakeTree(LakeTree):
    """A project whose loads can be killed before and after each commit."""

    @override
    def load(self, name: str, **options: Any) -> LoadResult:
        """Loads `source.table`."""
        with Marking(self.root / "marks"):
            return super().load(name, **options)


@dataclass(frozen=True)
class MarkedParquetTree(ParquetTree, MarkedLakeTree):
    """The same with parquet files."""


@dataclass(frozen=True)
class MarkedIcebergTree(IcebergTree, MarkedLakeTree):
    """The same with Iceberg tables."""
