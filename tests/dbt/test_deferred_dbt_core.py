"""Assets of dbt models that are built without importing dbt-core."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster_dbt
import pytest

from data_foundation.orchestration.dbt_models.deferred_dbt_core import _READERS
from tests.support.checkouts import Checkout
from tests.support.dbt_projects import write_dbt_project

ROOT = Path(__file__).parents[2]

EVERY_KIND = {
    "snapshots/kept.sql": """
        {% snapshot kept %}{{ config(strategy='check', check_cols=['amount'], unique_key='order_id', schema='marts') }}
        select * from {{ ref('stg_orders') }}{% endsnapshot %}
    """,
    "tests/no_negative_amounts.sql": "select * from {{ ref('stg_orders') }} where amount < 0",
    "models/marts/switched_off.sql": "{{ config(enabled=false) }} select 1 as one",
    "models/marts/grouped.sql": "{{ config(tags=['nightly'], group='finance', "
    "meta={'dagster': {'asset_key': ['own']}}) }} select * from {{ ref('zz_paid') }}",
    "models/further.yml": """
        groups: [{name: finance, owner: {email: finance@example.com}}]
        exposures:
          - {name: board, type: dashboard, owner: {email: a@example.com}, depends_on: [ref('zz_paid')]}
        unit_tests:
          - name: twice_the_amount
            model: all_amounts
            given: [{input: ref('zz_paid'), rows: [{order_id: 1, amount: 2}]}]
            expect: {rows: [{order_id: 1, twice: 4}]}
        models:
          - name: grouped
            freshness: {build_after: {count: 1, period: day}}
            columns: [{name: order_id, data_tests: [{relationships: {to: ref('stg_orders'), field: order_id}}]}]
    """,
}

DESCRIBE = """
import json, sys
{first}
import definitions
found = definitions.defs.assets
(models,) = [assets for assets in found if getattr(assets, "op", None) and assets.op.name == "dbt_models"]
imported = sorted({{"dbt", "networkx", "mashumaro"}} & set(sys.modules))
plain = lambda text: __import__("re").sub(" at 0x[0-9a-f]+", "", repr(text))
specs = sorted(plain(spec) for spec in models.specs)
checks = sorted(plain(spec) for spec in models.check_specs)
from dagster_dbt import build_dbt_asset_selection
chosen = build_dbt_asset_selection([models], dbt_select="tag:nightly").resolve([models])
from dagster_shared.libraries import DagsterLibraryRegistry
libraries = dict(DagsterLibraryRegistry.get())
from dagster_dbt import compat
compared = [*compat.REFABLE_NODE_TYPES, compat.NodeType.Test, compat.NodeType.Snapshot, *compat.TestStatus]
compared += [compat.NodeStatus.Success, compat.NodeStatus.Skipped, compat.NodeStatus.Warn]
found = dict(imported=imported, specs=specs, checks=checks, tags=dict(models.op.tags), libraries=libraries)
print(json.dumps({{**found, "chosen": sorted(map(str, chosen)), "words": list(map(str, compared))}}))
"""


def describe(root: Path, first: str) -> dict[str, Any]:
    """Returns what a process sees of the dbt assets of a location, after a first statement."""
    # With one seed sets have the same order in every process.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "WAREHOUSE": "duckdb", "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-c", DESCRIBE.format(first=first)]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository whose dbt project has every kind of node, with its manifest."""
    write_dbt_project(checkout := Checkout(tmp_path))
    for path, text in EVERY_KIND.items():
        checkout.write(f"dbt_project/{path}", text)
    describe(tmp_path, "")
    return tmp_path


@pytest.mark.rare
def test_assets_are_those_that_dbt_core_would_select(project: Path) -> None:
    """Without dbt-core specs and checks are the same, and so are selections, versions and dbt's words afterwards."""
    found, expected = describe(project, ""), describe(project, "import dbt.version")
    assert (found.pop("imported"), "dbt" in expected.pop("imported")) == ([], True)
    assert found == expected
    assert (len(found["specs"]), len(found["checks"])) == (7, 5)
    assert found["chosen"] == ["AssetKey(['own'])"]
    assert "dbt-core" in found["libraries"]
    assert "dbt-fusion" not in found["libraries"]


def test_every_reader_of_the_version_is_known() -> None:
    """Each module of dagster-dbt that reads the version of dbt-core gets it; the package itself only registers it."""
    package = Path(dagster_dbt.__file__).parent
    files = [file for file in package.rglob("*.py") if re.search("DBT_PYTHON_VERSION", file.read_text("utf-8"))]
    modules = {".".join(file.relative_to(package.parent).with_suffix("").parts) for file in files}
    assert modules == {*_READERS, "dagster_dbt.__init__"}
