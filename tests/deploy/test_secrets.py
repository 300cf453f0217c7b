"""Tests that settings come from mounted files and from a vault: in Dagster, on the command line, and in dbt."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.support.dbt_projects import DEFINITIONS
from tests.support.locations import Location
from tests.support.postgres_server import PASSWORD, PostgresTree

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
TOKEN = "Zk3v9QmX2rT7bW5y"
SECRETS = ("POSTGRES_PASSWORD", "SOURCES__SHOP__TOKEN")
DATA = """
import dlt


def get_orders(token: str = dlt.secrets.value):
    print("the token is", token)
    yield [{"id": 1, "length": len(token)}]
"""
COMMANDS = {
    "command line": ("foundation", "run", "--dbt"),
    "Dagster": ("dagster", "asset", "materialize", "-f", "definitions.py", "--select", "*"),
}


@pytest.fixture
def project(postgres_tree: PostgresTree) -> PostgresTree:
    """A project whose warehouse is PostgreSQL, with a source that needs a token, and a dbt model."""
    location = Location(postgres_tree.root)
    location.write_source("shop", "resources: [{entry: data.get_orders, destination: raw.orders}]", DATA)
    location.write("definitions.py", DEFINITIONS)
    location.write("dbt_project/dbt_project.yml", "name: shop\nprofile: data_foundation\nmodel-paths: [models]\n")
    location.write("dbt_project/profiles.yml", (ROOT / "dbt_project" / "profiles.yml").read_bytes())
    for macro in (ROOT / "dbt_project" / "macros").glob("*.sql"):
        location.write(f"dbt_project/macros/{macro.name}", macro.read_bytes())
    location.write("dbt_project/models/raw.yml", "sources: [{name: raw, tables: [{name: orders}]}]\n")
    location.write("dbt_project/models/lengths.sql", "select length from {{ source('raw', 'orders') }}\n")
    return postgres_tree


@pytest.fixture(scope="module")
def vault() -> Iterator[str]:
    """A server that speaks the protocol of AWS Secrets Manager."""
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def run(project: PostgresTree, command: tuple[str, ...], **settings: str) -> "subprocess.CompletedProcess[str]":
    """Runs a command without the secrets in its environment."""
    home = project.root / "home"
    home.mkdir(exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DLT_", "SOURCES"))}
    open_settings = {name: value for name, value in project.settings.items() if name not in SECRETS}
    environment = {**inherited, **open_settings, "WAREHOUSE": "postgres", "DEPLOYMENT": "production"}
    environment |= {
        "DAGSTER_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "PATH": f"{BIN}:{os.environ['PATH']}",
        **settings,
    }
    return subprocess.run(
        [BIN / command[0], *command[1:]], cwd=project.root, env=environment, capture_output=True, text=True, check=False
    )


def check(project: PostgresTree, done: "subprocess.CompletedProcess[str]") -> None:
    """Checks that table and model were built, and that no output contains a secret."""
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert project.query("SELECT length FROM public.lengths") == [len(TOKEN)]
    assert "the token is ***" in output
    assert TOKEN not in output
    assert PASSWORD not in output


@pytest.mark.sampled(2)
@pytest.mark.parametrize("way", COMMANDS)
def test_secrets_are_read_from_mounted_files(project: PostgresTree, way: str) -> None:
    """The password of the warehouse, for loads and for dbt, and the token of a source are files."""
    secrets = project.root / "secrets"
    (secrets / "volume").mkdir(parents=True)
    (secrets / "postgres-password").write_text(f"{PASSWORD}\n", encoding="utf-8")
    (secrets / "volume" / "SOURCES__SHOP__TOKEN").write_text(TOKEN, encoding="utf-8")
    check(project, run(project, COMMANDS[way], SECRETS_FOLDER=str(secrets), POSTGRES_PASSWORD="of yesterday"))


@pytest.mark.rare
@pytest.mark.parametrize("way", COMMANDS)
def test_secrets_are_read_from_a_vault(project: PostgresTree, vault: str, way: str) -> None:
    """The same secrets are in AWS Secrets Manager, which `.dlt/config.toml` enables; the environment has none."""
    settings = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "secret-of-test",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": vault,
    }
    document = f"POSTGRES_PASSWORD = {json.dumps(PASSWORD)}\n[sources.shop]\ntoken = {json.dumps(TOKEN)}\n"
    _store(vault, document, settings)
    Location(project.root).write(".dlt/config.toml", "[providers]\nenable_aws_secrets = true\n")
    check(project, run(project, COMMANDS[way], **settings))


def _store(vault: str, document: str, settings: Mapping[str, str]) -> None:
    client = boto3.client(
        "secretsmanager",
        endpoint_url=vault,
        region_name=settings["AWS_DEFAULT_REGION"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    if not client.list_secrets()["SecretList"]:
        client.create_secret(Name="dlt/dlt_secrets_toml", SecretString=document)


def test_a_vault_that_cannot_be_read_is_named(project: PostgresTree) -> None:
    """A run does not go on without its secrets, and the error says where they are missing."""
    Location(project.root).write(".dlt/config.toml", "[providers]\nenable_aws_secrets = true\n")
    settings = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-west-1"}
    settings |= {"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    done = run(project, COMMANDS["command line"], **settings)
    assert done.returncode == 1
    assert "a vault that [providers] in .dlt/config.toml enables cannot be read" in " ".join(done.stderr.split())
