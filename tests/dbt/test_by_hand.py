"""Tests of dbt started by hand: it builds the schemas of its deployment, in whichever folder it is started."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pytest

from data_foundation.cli.json_lines import build_line_schemas
from data_foundation.naming import normalize
from data_foundation.project.repository.create import create_repository
from tests.support.checkouts import Checkout

BIN = Path(sys.executable).parent
SOURCES = """
sources:
  - name: raw
    schema: "raw{{ env_var('DBT_SCHEMA_SUFFIX', target.schema.partition('__')[1:] | join) }}"
    tables: [{name: orders}]
"""
FOLDERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "in dbt_project": ("dbt_project", ()),
    "from the root": (".", ("--project-dir", "dbt_project")),
    "from elsewhere": ("..", ("--project-dir", "shop/dbt_project", "--profiles-dir", "shop/dbt_project")),
}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A new repository with a mart, and a warehouse with the rows of production and of two persons."""
    root = tmp_path / "shop"
    create_repository(root)
    checkout = Checkout(root)
    checkout.write("dbt_project/models/sources.yml", SOURCES)
    checkout.write("dbt_project/models/marts/fct_orders.sql", "select * from {{ source('raw', 'orders') }}\n")
    checkout.write("dbt_project/models/plain.sql", "select 1 as id\n")
    (root / "data").mkdir()
    with duckdb.connect(str(root / "data" / "warehouse.duckdb")) as connection:
        for schema in ("raw", "raw__anna", "raw__bob"):
            connection.execute(f"CREATE SCHEMA {schema}")
            connection.execute(f"CREATE TABLE {schema}.orders AS SELECT '{schema}' AS origin")
        connection.execute("CREATE SCHEMA marts")
        connection.execute("CREATE TABLE marts.fct_orders AS SELECT 'production' AS origin")
    return checkout


def run_dbt(checkout: Checkout, folder: str = "in dbt_project", **variables: str) -> subprocess.CompletedProcess[str]:
    """Types `dbt run` in a folder of a repository."""
    cwd, options = FOLDERS[folder]
    names = {"DEPLOYMENT", "DEPLOYMENT_USER", "WAREHOUSE", "DBT_SCHEMA_SUFFIX", "DUCKDB_PATH", "DBT_DUCKDB_PATH"}
    environment = {name: value for name, value in os.environ.items() if name not in names}
    command = [str(BIN / "dbt"), "--no-use-colors", "run", *options]
    return subprocess.run(command, cwd=checkout.root / cwd, env={**environment, **variables},
                          capture_output=True, text=True, check=False)  # fmt: skip


def origins(checkout: Checkout) -> dict[str, str]:
    """Returns by schema where the rows of the mart come from; and the schemas of the model without one of its own."""
    with duckdb.connect(str(checkout.root / "data" / "warehouse.duckdb")) as connection:
        tables = connection.execute("SELECT table_schema, table_name FROM information_schema.tables").fetchall()
        marts = [schema for schema, name in tables if name == "fct_orders"]
        found = {schema: connection.sql(f"FROM {schema}.fct_orders").fetchall()[0][0] for schema in marts}
        return found | {schema: "" for schema, name in tables if name == "plain"}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("folder", FOLDERS)
def test_dev_leaves_the_marts_of_production_alone(folder: str, checkout: Checkout) -> None:
    """With DEPLOYMENT=dev in the environment, `dbt run` reads and builds the schemas of its user, in any folder."""
    done = run_dbt(checkout, folder, DEPLOYMENT="dev", DEPLOYMENT_USER="anna")
    assert done.returncode == 0, done.stdout
    assert origins(checkout) == {"marts": "production", "marts__anna": "raw__anna", "main__anna": ""}


@pytest.mark.rare
def test_what_dbt_has_parsed_before_is_not_built_in_the_former_schemas(checkout: Checkout) -> None:
    """Another deployment or user is noticed, although dbt keeps what it has parsed in its target folder."""
    for variables, expected in (
        ({"DEPLOYMENT": "production"}, {"marts": "raw", "main": ""}),
        ({"DEPLOYMENT": "dev", "LOGNAME": "bob"}, {"marts__bob": "raw__bob", "main__bob": ""}),
        ({"DEPLOYMENT": "dev", "DEPLOYMENT_USER": "anna"}, {"marts__anna": "raw__anna", "main__anna": ""}),
        ({}, {"marts": "raw", "main": ""}),
    ):
        with duckdb.connect(str(checkout.root / "data" / "warehouse.duckdb")) as connection:
            for schema in origins_of(connection):
                connection.execute(f"DROP SCHEMA {schema} CASCADE")
        done = run_dbt(checkout, **variables)
        assert done.returncode == 0, done.stdout
        assert origins(checkout) == expected, variables


def origins_of(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Returns the schemas that dbt builds in, but main, which DuckDB cannot drop."""
    connection.execute("DROP VIEW IF EXISTS main.plain; DROP TABLE IF EXISTS main.plain")
    rows = connection.execute("SELECT DISTINCT table_schema FROM information_schema.tables").fetchall()
    return [schema for (schema,) in rows if not schema.startswith("raw") and schema != "main"]


REFUSED = {
    "a shared warehouse without a deployment": (
        {"WAREHOUSE": "postgres"},
        "DEPLOYMENT: not set, and others write to this warehouse too; dbt does not read .env",
    ),
    "an unknown deployment": ({"DEPLOYMENT": "stage"}, "DEPLOYMENT: got 'stage'; accepted: dev, production"),
    "a user that is no schema": (
        {"DEPLOYMENT": "dev", "DEPLOYMENT_USER": "Anna.S"},
        "DEPLOYMENT_USER: got 'Anna.S'; accepted by dbt: lower-case",
    ),
    "no user at all": (
        {"DEPLOYMENT": "dev", "LOGNAME": "", "USER": ""},
        "DEPLOYMENT_USER: got ''; accepted by dbt: lower-case",
    ),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("case", REFUSED)
def test_dbt_stops_where_the_schemas_are_not_decided(case: str, checkout: Checkout) -> None:
    """A run ends with the setting at fault while dbt parses, before it connects to the warehouse."""
    variables, message = REFUSED[case]
    done = run_dbt(checkout, **variables)
    assert done.returncode == 2
    assert message in " ".join(done.stdout.split())
    assert origins(checkout) == {"marts": "production"}


@pytest.mark.rare
@pytest.mark.parametrize("folder", FOLDERS)
def test_dbt_stops_where_a_file_decides_the_schemas(folder: str, checkout: Checkout) -> None:
    """On DuckDB too: what .env says of the deployment is found, in any folder, before a model is built."""
    checkout.write(".env", "DEPLOYMENT=production\n# DEPLOYMENT=x\nexport DEPLOYMENT='dev'\nDEPLOYMENT_USER=anna\n")
    done = run_dbt(checkout, folder)
    assert done.returncode != 0
    assert "DEPLOYMENT: .env sets it to dev, and dbt does not read .env" in " ".join(done.stdout.split())
    assert origins(checkout) == {"marts": "production"}
    checkout.write(".env", "DEPLOYMENT_USER=anna\n# DEPLOYMENT=dev\n")
    assert run_dbt(checkout, folder).returncode == 0
    assert origins(checkout) == {"marts": "raw", "main": ""}


@pytest.mark.parametrize("user", ["anna", "anna_2", "a", "a1_b2", "anna_s_smith"])
def test_a_user_that_dbt_accepts_is_spelt_alike_by_dlt(user: str) -> None:
    """What the macro takes as it is, dlt does not change: dbt and loads use the same schemas."""
    assert normalize(user) == user


@pytest.mark.rare
def test_foundation_dbt_sets_everything(checkout: Checkout) -> None:
    """`foundation dbt` reads .env, accepts every user name, works in any folder, and returns the exit code of dbt."""
    checkout.write(".env", "DEPLOYMENT=dev\nDEPLOYMENT_USER=Anna\n")
    environment = {name: value for name, value in os.environ.items() if name not in {"DEPLOYMENT", "WAREHOUSE"}}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(BIN / "foundation"), "dbt", "--", *arguments], cwd=checkout.root / "dlthub",
                              env=environment, capture_output=True, text=True, check=False)  # fmt: skip

    done = run("--no-use-colors", "run", "--select", "fct_orders")
    assert done.returncode == 0, done.stdout + done.stderr
    assert origins(checkout) == {"marts": "production", "marts__anna": "raw__anna"}
    assert run("run", "--select", "fct_orders", "--unknown").returncode == 2
    assert "fct_orders" in run("ls").stdout


@pytest.mark.rare
def test_commands_about_dbt_speak_json(checkout: Checkout) -> None:
    """With `--json` dbt's own events are lines, and the manifest is a file that is there."""
    environment = {name: value for name, value in os.environ.items() if name not in {"DEPLOYMENT", "WAREHOUSE"}}
    schemas = build_line_schemas()

    def lines(*arguments: str) -> list[Any]:
        done = subprocess.run([str(BIN / "foundation"), *arguments], cwd=checkout.root, env=environment,
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        found = [json.loads(line) for line in done.stdout.splitlines()]
        for one in found:
            jsonschema.validate(one, schemas[arguments[0]])
        return found

    events = lines("dbt", "--json", "--", "run", "--select", "plain")
    assert any("plain" in event["info"]["msg"] for event in events)
    [manifest] = lines("dbt-manifest", "--json")
    assert json.loads(Path(manifest["name"]).read_text(encoding="utf-8"))["nodes"]
