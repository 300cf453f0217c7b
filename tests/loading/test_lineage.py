"""Events of OpenLineage, as a receiver gets them over HTTP from real runs."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from tests.support.locations import Location
from tests.support.rest_server import Answer, serve

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
SPEC = os.environ.get("OPENLINEAGE_SPEC", "")
"""The folder `spec` of a checkout of OpenLineage, whose JSON Schemas the events are validated against."""

SHOP = """
resources:
  - entry: data.get_rows
    destination: raw.orders
    columns: {id: {data_type: bigint, description: Number of the order.}}
    checks: {row_count: {min: 1}}
  - {entry: data.get_nothing, destination: raw.broken}
"""
ROWS = """
def get_rows():
    yield [{"id": 1, "lines": [{"sku": "a"}]}, {"id": 2, "lines": []}]


def get_nothing():
    raise ValueError("https://vendor.example/?token=Zq7vYk2mW9xPbN4t answered 500")
    yield
"""
MODEL = "select id, id * 2 as double from {{ source('raw', 'orders') }}"
PROJECT = """
name: data_foundation
version: 1.0.0
profile: data_foundation
"""
SOURCES = "sources: [{name: raw, schema: raw, tables: [{name: orders}]}]"


def observe(location: Location, *command: str, status: int = 200) -> list[dict[str, Any]]:
    """Runs a command and returns the events that it has sent."""
    with serve() as server:
        server.answer = lambda _request: Answer({}, status)
        environment = {**os.environ, "OPENLINEAGE_URL": server.url, "DAGSTER_HOME": str(location.root / "home")}
        ended = subprocess.run(
            [str(BIN / "foundation"), *command], cwd=location.root, env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert ended.returncode == int("raw.broken" in ended.stderr), ended.stderr
        events = [request.body for request in server.requests]
    if SPEC:
        validate(events)
    return events


def validate(events: Sequence[dict[str, Any]]) -> None:
    """Validates events, and each facet that the specification describes, against its JSON Schemas."""
    files = [Path(SPEC, "OpenLineage.json"), *Path(SPEC, "facets").glob("*.json")]
    schemas = [json.loads(file.read_text()) for file in files]
    registry: Registry[Any] = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas
    )
    facets = {name: schema["$id"] for schema in schemas[1:] for name in schema["properties"]}
    checker = jsonschema.FormatChecker()
    for event in events:
        jsonschema.Draft202012Validator(schemas[0], registry=registry, format_checker=checker).validate(event)
        datasets = [*event["inputs"], *event["outputs"]]
        holders = [event["run"].get("facets"), event["job"].get("facets")]
        holders += [dataset.get(kind) for dataset in datasets for kind in ("facets", "inputFacets", "outputFacets")]
        for name, facet in ((name, facet) for holder in holders for name, facet in (holder or {}).items()):
            if name in facets:
                schema = {"$ref": facets[name]}
                jsonschema.Draft202012Validator(schema, registry=registry, format_checker=checker).validate(
                    {name: facet}
                )


@pytest.fixture
def location(tmp_path: Path) -> Location:
    """Returns a project whose table has a nested one, a check, and a neighbour that cannot be read."""
    location = Location(tmp_path)
    location.add("shop", SHOP, ROWS)
    return location


def test_a_load_is_reported_from_start_to_end_with_its_tables(location: Location) -> None:
    """START, then COMPLETE with columns and statistics of each table, or FAIL with the masked message; then checks."""
    events = observe(location, "run")
    states = {(event["job"]["name"], event["eventType"]) for event in events}
    assert states == {
        ("shop.raw.orders", "START"),
        ("shop.raw.orders", "COMPLETE"),
        ("shop.raw.orders.checks", "START"),
        ("shop.raw.orders.checks", "COMPLETE"),
        ("shop.raw.broken", "START"),
        ("shop.raw.broken", "FAIL"),
    }
    by_job: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        by_job.setdefault(event["job"]["name"], []).append(event)
    for [started, ended] in by_job.values():
        assert started["eventType"] == "START"
        assert started["run"]["runId"] == ended["run"]["runId"]
    [orders, lines] = by_job["shop.raw.orders"][1]["outputs"]
    assert orders["namespace"] == f"duckdb://{location.root}/data/warehouse.duckdb"
    assert [orders["name"], lines["name"]] == ["warehouse.raw.orders", "warehouse.raw.orders__lines"]
    assert orders["outputFacets"]["outputStatistics"]["rowCount"] == 2
    described = {column["name"]: column for column in orders["facets"]["schema"]["fields"]}
    assert described["id"]["type"] == "bigint"
    assert described["id"]["description"] == "Number of the order."
    assert "sku" in {column["name"] for column in lines["facets"]["schema"]["fields"]}
    [read] = by_job["shop.raw.orders.checks"][1]["inputs"]
    assertions = {one["assertion"]: one for one in read["inputFacets"]["dataQualityAssertions"]["assertions"]}
    assert read["name"] == "warehouse.raw.orders"
    assert assertions["row_count"]["success"] is True
    message = by_job["shop.raw.broken"][1]["run"]["facets"]["errorMessage"]["message"]
    assert "answered 500" in message
    assert "Zq7vYk2mW9xPbN4t" not in json.dumps(events)
    assert len({event["run"]["facets"]["parent"]["run"]["runId"] for event in events}) == 1


@pytest.mark.rare
def test_a_model_reads_the_dataset_that_the_load_has_written(location: Location) -> None:
    """The events of dbt's models name tables as those of loads do, with the lineage of each column."""
    location.write("dbt_project/dbt_project.yml", PROJECT)
    location.write("dbt_project/profiles.yml", (ROOT / "dbt_project" / "profiles.yml").read_text())
    location.write("dbt_project/models/doubles.sql", MODEL)
    location.write("dbt_project/models/sources.yml", SOURCES)
    events = observe(location, "run", "shop.orders", "--dbt")
    [load] = [event for event in events if event["job"]["name"] == "shop.raw.orders" and event["outputs"]]
    [model] = [event for event in events if "doubles" in event["job"]["name"] and event["eventType"] == "COMPLETE"]
    written, [read] = load["outputs"][0], model["inputs"]
    assert (read["namespace"], read["name"]) == (written["namespace"], written["name"])
    [output] = model["outputs"]
    [origin] = output["facets"]["columnLineage"]["fields"]["double"]["inputFields"]
    assert (origin["name"], origin["field"]) == (written["name"], "id")
    parents = [event["run"]["facets"]["parent"]["run"]["runId"] for event in (model, load)]
    assert parents[0] == parents[1]


@pytest.mark.rare
def test_a_receiver_that_refuses_events_fails_no_load(location: Location) -> None:
    """The table is loaded, whatever the receiver answers."""
    observe(location, "run", "shop.orders", status=500)
    assert location.query("SELECT count(*) FROM raw.orders") == [(2,)]
