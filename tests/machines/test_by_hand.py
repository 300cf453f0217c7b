"""Somebody changes tables by hand between two loads: the next load is right, is refused, or says what is missing."""

from pathlib import Path

import pytest

from data_foundation.errors import FoundationError
from tests.machines.machines import KINDS, Site, set_up
from tests.support.trees import Tree

REFUSED = {
    "dropped": (
        ["drop table raw.{0}"],
        "does not exist any more, though load .* has landed: it was dropped or renamed",
    ),
    "renamed": (["alter table raw.{0} rename to {0}_old"], "does not exist any more"),
    "a view": (["alter table raw.{0} rename to {0}_old", "create view raw.{0} as from raw.{0}_old"], "."),
    "without loads": (["drop table raw._dlt_loads"], "holds . rows that this project has not loaded"),
    "without schemas": (["drop table raw._dlt_version"], "holds . rows that this project has not loaded"),
    "without states": (["drop table raw._dlt_pipeline_state"], "holds . rows that this project has not loaded"),
}
BEHIND = {"emptied": "delete from raw.orders", "an older copy": "delete from raw.orders where id > 3"}
TABLES = [name for name in KINDS if name != "vault"]
CURSORS = [name for name in KINDS if "cursor" in name]


def _loaded_twice(kind: str, folder: Path) -> tuple[Site, Tree]:
    site = set_up(KINDS[kind], folder, Tree)
    tree = site.machines[0]
    tree.load("shop.orders")
    site.vendor.grow()
    tree.load("shop.orders")
    site.vendor.grow()
    return site, tree


@pytest.mark.sampled(11)
@pytest.mark.parametrize("change", REFUSED)
@pytest.mark.parametrize("kind", TABLES)
def test_a_load_is_refused(kind: str, change: str, tmp_path: Path) -> None:
    """Nothing is read into a table that is gone, a view, or without its records; `refresh: drop` makes a table anew."""
    site, tree = _loaded_twice(kind, tmp_path)
    statements, message = REFUSED[change]
    for sql in statements:
        tree.query(sql.format("orders"))
    for _ in range(2):
        with pytest.raises(FoundationError, match=message):
            tree.load("shop.orders")
    if change != "a view":
        tree.load("shop.orders", refresh="drop")
        site.judge()


@pytest.mark.sampled(7)
@pytest.mark.parametrize("change", BEHIND)
@pytest.mark.parametrize("kind", TABLES)
def test_a_table_that_is_behind_its_cursor(kind: str, change: str, tmp_path: Path) -> None:
    """Without a cursor all comes again; with one, a warning says what is missing, once, and how to read everything."""
    site, tree = _loaded_twice(kind, tmp_path)
    tree.query(BEHIND[change])
    warnings = " ".join(tree.load("shop.orders").warnings)
    assert ("it was emptied, or an older copy was put in its place" in warnings) == (kind in CURSORS)
    if kind in CURSORS:
        assert not tree.load("shop.orders").warnings
        tree.query("delete from raw.orders")
        tree.load("shop.orders", refresh="state")
    site.judge()


@pytest.mark.parametrize("kind", ["append with a cursor", "vault"])
def test_a_dropped_schema_is_a_first_load(kind: str, tmp_path: Path) -> None:
    """With its records, the whole schema is gone: everything is loaded again."""
    site, tree = _loaded_twice(kind, tmp_path)
    tree.query("drop schema raw cascade")
    tree.load("shop.orders")
    site.judge()
