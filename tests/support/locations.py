"""Temporary code locations: sources written by a test, built into definitions and run by Dagster."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import duckdb

from data_foundation.orchestration.factory import build_definitions
from tests.support.checkouts import Checkout

ROWS = "def get_rows():\n    yield [{'id': 1}, {'id': 2}]\n"

COMPOSITION = '''
"""The composition root of the repository, without dbt."""

from pathlib import Path

from data_foundation.orchestration.factory import build_definitions

defs = build_definitions(Path(__file__).parent)
'''

COMPONENTS = """
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "legacy"
"""
"""The `pyproject.toml` of a project whose components are in `legacy/defs/`."""


def _take_modules() -> dict[str, ModuleType]:
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in {"legacy", "dlthub"}}


@contextmanager
def modules_of_location() -> Iterator[None]:
    """Lets a location import the modules of its own files in the block; those of before are there again after it."""
    before = _take_modules()
    try:
        yield
    finally:
        _take_modules()
        sys.modules.update(before)


class Location(Checkout):
    """A project whose sources are built into definitions and run by Dagster."""

    def add(self, name: str, yaml: str | bytes = "", data: str | bytes = ROWS, **modules: str) -> Path:
        """Writes a source folder; by default with one resource, data.get_rows to raw.<name>."""
        yaml = yaml or f"resources: [{{entry: data.get_rows, destination: raw.{name}}}]"
        return self.write_source(name, yaml, data, **modules)

    def add_python(self, name: str, definitions: str, data: str = ROWS) -> Path:
        """Writes a source folder whose resources are declared in Python."""
        self.write(f"dlthub/{name}/data.py", data)
        return self.write(f"dlthub/{name}/definitions.py", definitions).parent

    def definitions(self) -> dg.Definitions:
        """Returns the definitions after Dagster has validated them."""
        definitions = build_definitions(self.root)
        dg.Definitions.validate_loadable(definitions)
        return definitions

    def specs(self) -> Mapping[str, dg.AssetSpec]:
        """Returns every asset's spec by its key, for instance `raw/github_commits`."""
        specs = self.definitions().resolve_all_asset_specs()
        return {spec.key.to_user_string(): spec for spec in specs}

    def materialize(self, *keys: str, **options: Any) -> dg.ExecuteInProcessResult:
        """Materialises the assets with these keys, or all assets, and returns the result."""
        assets = [asset for asset in self.definitions().assets or () if isinstance(asset, dg.AssetsDefinition)]
        return dg.materialize(assets, selection=list(keys) or None, raise_on_error=False, **options)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Returns the rows of a query in the warehouse."""
        with duckdb.connect(str(self.root / "data" / "warehouse.duckdb"), read_only=True) as connection:
            return connection.sql(sql).fetchall()


def failure(result: dg.ExecuteInProcessResult) -> str:
    """Returns the messages of the failed steps of a run."""
    failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    return "\n".join(f"{failed.error.to_string() if failed.error else ''}" for failed in failures)


def metadata_by_table(result: dg.ExecuteInProcessResult) -> dict[str, Mapping[str, dg.MetadataValue[Any]]]:
    """Returns the metadata of each materialisation of a run, by the name of its table."""
    return {
        event.asset_key.path[-1]: event.step_materialization_data.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }


def landed(result: dg.ExecuteInProcessResult) -> set[str]:
    """Returns the keys of the assets that a run materialised."""
    events = result.get_asset_materialization_events()
    return {event.asset_key.to_user_string() for event in events if event.asset_key}
