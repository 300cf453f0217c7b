"""One source in two warehouses: loaded with this project, and with dlt alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from data_foundation.errors import FoundationError
from data_foundation.loading.attempts import load_resource
from data_foundation.loading.task import LoadOptions, Task
from data_foundation.project.discovery.discover import discover
from data_foundation.project.find_sources import find_sources
from tests.compat.plain_worker import PlainDlt, PlainRun
from tests.support.trees import Tree


class SideBySide:
    """Runs of a source folder in two warehouses.

    Attributes:
        ours: The DuckDB file that this project loads into.
        plain: The DuckDB file that dlt alone loads into.
    """

    def __init__(self, folder: Path, plain_dlt: PlainDlt, code: str) -> None:
        """Takes a folder for all files, the process with dlt alone, and the text of the source's `__init__.py`."""
        self._tree = Tree(folder / "ours")
        self._folder, self._plain_dlt, self._code = folder, plain_dlt, code
        self.ours = Path(self._tree.warehouse.path)
        self.plain = folder / "plain.duckdb"

    def load_ours(self, declared: Mapping[str, Any], settings: Mapping[str, str]) -> str:
        """Loads what `sources.yaml` declares; returns the error, "" if there is none."""
        self._tree.write("dlthub/vendor/__init__.py", self._code)
        resource = {"destination": "raw.{table}", "retries": {"max": 1}, **declared}
        self._tree.write("dlthub/vendor/sources.yaml", yaml.safe_dump({"resources": [resource]}))
        with pytest.MonkeyPatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            try:
                list(discover(self._tree.root, ["vendor"]))
                load_all(self._tree)
            except FoundationError as error:
                return str(error)
        return ""

    def load_plain(
        self,
        function: str,
        kwargs: Mapping[str, Any],
        settings: Mapping[str, str],
        hints: Mapping[str, Any],
        names: Sequence[str] = (),
    ) -> str:
        """Loads what a function of the package returns; returns the error, "" if there is none."""
        package = self._folder / "vendor"
        package.mkdir(exist_ok=True)
        (package / "__init__.py").write_text(self._code)
        places = (str(self.plain), str(self._folder / "pipelines"))
        return self._plain_dlt.run(PlainRun(str(package), function, kwargs, *places, hints, names, settings))


def load_all(tree: Tree) -> None:
    """Loads every resource of the project."""
    sources, broken = find_sources(tree.root)
    assert not broken, broken[0].problems
    for config in (source.config for source in sources):
        for resource in config.resources:
            load_resource(Task(config, resource, LoadOptions()), tree.warehouse)
