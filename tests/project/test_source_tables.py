"""A dlt source as `source`: its resources are selected, shown, and loaded each into a table."""

from __future__ import annotations

import dagster as dg
import pytest

from data_foundation.errors import ConfigError, EntryError, FoundationError, LoadError
from data_foundation.orchestration.factory import build_definitions
from data_foundation.project.discovery.discover import discover
from data_foundation.project.source import load_source_config
from tests.support.source_folders import CODE, declare, names
from tests.support.trees import Tree


def test_each_selected_resource_is_an_asset_and_a_table(tree: Tree) -> None:
    """Definitions are built from `discovered.yaml`; a load reads the code."""
    folder = declare(tree, "    kwargs: {size: 3}\n")
    (found,) = discover(tree.root, [])
    assert str(found) == "s: raw.s_{table}: 3 tables; new: orders, pages, tmp_drafts"
    assert names(folder) == ["raw.s_orders", "raw.s_tmp_drafts"]
    definitions = build_definitions(tree.root, tree.warehouse)
    node = definitions.resolve_asset_graph().get(dg.AssetKey(["raw", "s_orders"]))
    assert node.description
    assert "Orders of the shop." in node.description
    assert tree.load("s.s_orders").rows == 3
    assert tree.load("s.s_orders").row_count == 3
    assert tree.load("s.s_tmp_drafts").rows == 1


def test_nothing_of_a_source_runs_at_definition_time(tree: Tree) -> None:
    """A source whose module fails is still defined from its file."""
    folder = declare(tree)
    list(discover(tree.root, []))
    (folder / "data.py").write_text(f"raise SystemExit\n{CODE}")
    assert build_definitions(tree.root, tree.warehouse).resolve_all_asset_keys()
    with pytest.raises(EntryError, match=r"calls sys.exit"):
        tree.load("s.s_orders")


SELECTIONS = {
    "without": ("", ["raw.s_orders", "raw.s_tmp_drafts"]),
    "a name": ("tables: orders", ["raw.s_orders"]),
    "a pattern": ('tables: ["o*"]', ["raw.s_orders"]),
    "left out": ('tables: ["!tmp_*"]', ["raw.s_orders"]),
    "one that dlt does not select": ("tables: [pages, orders]", ["raw.s_orders", "raw.s_pages"]),
    "a mapping": ("tables: {orders: {owners: me@example.com}}", ["raw.s_orders"]),
    "all and one": ('tables: ["*", {orders: {destination: raw.mine}}]', ["raw.mine", "raw.s_tmp_drafts"]),
}


@pytest.mark.parametrize(("tables", "expected"), SELECTIONS.values(), ids=SELECTIONS)
def test_tables_selects(tree: Tree, tables: str, expected: list[str]) -> None:
    """Names, patterns and mappings select; `!` leaves out."""
    folder = declare(tree, f"    {tables}\n")
    list(discover(tree.root, []))
    assert sorted(names(folder)) == expected


def test_keys_of_a_pattern_are_overridden_by_later_ones(tree: Tree) -> None:
    """Keys beside `tables` hold for all, those inside for the named resources."""
    tables = '["*", {"o*": {retries: {max: 1}}}, {orders: {retries: {max: 2}}}]'
    more = f"    owners: all@example.com\n    tables: {tables}\n"
    folder = declare(tree, more)
    list(discover(tree.root, []))
    orders, drafts = load_source_config(folder).resources
    assert (orders.owners, orders.retries.max) == (("all@example.com",), 2)
    assert (drafts.owners, drafts.retries.max) == (("all@example.com",), 3)


REFUSED = {
    "not discovered": ("source: shop", "", False, "no table is known yet; run `foundation discover s`"),
    "misspelt": ("source: shop", "    tables: [oders]\n", True, "no resource 'oders'.*Did you mean 'orders'"),
    "a number": ("source: shop", "    tables: 5\n", True, "got 5; accepted are names and patterns"),
    "source and entry": ("source: shop", "    entry: data.f\n", True, "is the source already; leave it out"),
    "source and resource": ("source: shop", "    resource: orders\n", True, "is what `tables` selects"),
    "an unknown key": ("source: shop", "    tables: {orders: {retires: 3}}\n", True, "retires.*Did you mean 'retries'"),
    "an argument": ("source: shop", "    kwargs: {sise: 3}\n", True, "unexpected keyword argument 'sise'"),
}


@pytest.mark.parametrize(("source", "more", "discovered", "message"), REFUSED.values(), ids=REFUSED)
def test_a_check_refuses_a_mistake(tree: Tree, source: str, more: str, discovered: bool, message: str) -> None:  # noqa: FBT001 - a parameter
    """The error names the accepted values, once, and no code runs."""
    declare(tree)
    if discovered:
        list(discover(tree.root, []))
    declare(tree, more, source=source)
    with pytest.raises(ConfigError, match=message) as refused:
        tree.check("s")
    assert len(set(map(str, refused.value.problems))) == len(refused.value.problems)


ONE = {
    "a function": "entry: data.shop",
    "a built source": "entry: data.shops",
    "of the folder": "entry: s.data.shop",
}


@pytest.mark.parametrize("entry", ONE.values(), ids=ONE)
def test_one_resource_of_a_source_needs_no_discovery(tree: Tree, entry: str) -> None:
    """`entry` and `resource` name one table."""
    tree.add("s", f"resources: [{{{entry}, resource: orders, destination: raw.o}}]", CODE)
    tree.check("s")
    result = tree.load("s.o")
    assert result.rows in {2, 3}
    assert tree.load("s.o").row_count == result.rows  # it is a merge, as the code says


def test_a_source_in_the_package_of_the_folder(tree: Tree) -> None:
    """`__init__.shop` and `<folder>.shop` are functions of `__init__.py`."""
    folder = tree.add("s", "resources: []", "")
    (folder / "__init__.py").write_text(CODE)
    (folder / "data.py").unlink()
    for position, entry in enumerate(("__init__.shop", "s.shop", "dlthub.s.shop", "shop")):
        text = f"resources: [{{entry: {entry}, resource: orders, destination: raw.o{position}}}]"
        (folder / "sources.yaml").write_text(text)
        tree.check("s")
        assert tree.load(f"s.o{position}").rows == 2


def test_a_key_beats_the_code(tree: Tree) -> None:
    """What `tables` sets for a resource wins over its code, as with any entry."""
    declare(tree, "    tables: {orders: {write_disposition: append, incremental: {cursor_path: name}}}\n")
    list(discover(tree.root, []))
    with pytest.raises((EntryError, LoadError), match="has the cursor 'name', and the code of entry"):
        tree.load("s.s_orders")


def test_a_merge_without_a_key_appends_with_a_word(tree: Tree) -> None:
    """What dlt does in silence is said here, and ends once a key is set."""
    code = CODE.replace(', primary_key="id"', "").replace('cursor=dlt.sources.incremental("id", initial_value=0)', "")
    declare(tree, code=code)
    list(discover(tree.root, []))
    assert any("declares merge and no key" in warning for warning in tree.load("s.s_orders").warnings)
    assert tree.load("s.s_orders").row_count == 4
    declare(tree, "    tables: {orders: {primary_key: id}}\n", code=code)
    result = tree.load("s.s_orders", refresh="drop")
    assert not any("declares merge and no key" in warning for warning in result.warnings)
    assert tree.load("s.s_orders").row_count == 2


def test_two_sources_of_one_destination_are_refused(tree: Tree) -> None:
    """Their resources would be taken for each other's; `check` and `discover` name the destination."""
    more = "  - source: shop\n    kwargs: {size: 3}\n    destination: raw.s_{table}\n"
    declare(tree, more)
    for refuse in (lambda: tree.check("s"), lambda: list(discover(tree.root, ["s"]))):
        with pytest.raises(FoundationError, match=r"raw.s_\{table\} stands for the tables of two resources"):
            refuse()


def test_state_of_a_source_that_its_text_does_not_show_is_warned_of(tree: Tree) -> None:
    """Code elsewhere may keep it, for instance in a package: it is then a state of each table."""
    hidden = 'getattr(dlt.current, "source_" + "state")()'
    code = CODE.replace("yield [{", f'{hidden}["seen"] = True\n        yield [{{')
    declare(tree, code=code)
    list(discover(tree.root, []))
    assert any("dlt.current.source_state()" in warning for warning in tree.load("s.s_orders").warnings)
    assert not any("source_state" in warning for warning in tree.load("s.s_tmp_drafts").warnings)


def test_tables_that_rows_choose_are_declared_below_their_resource(tree: Tree) -> None:
    """The warning says what to write, and that makes an asset of the table."""
    code = """
import dlt


@dlt.source
def shop():
    return [dlt.resource([{"kind": "push"}], name="events", table_name=lambda row: "e_" + row["kind"])]
"""
    declare(tree, code=code)
    list(discover(tree.root, []))
    (warning,) = [one for one in tree.load("s.s_events").warnings if "is no asset" in one]
    assert "`tables: {events: {tables: [e_push]}}` makes assets of them" in warning
    declare(tree, "    tables: {events: {tables: [e_push]}}\n", code=code)
    assert not any("is no asset" in one for one in tree.load("s.s_events").warnings)


def test_a_transformer_is_downstream_of_its_parent(tree: Tree) -> None:
    """The lineage shows what discovery found; a parent that is not loaded is none."""
    code = """
import dlt


@dlt.source
def shop():
    orders = dlt.resource([{"n": 1}], name="orders")
    hidden = dlt.resource([{"n": 1}], name="hidden", selected=False)
    lines, alone = (dlt.transformer(lambda row: row, name=name) for name in ("lines", "alone"))
    return orders, orders | lines, hidden | alone
"""
    declare(tree, code=code)
    list(discover(tree.root, []))
    graph = build_definitions(tree.root, tree.warehouse).resolve_asset_graph()
    parents = {name: graph.get(dg.AssetKey(["raw", f"s_{name}"])).parent_keys for name in ("orders", "lines", "alone")}
    vendor = {dg.AssetKey(["source", "s"])}
    assert parents == {"orders": vendor, "lines": {dg.AssetKey(["raw", "s_orders"])}, "alone": vendor}
