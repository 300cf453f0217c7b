"""Entries that load tables themselves: objects of Dagster and dlt's pipelines, which are refused by name."""

from __future__ import annotations

import pytest

from data_foundation.errors import ConfigError, EntryError, FoundationError, LoadError
from data_foundation.project.discovery.discover import discover
from tests.loading.test_siblings import run
from tests.support.trees import Tree

CODE = """
from pathlib import Path

import dagster as dg
import dlt
from dagster_dlt import DagsterDltResource, dlt_assets

HERE = Path(__file__).parent


@dlt.source
def shop():
    return dlt.resource([{"n": 1}], name="orders")


pipeline = dlt.pipeline("plain", pipelines_dir=str(HERE / "p"), destination=dlt.destinations.duckdb(str(HERE / "x.db")))


@dlt_assets(dlt_source=shop(), dlt_pipeline=pipeline)
def of_dlt(context: dg.AssetExecutionContext, dlt: DagsterDltResource):
    yield from dlt.run(context=context)


@dg.asset
def an_asset():
    return [{"n": 1}]


@dg.op
def an_op():
    return [{"n": 1}]


definitions = dg.Definitions(assets=[an_asset])


def runs():
    return pipeline.run(shop())


def returns():
    return pipeline


def runs_between_rows():
    yield {"n": 1}
    pipeline.run(shop())
    yield {"n": 2}


def takes(pipeline):
    yield {"n": 1}
"""


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ("of_dlt", "Dagster's AssetsDefinition"),
        ("an_asset", "Dagster's AssetsDefinition"),
        ("an_op", "Dagster's OpDefinition"),
        ("definitions", "Dagster's Definitions"),
        ("pipeline", "dlt's Pipeline"),
        ("returns", "dlt's Pipeline"),
        ("runs", "dlt's LoadInfo"),
    ],
)
@pytest.mark.parametrize("is_source", [False, True], ids=["entry", "source"])
def test_an_entry_that_loads_tables_itself_is_refused(tree: Tree, entry: str, what: str, *, is_source: bool) -> None:
    """The message names what it is, and what to name instead."""
    key = f"source: data.{entry}, destination: 'raw.{{table}}'" if is_source else f"entry: {entry}, destination: raw.t"
    tree.add("s", f"resources: [{{{key}}}]", CODE)
    with pytest.raises(FoundationError) as refused:
        _ = list(discover(tree.root, ["s"])) if is_source else tree.load("s.t")
    assert f"is {what}, which loads tables itself; name the dlt source that it loads as `source`" in str(refused.value)
    assert isinstance(refused.value, EntryError)


def test_a_pipeline_that_runs_while_rows_are_read_is_refused(tree: Tree) -> None:
    """Dlt cannot extract in two pipelines at once."""
    entry = "resources: [{entry: runs_between_rows, destination: raw.t}]"
    tree.add("s", entry, CODE)
    with pytest.raises(LoadError, match="Hint: the code runs a dlt pipeline while its rows are read"):
        tree.load("s.t")


def test_a_pipeline_as_an_argument_is_refused(tree: Tree) -> None:
    """The code can read the pipeline of its table instead."""
    tree.add("s", "resources: [{entry: takes, destination: raw.t}]", CODE)
    with pytest.raises(ConfigError, match=r"'pipeline'.*which the code reads by dlt.current.pipeline\(\)"):
        tree.check("s")


def test_the_current_pipeline_is_that_of_the_table(tree: Tree) -> None:
    """Also while other tables are loaded beside it."""
    code = """
import time

import dlt


def rows():
    for _ in range(3):
        time.sleep(0.1)
        yield {"table": dlt.current.pipeline().default_schema_name or dlt.current.source_schema().name}
"""
    names = [f"t{n}" for n in range(3)]
    members = "".join(f"  - {{entry: rows, destination: raw.{name}, write_disposition: replace}}\n" for name in names)
    tree.add("s", f"resources:\n{members}", code)
    for _ in range(2):
        assert not [one.error for one in run(tree, names).values() if one.error]
        assert [tree.query(f'select distinct "table" from raw.{name}') for name in names] == [[name] for name in names]
