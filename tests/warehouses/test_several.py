"""Tests that one tree feeds several warehouses: `warehouse:` of a resource names any that is configured."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from data_foundation.cli.main import app
from data_foundation.warehouses.settings import build_warehouse
from tests.support.trees import Tree

YAML = """
resources:
  - {entry: data.get_rows, destination: raw.here}
  - {entry: data.get_rows, destination: raw.in_lake, warehouse: lake}
  - {entry: data.get_rows, destination: raw.in_ducklake, warehouse: ducklake}
  - {entry: data.get_rows, destination: raw.in_sqlite, warehouse: sqlalchemy, write_disposition: merge, primary_key: id}
  - {entry: data.get_doubles, destination: raw.doubles, data_from: raw.in_lake, warehouse: sqlalchemy}
"""
DATA = '''
import json
from pathlib import Path


def get_rows():
    """Yields the rows that the test has written."""
    yield json.loads((Path(__file__).parent / "rows.json").read_text())


def get_doubles(rows):
    """Yields twice each row."""
    yield [{"id": 2 * row["id"]} for row in rows]
'''
SETTINGS = {
    "WAREHOUSE": "duckdb",
    "DEPLOYMENT": "production",
    "LAKE_URL": "lake",
    "LAKE_FORMAT": "iceberg",
    "DESTINATION__SQLALCHEMY__CREDENTIALS": "sqlite:///sqlite/main.db",
}
PLACES = {"duckdb": "here", "lake": "in_lake", "ducklake": "in_ducklake", "sqlalchemy": "in_sqlite"}


def test_one_tree_feeds_several_warehouses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One run loads each table where it belongs, the next continues, and the default has the trail of all attempts."""
    for name, value in {**SETTINGS, "DLT_PROJECT_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sqlite").mkdir()
    tree = Tree(tmp_path)
    tree.add("shop", YAML, DATA)
    for number in (1, 2):
        tree.give("shop", [{"id": number}])
        done = CliRunner().invoke(app, ["run"])
        assert done.exit_code == 0, done.output
    for kind, table in PLACES.items():
        with build_warehouse(tmp_path, kind).query() as query:
            rows = query(f"SELECT id FROM {'ducklake.' if kind == 'ducklake' else ''}raw.{table} ORDER BY id")
        assert [int(row[0]) for row in rows] == [1, 2], kind
    with build_warehouse(tmp_path, "sqlalchemy").query() as query:
        assert [int(row[0]) for row in query("SELECT id FROM raw.doubles ORDER BY id")] == [2, 4]
    with build_warehouse(tmp_path).query() as query:
        assert query("SELECT count(*) FROM raw._load_audit WHERE status = 'loaded'") == [(10,)]
    assert CliRunner().invoke(app, ["check"]).exit_code == 0
