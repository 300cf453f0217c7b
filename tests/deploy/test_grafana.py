"""Tests that the dashboard of deploy/grafana/ shows what was loaded."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgres_server import PostgresTree

DASHBOARD = json.loads(Path(__file__).parents[2].joinpath("deploy", "grafana", "loads.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
YAML = """
resources:
  - {entry: data.get_rows, destination: raw.orders}
  - {entry: data.get_nothing, destination: raw.broken}
"""
DATA = """
def get_rows():
    yield [{"id": 1}, {"id": 2}]


def get_nothing():
    raise ValueError("the vendor answered 500")
    yield
"""
MACROS = [
    (r"\$__timeFilter\((\w+)\)", r"\1 BETWEEN NOW() - INTERVAL '7 days' AND NOW() + INTERVAL '1 hour'"),
    (r"\$__timeGroupAlias\((\w+), '1h'\)", r"DATE_TRUNC('hour', \1) AS time"),
    (r"\$\{schema\}", "raw"),
]
"""What Grafana's PostgreSQL source makes of its macros and of the dashboard's variable."""


def test_each_panel_shows_the_loads(postgres_tree: PostgresTree) -> None:
    """Every query runs on the audit trail of real loads, one of which failed, and finds them."""
    postgres_tree.write_source("shop", YAML, DATA)
    postgres_tree.load("shop.orders", run_id="one")
    with pytest.raises(Exception, match="answered 500"):
        postgres_tree.load("shop.broken", run_id="one")
    found = {}
    for panel in PANELS:
        [target] = panel["targets"]
        sql = target["rawSql"]
        for macro, meaning in MACROS:
            sql = re.sub(macro, meaning, sql)
        found[panel["title"]] = postgres_tree.query(sql)
    assert found["Tables whose last load failed"] == [1]
    assert found["Loads"] == [1]
    assert found["Rows"] == [2]
    assert [row[1:] for row in found["Rows by source"]] == [("shop", 2)]
    assert [row[1:] for row in found["Failed attempts by error"]] == [("ValueError", 1)]
    assert [row[:2] for row in found["Age of tables"]] == [("raw.orders", "shop")]
    assert [row[1] for row in found["Newest failures"]] == ["raw.broken"]
    assert all(found.values())


def test_the_panels_do_not_overlap_and_have_the_chosen_source() -> None:
    """Each has its own id and place, a title, a description and the data source that a person chooses."""
    cells = [
        (x, y)
        for panel in PANELS
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert all(panel["title"] and panel["description"] for panel in PANELS)
    sources = [panel["datasource"] for panel in PANELS] + [panel["targets"][0]["datasource"] for panel in PANELS]
    assert {source["uid"] for source in sources} == {"${datasource}"}
    assert {variable["name"] for variable in DASHBOARD["templating"]["list"]} == {"datasource", "schema"}
