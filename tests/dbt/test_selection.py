"""Tests of which dbt models `foundation run --dbt` builds."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from data_foundation.dbt.selection import Lineage
from data_foundation.naming import TableName
from tests.support.locations import Location

ROOT = Path(__file__).parents[2]
FOUNDATION = Path(sys.executable).parent / "foundation"
FOLDERS = ("shop", "bank", "idle")
MODELS = {
    "stg_shop": "select id from {{ source('raw', 'shop') }}",
    "stg_bank": "select id from {{ source('raw', 'bank') }}",
    "passing": "{{ config(materialized='ephemeral') }} select id from {{ ref('stg_shop') }}",
    "both": "select id from {{ ref('passing') }} union all select id from {{ ref('stg_bank') }}",
    "after": "select id from {{ ref('both') }}",
    "lonely": "select 1 as id",
}


def start(location: Location) -> Location:
    """Writes three sources of a table each, two of which models read, and a dbt project."""
    for name in FOLDERS:
        location.add(name)
    listed = ", ".join(f"{{name: {name}}}" for name in FOLDERS)
    location.write("dbt_project/models/sources.yml", f"sources: [{{name: raw, schema: raw, tables: [{listed}]}}]")
    for name, sql in MODELS.items():
        location.write(f"dbt_project/models/{name}.sql", sql)
    settings = "name: small\nversion: '1.0'\nprofile: data_foundation\nflags: {send_anonymous_usage_stats: false}\n"
    location.write("dbt_project/dbt_project.yml", f"{settings}models: {{+schema: marts}}\n")
    location.write("dbt_project/profiles.yml", (ROOT / "dbt_project" / "profiles.yml").read_bytes())
    schema = "dbt_project/macros/generate_schema_name.sql"
    location.write(schema, (ROOT / schema).read_bytes())
    return location


def run(location: Location, *arguments: str) -> tuple[int, set[str], str]:
    """Runs `foundation run`; returns its exit code, the models that it built, and its output."""
    environment = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(
        [str(FOUNDATION), "run", *arguments], cwd=location.root, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    built = set(re.findall(r"marts\.(\w+) .*built", done.stdout))
    return done.returncode, built, done.stdout + done.stderr


def test_a_source_builds_what_reads_it(location: Location) -> None:
    """`run shop --dbt` builds the models of shop, what follows, and what those need that was never built; no other."""
    start(location)
    assert run(location, "bank", "idle")[:2] == (0, set())
    code, built, output = run(location, "shop", "--dbt")
    assert (code, built) == (0, {"stg_shop", "stg_bank", "both", "after"}), output


@pytest.mark.rare
def test_a_failure_of_dbt_hides_no_load(location: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    """If dbt ends before its first model, the run shows and records what has landed, with dbt's reason, and fails."""
    (location.root / "history").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(location.root / "history"))
    start(location).write("dbt_project/models/lost.sql", "select id from {{ ref('nowhere') }}")
    code, built, output = run(location, "--dbt", "--record")
    assert (code, built) == (1, set())
    assert re.search(r"raw.shop .* landed", output)
    assert "not run dbt: dbt: exited with code 2" in output
    assert "depends on a node named 'nowhere' which was not found" in " ".join(output.split())
    assert "\x1b" not in output
    with dg.DagsterInstance.from_config(str(location.root / "history")) as instance:
        assert instance.get_latest_materialization_event(dg.AssetKey(["raw", "shop"]))


@pytest.mark.rare
def test_a_test_of_severity_warn_fails_no_run(location: Location) -> None:
    """Its rows are counted in the summary and in a warning, the models after it are built, and the run exits with 0."""
    start(location)
    test = "{accepted_values: {arguments: {values: [7]}, config: {severity: warn}}}"
    columns = f"columns: [{{name: id, data_tests: [{test}]}}]"
    location.write("dbt_project/models/tests.yml", f"models: [{{name: stg_shop, {columns}}}]")
    code, built, output = run(location, "--dbt")
    assert (code, built) == (0, MODELS.keys() - {"passing"}), output
    assert re.search(r"accepted_values_stg_shop_id__7 .* warn ", output)
    assert "warning accepted_values_stg_shop_id__7: Got 2 results, configured to warn if != 0" in output


@pytest.mark.rare
def test_each_selection(location: Location) -> None:
    """A second run leaves out what exists; a table that no model reads, selectors, all sources, and what is refused."""
    start(location)
    code, built, output = run(location, "shop", "--dbt")
    assert (code, built) == (0, {"stg_shop"})
    assert "they also read a table that failed or does not exist yet: marts.after, marts.both" in output
    assert run(location, "--dbt")[:2] == (0, MODELS.keys() - {"passing"})
    assert run(location, "raw.shop", "--dbt")[:2] == (0, {"stg_shop", "both", "after"})
    code, built, output = run(location, "idle", "--dbt")
    assert (code, built) == (0, set())
    assert "no dbt model reads raw.idle" in output
    assert run(location, "shop", "--dbt", "--select", "stg_bank", "--select", "lonely")[:2] == (
        0,
        {"stg_bank", "lonely"},
    )
    assert run(location, "--dbt", "--select", "stg_bank+")[:2] == (0, {"stg_bank", "both", "after"})
    code, built, output = run(location, "shop", "--dbt", "--select", "stg_shp")
    assert (code, built) == (1, set())
    assert "nothing selected stg_shp: no model or test of dbt_project/ is selected" in " ".join(output.split())
    assert run(location, "shop", "--select", "stg_shop")[0] == 2


@pytest.mark.rare
def test_a_failed_table_holds_its_models_back(location: Location) -> None:
    """What reads a table that failed is not built, in a run of its source, of another, and of everything."""
    start(location)
    assert run(location, "--dbt")[0] == 0
    location.add("bank", data="def get_rows():\n    raise ValueError('no')\n    yield\n")
    code, built, output = run(location, "bank", "--dbt")
    assert (code, built) == (1, set())
    code, built, output = run(location, "bank", "shop", "--dbt")
    assert (code, built) == (1, {"stg_shop"})
    assert "does not exist yet: marts.after, marts.both" in output
    assert run(location, "--dbt")[:2] == (1, {"stg_shop", "lonely"})


def manifest() -> dict[str, object]:
    """Returns the part of a manifest that the lineage of `MODELS` is read from."""
    parents = {
        "model.a.stg_shop": ["source.a.raw.shop"],
        "model.a.stg_bank": ["source.a.raw.bank"],
        "model.a.passing": ["model.a.stg_shop"],
        "test.a.unique_both": ["model.a.both"],
        "model.a.both": ["model.a.passing", "model.a.stg_bank"],
        "model.a.after": ["model.a.both"],
        "model.a.lonely": [],
    }
    nodes = {}
    for key in parents:
        kind, _, name = key.split(".")
        how = "ephemeral" if name == "passing" else "view"
        nodes[key] = {"resource_type": kind, "config": {"materialized": how}, "schema": "MARTS", "name": name,
                      "alias": f"{name}_v1" if name == "stg_bank" else None, "fqn": ["small", name]}  # fmt: skip
    children: dict[str, list[str]] = {}
    for key, above in parents.items():
        for parent in above:
            children.setdefault(parent, []).append(key)
    sources = {f"source.a.raw.{name}": {"source_name": "raw", "name": name} for name in FOLDERS}
    return {"nodes": nodes, "sources": sources, "child_map": children, "parent_map": parents}


@dataclass(frozen=True)
class Case:
    """Tables that were loaded, and the selectors of their models.

    Attributes:
        tables: The loaded tables of `raw`.
        selected: The selectors, separated by spaces.
        absent: Tables of `raw` that failed or do not exist.
        existing: The models that exist in the warehouse.
    """

    tables: str
    selected: str
    absent: str = ""
    existing: str = "stg_shop stg_bank_v1 both after lonely"


CASES = {
    "one table": Case("shop", "source:raw.shop+"),
    "two tables": Case("shop bank", "source:raw.shop+ source:raw.bank+"),
    "a table that no model reads": Case("idle", ""),
    "one of them is read by none": Case("idle shop", "source:raw.idle+ source:raw.shop+"),
    "a table that is no source": Case("other", ""),
    "nothing": Case("", ""),
    "what is needed was never built": Case("shop", "source:raw.shop+ small.stg_bank", existing="stg_shop"),
    "an alias is the name of the relation": Case("shop", "source:raw.shop+ small.stg_bank", existing="stg_bank"),
    "a table that others need is absent": Case("shop", "source:raw.shop+", "bank"),
    "the table itself is absent": Case("shop", "", "shop"),
    "all its models need what is absent": Case("bank", "", "shop bank"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_selectors_of_tables(case: Case) -> None:
    """The models of the loaded tables are selected, with what they need and was never built."""
    loaded, absent = ([TableName("raw", name) for name in names.split()] for names in (case.tables, case.absent))
    existing = {("marts", name) for name in case.existing.split()}
    assert Lineage(manifest()).select(loaded, absent, existing) == case.selected.split()
