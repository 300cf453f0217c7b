"""Tests of the package as people install it: its wheel, in an empty environment, in an empty folder."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from data_foundation.project.repository.files import build_files
from tests.package.conftest import UV, Installation

LARGEST = 450_000_000
"""Bytes of an installation without extras."""

MODEL = "select id as order_id, amount from {{ source('raw', 'orders_orders') }}\n"
IMPORTS = """
import importlib, json, pkgutil
import data_foundation
missing = {}
for module in pkgutil.walk_packages(data_foundation.__path__, "data_foundation."):
    try:
        importlib.import_module(module.name)
    except ImportError as error:
        # dlt's own error has no name, but a text: You must install additional dependencies to run `dlt pyiceberg ...`
        name = error.name or str(error).partition("`dlt ")[2].partition(" ")[0]
        missing[module.name] = name.partition(".")[0]
print(json.dumps(missing))
"""
DEFINITIONS = """
import runpy
import dagster as dg
defs = runpy.run_path("definitions.py")["defs"]
dg.Definitions.validate_loadable(defs)
print(*sorted(key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()))
"""
KEYS = ["operations/load_costs", "raw/orders_orders", "source/orders", "staging/stg_orders"]
EXTRAS = {
    "psycopg2": "postgres",
    "snowflake": "snowflake",
    "deltalake": "lake",
    "paramiko": "ssh",
    "dagster_celery": "celery",
    "opentelemetry": "telemetry",
    "openlineage": "lineage",
    "pyiceberg": "iceberg",
    "starlette": "ui",
    "uvicorn": "ui",
}
"""Packages that modules import at their top, and the extra that has them."""

NEEDED = {
    "snowflake": ({"WAREHOUSE": "snowflake", "SNOWFLAKE_ACCOUNT": "a", "SNOWFLAKE_USER": "u", "SNOWFLAKE_DATABASE": "d",
                   "SNOWFLAKE_WAREHOUSE": "w", "SNOWFLAKE_PASSWORD": "x"}, ""),
    "postgres": ({"WAREHOUSE": "postgres", "POSTGRES_HOST": "127.0.0.1", "POSTGRES_USER": "u", "POSTGRES_PASSWORD": "x",
                  "POSTGRES_DATABASE": "d"}, ""),
    "lake": ({"WAREHOUSE": "lake", "LAKE_URL": "lake"}, ""),
    "sql": ({"SOURCES__OTHER__DATABASE": "postgresql://u:x@127.0.0.1/d"},
            "{entry: data_foundation.readers.sql.get_table, destination: raw.t, "  # noqa: ISC004 - one text
            "kwargs: {connection: database, table: t}}"),
    "files": ({}, "{entry: data_foundation.readers.files.get_rows, kwargs: {path: 'table.pdf'}, destination: raw.t}"),
}  # fmt: skip
"""By extra: settings, and the resource of a source, that need it."""


@pytest.fixture(scope="session")
def repository(installed: Installation) -> Path:
    """A new repository with a source of files, its staging model, and everything loaded and built."""
    done = installed.run("foundation", "init", "analytics")
    assert done.returncode == 0, done.stdout + done.stderr
    root = installed.folder / "analytics"
    for command in (["new", "orders", "--from", "files"], ["check"], ["run"], ["dbt-sources"]):
        done = installed.run("foundation", *command, cwd=root)
        assert done.returncode == 0, done.stdout + done.stderr
    (root / "dbt_project" / "models" / "staging").mkdir(parents=True, exist_ok=True)
    (root / "dbt_project" / "models" / "staging" / "stg_orders.sql").write_text(MODEL)
    done = installed.run("foundation", "run", "--dbt", cwd=root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "staging.stg_orders" in done.stdout
    return root


def test_the_installation_is_small(
    installed: Installation, record_property: Callable[[str, object], None], request: pytest.FixtureRequest
) -> None:
    """The package and all that it requires is at most 450 MB, and each requirement of each package is met."""
    version = request.node.callspec.params["python"]
    size = installed.size()
    record_property(f"MB of an installation in Python {version}", round(size / 1e6))
    record_property(f"seconds of an installation in Python {version}", round(installed.seconds))
    assert size <= LARGEST
    python = str(installed.environment / "bin" / "python")
    subprocess.run([UV, "pip", "check", "--quiet", "--python", python], check=True)


def test_every_module_can_be_imported_without_extras(installed: Installation) -> None:
    """Only modules of an extra cannot be imported, for want of a package of that extra."""
    missing = json.loads(installed.run("python", "-c", IMPORTS).stdout)
    assert set(missing.values()) <= EXTRAS.keys(), missing


def test_a_source_is_loaded_and_a_model_is_built(installed: Installation, repository: Path) -> None:
    """The rows of the sample are in the table and in the model, once."""
    query = "select (select count(*) from raw.orders_orders), (select count(*) from staging.stg_orders)"
    code = f"import duckdb; print(duckdb.connect('data/warehouse.duckdb', read_only=True).sql('{query}').fetchall())"
    rows = len((repository / "dlthub" / "orders" / "sample.csv").read_text().splitlines()) - 1
    assert installed.run("python", "-c", code, cwd=repository).stdout.strip() == f"[({rows}, {rows})]"


def test_dagster_loads_the_definitions(installed: Installation, repository: Path) -> None:
    """The code location has the table, the model that reads it, the source, and the model of costs."""
    done = installed.run("python", "-c", DEFINITIONS, cwd=repository)
    assert done.stdout.split() == KEYS, done.stderr


@pytest.mark.parametrize("command", ["docs", "list", "preview orders", "audit --json", "upgrade", "--version"])
def test_commands_work_in_a_new_repository(command: str, installed: Installation, repository: Path) -> None:
    """Each command ends with 0, and none shows a traceback."""
    done = installed.run("foundation", *command.split(), cwd=repository)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_its_own_tests_pass(installed: Installation, repository: Path) -> None:
    """`make check test` of a new repository succeeds, with the test of the source that `foundation new` wrote."""
    python = str(installed.environment / "bin" / "python")
    subprocess.run([UV, "pip", "install", "--quiet", "--python", python, "pytest>=8,<10"], check=True)
    (installed.environment / ".installed").touch()
    done = installed.run("make", f"VENV={installed.environment}", "check", "test", cwd=repository)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 source with 1 resource is valid" in done.stdout
    assert "3 passed" in done.stdout


def test_a_run_with_dbt_says_what_is_missing(installed: Installation, tmp_path: Path) -> None:
    """Without dbt_project/ nothing is loaded, and the message names the folder and what to do."""
    assert installed.run("foundation", "init", cwd=tmp_path).returncode == 0
    (tmp_path / "dbt_project" / "dbt_project.yml").unlink()
    done = installed.run("foundation", "run", "--dbt", cwd=tmp_path)
    assert done.returncode == 1
    assert "dbt_project: there is no dbt_project.yml" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("extra", NEEDED)
def test_an_error_names_the_extra(extra: str, installed: Installation, tmp_path: Path) -> None:
    """What needs an extra that is not installed fails with the name of the extra, before anything is loaded."""
    settings, resource = NEEDED[extra]
    folder = tmp_path / "dlthub" / "other"
    folder.mkdir(parents=True)
    (folder / "sources.yaml").write_text(f"resources:\n  - {resource or '{entry: data.f, destination: raw.t}'}\n")
    (folder / "data.py").write_text("def f():\n    yield {'id': 1}\n")
    (tmp_path / "table.pdf").write_bytes(b"%PDF-1.4\n")
    done = installed.run("foundation", "run", cwd=tmp_path, DEPLOYMENT="dev", **settings)
    assert done.returncode == 1
    assert f"data-foundation[{extra}]" in " ".join((done.stdout + done.stderr).split()), done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_wheel_has_every_template(installed: Installation) -> None:
    """The files that `init` writes are in the wheel, hidden ones too."""
    files = "data_foundation.project.repository.files"
    code = f"import json; from {files} import build_files; print(json.dumps(build_files()))"
    assert json.loads(installed.run("python", "-c", code).stdout) == build_files()
