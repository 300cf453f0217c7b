"""Temporary projects: source folders written by a test, with methods that load and query them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from data_foundation.loading.adoption.adopt import Adoption, Request, adopt
from data_foundation.loading.adoption.dlt_pipeline import PipelineReader
from data_foundation.loading.attempts import load_resource
from data_foundation.loading.result import LoadResult
from data_foundation.loading.task import LoadOptions, Task
from data_foundation.local.selection import select_tasks
from data_foundation.project.find_sources import find_sources
from data_foundation.project.source import load_source_config
from data_foundation.warehouses.duckdb.warehouse import DuckDBWarehouse
from tests.support.checkouts import Checkout

ROWS = '''
import json
from pathlib import Path


def get_rows():
    """Whatever the test gave last."""
    yield json.loads((Path(__file__).parent / "rows.json").read_text())
'''


class Tree(Checkout):
    """A project whose tables are loaded one by one into its DuckDB file."""

    def add(self, source: str, sources_yaml: str, data: str = ROWS) -> Path:
        """Writes a source folder and returns it."""
        return self.write_source(source, sources_yaml, data)

    def give(self, source: str, rows: Sequence[Any]) -> None:
        """Sets the rows of a source's default `get_rows` from now on."""
        (self.root / "dlthub" / source / "rows.json").write_text(json.dumps(list(rows)))

    @property
    def warehouse(self) -> Any:
        """The DuckDB warehouse of the project."""
        return DuckDBWarehouse(self.root / "data" / "pipelines", str(self.root / "data" / "warehouse.duckdb"))

    def as_dlt(self) -> tuple[str, Any]:
        """Returns the name and the credentials of the warehouse as a destination of dlt alone."""
        path = Path(self.warehouse.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        return "duckdb", str(path)

    def task(self, name: str, **options: Any) -> Task:
        """Returns the task that loads `source.table`; `options` are fields of `LoadOptions`."""
        source, table = name.split(".", 1)
        config = load_source_config(self.root / "dlthub" / source)
        resource = config.find_resource(table)
        assert resource, f"no {table} in {config.file}"
        return Task(config, resource, LoadOptions(**options))

    def check(self, source: str) -> None:
        """Checks a source as `foundation check` does.

        Raises:
            ConfigError: The source has problems.
        """
        select_tasks([source], *find_sources(self.root))

    def load(self, name: str, **options: Any) -> LoadResult:
        """Loads `source.table`."""
        task = self.task(name, **options)
        return load_resource(task, self.warehouse)

    def adopt(self, name: str, **request: Any) -> Adoption:
        """Takes over the table of `source.table`; `request` are fields of `Request`."""
        return adopt(self.task(name, run_id="test"), self.warehouse, Request(**request), print, PipelineReader())

    def query(self, sql: str) -> list[Any]:
        """Returns the rows of a statement; rows of one column as plain values."""
        with duckdb.connect(self.warehouse.path) as connection:
            rows = connection.execute(sql).fetchall()
        return [row[0] if len(row) == 1 else row for row in rows]
