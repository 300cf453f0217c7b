"""Tests of a checkout that cannot be written, as in an image: everything else has a setting."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from tests.deploy.isolation import run_read_only
from tests.support.dbt_projects import write_dbt_project
from tests.support.locations import Location

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Location:
    """A checkout with a source and dbt models."""
    location = Location(tmp_path / "checkout")
    write_dbt_project(location)
    location.write("dbt_project/models/models.yml", "models: []\n")  # its tests would warn
    return location


def environment(checkout: Location, **settings: str) -> dict[str, str]:
    """Returns the environment of a process whose folders are all beside the checkout."""
    var = checkout.root.parent / "var"
    (var / "dagster").mkdir(parents=True, exist_ok=True)
    dropped = ("WAREHOUSE", "DEPLOYMENT", "DLT_PROJECT_DIR", "PYTHONDONTWRITEBYTECODE")
    inherited = {name: value for name, value in os.environ.items() if name not in dropped}
    paths = {"WORK_FOLDER": "work", "LOG_FOLDER": "logs", "DBT_TARGET_PATH": "dbt", "DBT_LOG_PATH": "dbt/logs"}
    paths |= {"DUCKDB_PATH": "warehouse.duckdb", "DAGSTER_HOME": "dagster", "HOME": ""}
    python = {"PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return {**inherited, **python, **{name: str(var / path) for name, path in paths.items()}, **settings}


def contents(folder: Path) -> Mapping[str, str]:
    """Returns the hash of each file of a folder."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def run(checkout: Location, *command: str, **settings: str) -> str:
    """Runs a command in the read-only checkout; returns its output, and "failed: " before it if it fails."""
    program = [str(BIN / command[0]), *command[1:]]
    done = run_read_only(checkout.root, program, environment(checkout, **settings))
    return f"{'failed: ' * (done.returncode != 0)}{done.stdout}{done.stderr}"


def query(checkout: Location, sql: str) -> list[tuple[object, ...]]:
    """Returns the rows of a query in the warehouse."""
    with duckdb.connect(str(checkout.root.parent / "var" / "warehouse.duckdb"), read_only=True) as connection:
        return connection.sql(sql).fetchall()


COMMANDS = {
    "foundation run": ("foundation", "run", "--dbt"),
    "dagster": ("dagster", "asset", "materialize", "-f", "definitions.py", "--select", '+key:"marts/zz_paid"'),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("way", COMMANDS)
def test_a_read_only_checkout_is_loaded_and_modelled(checkout: Location, way: str) -> None:
    """Loads, dbt models and definitions work, and no file of the checkout is written."""
    before = contents(checkout.root)
    output = run(checkout, *COMMANDS[way])
    assert not output.startswith("failed"), output
    assert "Read-only" not in output
    assert query(checkout, "SELECT order_id, amount, paid FROM marts.zz_paid ORDER BY 1") == [(1, 2.5, 5), (2, 4, 8)]
    assert contents(checkout.root) == before


@pytest.mark.parametrize(
    ("command", "setting"),
    [(COMMANDS["foundation run"], "WORK_FOLDER"), (("dagster", "definitions", "validate"), "DBT_TARGET_PATH")],
    ids=["WORK_FOLDER", "DBT_TARGET_PATH"],
)
def test_an_error_names_the_setting_of_a_folder_that_cannot_be_written(
    checkout: Location, command: tuple[str, ...], setting: str
) -> None:
    """Without the setting the folder is in the checkout: the message says so, and which setting moves it."""
    options = ["-f", "definitions.py"] if command[0] == "dagster" else []
    output = run(checkout, *command, *options, **{setting: ""})
    assert output.startswith("failed"), output
    assert "cannot be created: Read-only file system" in " ".join(output.split())
    assert f"set {setting} to a folder that can be written" in " ".join(output.split())


@pytest.mark.rare
def test_the_manifest_of_an_image_is_used(checkout: Location) -> None:
    """`foundation dbt-manifest` has written it, so nothing is parsed; for another database there is another."""
    var = checkout.root.parent / "var"
    built = environment(checkout, DBT_TARGET_PATH="")
    subprocess.run([BIN / "foundation", "dbt-manifest"], cwd=checkout.root, env=built, check=True, capture_output=True)
    validate = ("dagster", "definitions", "validate", "-f", "definitions.py")
    assert not (output := run(checkout, *validate)).startswith("failed"), output
    assert not (var / "dbt").exists()
    output = run(checkout, *validate, DUCKDB_PATH=str(var / "other.duckdb"))
    assert not output.startswith("failed"), output
    [parsed] = (var / "dbt").glob("**/manifest.json")
    assert '"database":"other"' in parsed.read_text(encoding="utf-8").replace(" ", "")
