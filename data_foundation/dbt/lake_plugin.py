"""A plugin of dbt-duckdb that shows the tables of a lake in the DuckDB file in which dbt builds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbt.adapters.duckdb.plugins import BasePlugin
from typing_extensions import override

from data_foundation.errors import WarehouseError
from data_foundation.project.root import find_root
from data_foundation.warehouses.lake.models import LakeModels, Tables, find_tables, register, show
from data_foundation.warehouses.settings import build_warehouse

if TYPE_CHECKING:
    import duckdb


class Plugin(BasePlugin):
    """Shows each table as it is when dbt connects; `dbt_project/profiles.yml` names this module."""

    _tables: Tables

    @override
    def initialize(self, plugin_config: dict[str, Any]) -> None:
        self._tables = {}

    @override
    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        models = build_warehouse(find_root()).models
        if not isinstance(models, LakeModels):
            raise WarehouseError(f"the target lake of dbt needs WAREHOUSE=lake; got {models.kind}")
        self._tables = find_tables(models.lake)
        show(conn, self._tables)

    @override
    def configure_cursor(self, cursor: duckdb.DuckDBPyConnection) -> None:
        register(cursor, self._tables)
