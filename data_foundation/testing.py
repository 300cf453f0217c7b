"""Tests of your own sources: load them into a temporary DuckDB file and read the tables.

`foundation new` writes a test that uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from typing_extensions import override

from data_foundation.errors import FoundationError
from data_foundation.loading.parallel import Outcome, load_side_by_side
from data_foundation.loading.result import LoadResult
from data_foundation.loading.task import LoadOptions, Refresh, new_run_id
from data_foundation.local.selection import select_tasks
from data_foundation.naming import TableName
from data_foundation.project.find_sources import find_sources
from data_foundation.project.root import find_root
from data_foundation.sql_text import quote_name
from data_foundation.suggestions import nearest
from data_foundation.warehouses.duckdb.utc_session import in_utc
from data_foundation.warehouses.duckdb.warehouse import DuckDBWarehouse

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.warehouses.base import Warehouse

__all__ = ["LoadResult", "TemporaryWarehouse", "find_problems"]


def find_problems(source: str, root: Path | None = None) -> list[str]:
    """Returns the errors that `foundation check` reports for a source; loads nothing.

    Args:
        source: Name of its folder in `dlthub/`.
        root: The repository. Default: the one that contains the current working directory.

    Raises:
        FoundationError: There is no such source.
    """
    found, broken = find_sources(root or find_root())
    problems = {one.name: [str(problem) for problem in one.problems] for one in broken}
    names = [*problems, *(one.config.name for one in found)]
    if source not in names:
        raise FoundationError(f"there is no source '{source}'{nearest(source, names)}")
    return problems.get(source, [])


class _File(DuckDBWarehouse):
    """The DuckDB file of one test."""

    @override
    def serving(self, resource: ResourceConfig) -> Warehouse:
        return self


class TemporaryWarehouse:
    """A DuckDB file for one test, into which sources of the repository are loaded.

    A load does what `foundation run` does, with the configured cursor, contract and checks. Settings of a source come
    from the environment, which pytest's `monkeypatch.setenv` changes, and from `.dlt/`. `WAREHOUSE`, `.env`, and `lake`
    and `warehouse` of a resource are ignored, so that no test writes to a real warehouse.

    Example:
        A table is loaded twice, and each order is there once::

            def test_every_order_lands_once(tmp_path: Path) -> None:
                warehouse = TemporaryWarehouse(tmp_path)
                warehouse.load("shop.shop_orders")
                [result] = warehouse.load("shop.shop_orders")
                assert result.row_count == 2
                assert [row["id"] for row in warehouse.rows("raw.shop_orders")] == [1, 2]
    """

    def __init__(self, folder: Path, root: Path | None = None) -> None:
        """Finds the sources; nothing is loaded yet.

        Args:
            folder: Where the DuckDB file and dlt's working folders are created, for instance pytest's `tmp_path`.
            root: The repository. Default: the one that contains the current working directory.

        Raises:
            FoundationError: No `root` is given, and the current working directory is in no repository.
        """
        self._sources = find_sources(root or find_root())
        self._warehouse = _File(folder / "pipelines", str(folder / "warehouse.duckdb"))

    def load(  # noqa: PLR0913 - the options of `foundation run`
        self,
        target: str,
        *,
        start: str | None = None,
        end: str | None = None,
        limit: int | None = None,
        refresh: Refresh = "none",
        kwargs: Mapping[str, Any] | None = None,
    ) -> list[LoadResult]:
        """Loads the resources that `target` names, and returns a result for each, in the order of the configuration.

        Args:
            target: A source, source.table, dataset.table or job id.
            start: Load from this date, time or value on; the stored cursor is not updated.
            end: Load up to, not including, this date, time or value.
            limit: Load at most this many rows of each resource, into the table itself; the stored cursor is not
                updated.
            refresh: `state` forgets the cursor and loads everything again, `drop` drops the table first.
            kwargs: Keyword arguments of the entry, which override those that are configured.

        Raises:
            ConfigError: The files of the source contain something that is not accepted.
            FoundationError: `target` names nothing, or a resource failed; the errors of further resources are its
                notes. Resources that did not fail have landed.
        """
        options = LoadOptions(start, end, None, limit, refresh, kwargs or {}, new_run_id())
        tasks = select_tasks([target], *self._sources, options)
        events = load_side_by_side(tasks, self._warehouse)
        ended = {event.task.resource.destination: event for event in events if isinstance(event, Outcome)}
        outcomes = [ended[task.resource.destination] for task in tasks]
        if errors := [outcome.error for outcome in outcomes if outcome.error]:
            for further in errors[1:]:
                errors[0].add_note(str(further))
            raise errors[0]
        return [outcome.result for outcome in outcomes if outcome.result]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Returns the rows of a table, ordered by their columns from left to right, without the columns that dlt adds.

        Args:
            table: dataset.table, for instance `raw.shop_orders`.

        Raises:
            FoundationError: There is no such table.
        """
        tables = [f"{dataset}.{name}" for dataset, name in self.query(_TABLES)]
        if table not in tables:
            known = f"there is {', '.join(tables)}" if tables else "nothing was loaded yet"
            raise FoundationError(f"no table '{table}' has landed{nearest(table, tables)}; {known}")
        quoted = ".".join(map(quote_name, TableName.parse(table)))
        with in_utc(duckdb.connect(self._warehouse.path)) as connection:
            found = connection.sql(f"SELECT {_OWN_COLUMNS} FROM {quoted} ORDER BY ALL")  # noqa: S608 - a known table
            return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Returns the rows of a SELECT in DuckDB's SQL; times with a time zone are in UTC.

        Raises:
            duckdb.Error: DuckDB refuses the statement.
        """
        with in_utc(duckdb.connect(self._warehouse.path)) as connection:
            return connection.execute(sql).fetchall()


_OWN_COLUMNS = "COLUMNS(name -> NOT starts_with(name, '_dlt_'))"
_TABLES = (
    "SELECT table_schema, table_name FROM information_schema.tables "
    "WHERE NOT starts_with(table_name, '_') AND NOT ends_with(table_schema, '_staging') ORDER BY ALL"
)
