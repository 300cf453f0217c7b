"""The statements for servers that are not here, compiled by dlt's own classes and compared with reviewed files.

They show what would be sent: names, types, the merge. Only `make test-live` shows that a server accepts them.
"""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.common.schema.utils import new_table

from data_foundation.warehouses.fence import newest_load_query
from data_foundation.warehouses.general.destination import build_destination
from data_foundation.warehouses.sql.translation import translate

COMPILED = Path(__file__).parent / "compiled"
SERVER = {"host": "h", "username": "u", "password": "p", "database": "analytics"}
ODBC = {**SERVER, "driver": "ODBC Driver 18 for SQL Server"}
CREDENTIALS: dict[str, Any] = {
    "bigquery": {"project_id": "analytics", "private_key": "k", "client_email": "e"},
    "clickhouse": {**SERVER, "port": 9440, "http_port": 8443},
    "databricks": {"server_hostname": "h", "http_path": "/sql", "catalog": "analytics", "access_token": "t"},
    "fabric": {**ODBC, "tenant_id": "t", "client_id": "c", "client_secret": "s"},
    "motherduck": {"database": "analytics", "password": "t"},
    "mssql": ODBC,
    "redshift": SERVER,
    "synapse": ODBC,
}
DRIVERS = {"bigquery": "google.cloud.bigquery", "clickhouse": "clickhouse_driver",
           "databricks": "databricks.sql", "fabric": "pyodbc", "mssql": "pyodbc", "synapse": "pyodbc"}  # fmt: skip
"""Modules without which dlt's class cannot be loaded; pyodbc needs a library of the system."""

TYPES = ("bigint", "timestamp", "decimal", "text", "bool", "json", "binary", "date", "time", "double")


def _has_driver(name: str) -> bool:
    try:
        import_module(DRIVERS.get(name, "dlt"))
    except ImportError:
        return False
    return True


def _column(name: str, data_type: str, **hints: Any) -> Any:
    return {"name": name, "data_type": data_type, "nullable": True, **hints}


def _schema() -> dlt.Schema:
    schema = dlt.Schema("orders")
    ids = {"nullable": False}
    columns = [_column(f"a_{kind}", kind) for kind in TYPES]
    columns += [_column("id", "bigint", primary_key=True, **ids), _column("_dlt_id", "text", row_key=True, **ids)]
    schema.update_table(new_table("orders", write_disposition="merge", columns=columns))
    nested = [_column("n", "bigint"), _column("_dlt_id", "text", row_key=True, **ids)]
    nested += [
        _column("_dlt_root_id", "text", root_key=True, **ids),
        _column("_dlt_parent_id", "text", parent_key=True),
    ]
    schema.update_table(new_table("orders__lines", parent_table_name="orders", columns=nested))
    return schema


def compile_for(name: str) -> str:
    """Returns the statements for a merge of a table with a nested one: tables, merge, and the query of the fence."""
    destination = build_destination(name, credentials=CREDENTIALS[name])
    configuration = destination.spec()
    configuration.dataset_name = "raw"
    client = destination.client(_schema(), configuration)
    statements, _ = client._build_schema_update_sql([("orders", {}), ("orders__lines", {})])
    if client.capabilities.supported_merge_strategies:
        chain = [client.prepare_load_table(table) for table in ("orders", "orders__lines")]
        merge = [Path(job.new_file_path()).read_text("utf-8") for job in client._create_merge_followup_jobs(chain)]
    else:
        merge = []
    newest, _ = translate(newest_load_query(client.sql_client), str(client.capabilities.sqlglot_dialect), ("orders",))
    lines = (line.strip() for text in (*statements, *merge, newest) for line in text.splitlines())
    return re.sub(r"_[0-9a-f]{32}\b", "_<id>", "\n".join(filter(None, lines))) + "\n"


@pytest.mark.parametrize("name", [name for name in CREDENTIALS if _has_driver(name)])
def test_statements_are_those_of_the_file(name: str) -> None:
    """Tables with every type, the merge, and the query of the newest load are as they were reviewed."""
    assert compile_for(name) == (COMPILED / f"{name}.sql").read_text(encoding="utf-8")
