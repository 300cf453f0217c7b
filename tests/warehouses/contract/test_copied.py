"""A table is copied from DuckDB to every engine that can give values back, and from there to another DuckDB."""

from pathlib import Path

import pytest

from data_foundation.audit.read import read_trail
from data_foundation.errors import LoadError
from data_foundation.loading.copying.copy_table import copy_table
from tests.support.copies import Pair, Table, copy
from tests.support.trees import Tree
from tests.warehouses.contract.engines import ENGINES, Engine
from tests.warehouses.contract.test_values import compare_values, load_values

NEEDS = "is_copied"
REFUSED = ["delta", "iceberg", "parquet"]
COUNTS = (
    "select id from raw.orders order by id",
    "select sku, _dlt_list_idx from raw.orders__lines order by 1, 2",
    "select count(*) from raw.orders o join raw.orders__lines l on l._dlt_parent_id = o._dlt_id",
    "select count(*) from raw.orders__lines l join raw.orders__lines__tags t on t._dlt_parent_id = l._dlt_id",
    "select count(*) from raw.orders o join raw._dlt_loads l on l.load_id = o._dlt_load_id",
)
"""Queries whose results do not depend on the ids that dlt makes up, nor on the types of an engine."""


@pytest.mark.sampled(2)
def test_every_value_is_copied(engine: Engine, tree: Tree, tmp_path: Path) -> None:
    """There and back: keys that differ little, numbers at their limits, times, bytes, JSON."""
    del engine
    here = Tree(tmp_path / "duckdb")
    load_values(here)
    task = here.task("s.t", run_id="copy")
    copy_table(task, here.warehouse, tree.warehouse, print)
    compare_values(tree)
    back = Tree(tmp_path / "back")
    copy_table(task, tree.warehouse, back.warehouse, print)
    compare_values(back)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", ["append", "merge", "scd2"])
def test_the_next_run_continues_there(engine: Engine, tree: Tree, kind: str, tmp_path: Path) -> None:
    """The cursor, nested rows and the audit trail are where the copy is; what follows is as it would have been."""
    del engine
    pair = Pair(Tree(tmp_path / "duckdb"), tree)
    here, there = Table(pair.here), Table(pair.there)
    here.declare(kind)
    there.declare(kind)
    here.load(1, 2, 3)
    here.load(1, 2, 3, 4)
    assert copy(pair).attempts == 2
    trails = [read_trail(side.warehouse, "raw.orders").attempts for side in (pair.here, pair.there)]
    assert [attempt.id for attempt in trails[0]] == [attempt.id for attempt in trails[1]]
    here.load(1, 2, 3, 4, 5)
    there.load(1, 2, 3, 4, 5)
    for sql in COUNTS:
        assert pair.there.query(sql) == pair.here.query(sql), sql


@pytest.mark.parametrize("name", REFUSED)
def test_other_engines_are_refused(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """In words, before anything is written, to it and from it."""
    other = ENGINES[name].share(request, tmp_path)(tmp_path / "here")
    here = Tree(tmp_path / "duckdb")
    Table(here).declare("append")
    Table(here).load(1)
    task = here.task("shop.orders", run_id="copy")
    for source, target in ((here, other), (other, here)):
        with pytest.raises(LoadError, match="tables are copied between duckdb, postgres, snowflake, ducklake, mariadb"):
            copy_table(task, source.warehouse, target.warehouse, print)
