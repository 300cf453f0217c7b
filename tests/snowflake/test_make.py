"""Test of `make run` on Snowflake, a new user's first command."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.snowflake.conftest import ROOT, Account

MADE = (
    ".git",
    ".venv*",
    "data",
    ".dagster_home",
    "target",
    "logs",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
    ".env",
)


@pytest.mark.rare
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("snowflake runs")
def test_make_run_fills_the_schemas_of_the_developer(
    account: Account, deployment: Mapping[str, str], tmp_path: Path
) -> None:
    """`make run WAREHOUSE=snowflake` loads every source and builds every model, in the developer's schemas only."""
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(*MADE))
    (checkout / ".venv").symlink_to(Path(sys.prefix))
    before = set(account.query("select schema_name from information_schema.schemata"))
    # Without DEPLOYMENT, `make` uses the deployment of the user.
    environment = {name: value for name, value in os.environ.items() if name not in ("DEPLOYMENT", "DUCKDB_PATH")}
    done = subprocess.run(
        ["make", "run", "WAREHOUSE=snowflake"],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    suffix = f"__{deployment['DEPLOYMENT_USER']}"
    assert f"in schemas that end in {suffix}" in done.stdout
    made = {
        name.lower() for (name,) in set(account.query("select schema_name from information_schema.schemata")) - before
    }
    layers = {"raw", "staging", "intermediate", "marts"}
    assert made == {layer + suffix for layer in layers} | {f"raw{suffix}_staging"}
    assert account.query(f"select count(*) from marts{suffix}.dim_airport") == [(3376,)]
    assert account.query(f"select count(*) from marts{suffix}.fct_top_urls")[0][0] > 0
    assert account.query(f"select count(*) from marts{suffix}.fct_transactions") == [(22,)]
