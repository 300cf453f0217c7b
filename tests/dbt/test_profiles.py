"""Tests of the targets in profiles.yml for destinations of dlt: dbt gets the settings that dlt has."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from dbt.config.renderer import ProfileRenderer
from dbt_common.context import set_invocation_context

from data_foundation.warehouses.general.dbt_profile import PROFILES
from data_foundation.warehouses.general.warehouse import in_region
from data_foundation.warehouses.promises import WITH_PROFILE, find_kept
from data_foundation.warehouses.settings import find_engine

OUTPUTS = yaml.safe_load((Path(__file__).parents[2] / "dbt_project" / "profiles.yml").read_text())["data_foundation"][
    "outputs"
]
SERVER = {"HOST": "h.example.com", "USERNAME": "u", "PASSWORD": "0123", "DATABASE": "analytics"}
GIVEN: Mapping[str, Mapping[str, str]] = {
    "athena": {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "REGION_NAME": "eu-west-1"},
    "bigquery": {"PROJECT_ID": "p", "PRIVATE_KEY": "key\n", "CLIENT_EMAIL": "e@example.com"},
    "databricks": {"SERVER_HOSTNAME": "h", "HTTP_PATH": "/sql", "CATALOG": "c", "ACCESS_TOKEN": "dapi0"},
    "fabric": {
        "HOST": "h",
        "DATABASE": "d",
        "AZURE_TENANT_ID": "t",
        "AZURE_CLIENT_ID": "i",
        "AZURE_CLIENT_SECRET": "s",
    },
    "motherduck": {"DATABASE": "analytics", "PASSWORD": "token"},
    "mssql": {**SERVER, "DRIVER": "ODBC Driver 17 for SQL Server"},
    "redshift": SERVER,
}  # fmt: skip
"""dlt's credentials."""

EXPECTED: Mapping[str, Mapping[str, Any]] = {
    "athena": {"type": "athena", "database": "awsdatacatalog", "region_name": "eu-west-1", "s3_staging_dir": "s3://q/",
               "aws_access_key_id": "id", "aws_secret_access_key": "key", "aws_session_token": None},
    "bigquery": {"type": "bigquery", "method": "service-account-json", "project": "p", "location": "EU"},
    "databricks": {"type": "databricks", "host": "h", "http_path": "/sql", "catalog": "c", "token": "dapi0"},
    "fabric": {"type": "fabric", "server": "h", "port": 1433, "database": "d", "tenant_id": "t", "client_secret": "s"},
    "motherduck": {"type": "duckdb", "path": "md:analytics", "settings": {"motherduck_token": "token"}},
    "mssql": {"type": "sqlserver", "server": "h.example.com", "port": 1433, "user": "u", "password": "0123",
              "driver": "ODBC Driver 17 for SQL Server", "database": "analytics"},
    "redshift": {"type": "redshift", "host": "h.example.com", "port": 5439, "password": "0123", "dbname": "analytics"},
}  # fmt: skip


@pytest.mark.parametrize("kind", PROFILES)
def test_dbt_gets_the_settings_of_dlt(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each value is the one that dlt resolves, a text stays a text, and a port a number."""
    for name, value in GIVEN[kind].items():
        monkeypatch.setenv(f"DESTINATION__{kind.upper()}__CREDENTIALS__{name}", value)
    monkeypatch.setenv("DESTINATION__ATHENA__QUERY_RESULT_BUCKET", "s3://q/")
    monkeypatch.setenv("DESTINATION__BIGQUERY__LOCATION", "EU")
    warehouse = find_engine(kind).of(tmp_path, {}, suffix="", others=lambda _name: warehouse)
    assert warehouse.runs_dbt
    for name, value in warehouse.dbt_settings().items():
        monkeypatch.setenv(name, value)
    set_invocation_context(os.environ)
    target = ProfileRenderer({}).render_data(OUTPUTS[kind])
    assert {name: target[name] for name in EXPECTED[kind]} == EXPECTED[kind]


PARENTS = {"databricks": "spark", "redshift": "postgres"}
"""Adapters of dbt that take the macros of another."""

MACROS = "\n".join(file.read_text() for file in (Path(__file__).parents[2] / "dbt_project" / "macros").glob("*.sql"))


@pytest.mark.parametrize("kind", OUTPUTS)
def test_dbt_finds_each_macro(kind: str) -> None:
    """Dbt looks for every dispatched macro when it parses a project, and fails if an adapter has none."""
    adapter = OUTPUTS[kind]["type"]
    written = set(re.findall(r"macro (\w+__\w+)\(", MACROS))
    for name in re.findall(r"adapter\.dispatch\('(\w+)'\)", MACROS):
        candidates = {f"{of}__{name}" for of in (adapter, PARENTS.get(adapter, adapter), "default")}
        assert candidates & written, (kind, name)


def test_each_profile_is_in_the_table_of_promises() -> None:
    """A destination with a target is untested with dbt, any other has no dbt."""
    assert WITH_PROFILE | {"databricks"} == PROFILES.keys()
    assert (find_kept("redshift")["dbt"], find_kept("clickhouse")["dbt"]) == ("untested", "no")


def test_bigquery_lists_tables_by_region() -> None:
    """Its information schema is of a dataset, or of a region; a query of all datasets names the region."""
    sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'raw'"
    assert in_region(sql, "EU") == (
        "SELECT table_name FROM `region-eu`.INFORMATION_SCHEMA.tables WHERE table_schema = 'raw'"
    )
