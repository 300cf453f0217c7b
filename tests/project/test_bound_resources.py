"""Resources of a dlt source that take arguments: `bind` passes them, as `resource.bind(...)` does in dlt."""

from __future__ import annotations

import pytest

from data_foundation.errors import ConfigError, EntryError
from data_foundation.project.discovery.discover import discover
from tests.support.trees import Tree

CODE = """
import dlt


@dlt.source(root_key=True)
def tracker(token="t"):
    @dlt.resource(write_disposition="merge", primary_key="n")
    def search(queries, size=1):
        yield [{"n": n, "query": query, "of": [size]} for n, query in enumerate(queries)]

    @dlt.resource
    def users():
        yield [{"n": 1}, {"n": 2}]

    @dlt.transformer
    def details(items, depth):
        yield [{"n": item["n"], "depth": depth} for item in items]

    return search, users, users | details, users | details(depth=3).with_name("passed")
"""
SOURCE = "resources:\n  - source: tracker\n    destination: raw.{table}\n"


def lay_in(tree: Tree, tables: str = "") -> None:
    """Writes a source with two resources that need arguments, and discovers it."""
    tree.add("s", SOURCE, CODE)
    list(discover(tree.root, ["s"]))
    (tree.root / "dlthub" / "s" / "sources.yaml").write_text(f"{SOURCE}{tables}")


def test_bind_passes_the_arguments_of_a_resource(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a resource and of a transformer, with templates; the hints of the source stay."""
    bound = '{search: {bind: {queries: ["{{ env.QUERY }}", b]}}}, {details: {bind: {depth: 7}}}'
    lay_in(tree, f"    tables: [users, passed, {bound}]\n")
    monkeypatch.setenv("QUERY", "a")
    tree.check("s")
    for table in ("search", "users", "details", "passed", "search"):
        tree.load(f"s.{table}")
    assert tree.query("select n, query from raw.search order by 1") == [(0, "a"), (1, "b")]
    assert tree.query("select n, depth from raw.details order by 1") == [(1, 7), (2, 7)]
    assert tree.query("select n, depth from raw.passed order by 1") == [(1, 3), (2, 3)]
    assert tree.query("select count(*) from raw.search__of where _dlt_root_id is not null") == [2]


def test_a_resource_that_lacks_arguments_is_refused_by_check_and_by_a_load(tree: Tree) -> None:
    """The message names them and what to write; `users` needs none."""
    lay_in(tree)
    with pytest.raises(ConfigError) as refused:
        tree.check("s")
    text = str(refused.value)
    assert "raw.search: the dlt resource search needs a value for queries, which its source does not pass" in text
    assert "set `tables: {details: {bind: {depth: ...}}}`, or `bind` beside `resource: details`" in text
    assert "users" not in text
    assert "passed" not in text
    with pytest.raises(EntryError, match="the dlt resource search needs a value for queries"):
        tree.load("s.search")


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        ("{entry: tracker, resource: users, bind: {n: 1}", "users does not take the arguments of `bind`"),
        (
            "{entry: tracker, resource: search, bind: {query: [a]}",
            r"search does not take .*its signature is \(queries, size=1\)",
        ),
        ("{entry: tracker, resource: passed, bind: {depth: 1}", "has passed the arguments of its resource passed"),
        ("{entry: tracker, resource: details, bind: {size: 1}", "details does not take the arguments of `bind`"),
    ],
    ids=["one that takes none", "misspelt", "passed already", "misspelt of a transformer"],
)
def test_arguments_that_a_resource_does_not_take_are_refused(tree: Tree, resource: str, message: str) -> None:
    """Nothing is read."""
    tree.add("s", f"resources:\n  - {resource}, destination: raw.t}}\n", CODE)
    with pytest.raises(EntryError, match=message):
        tree.load("s.t")


def test_bind_without_a_resource_is_refused(tree: Tree) -> None:
    """Arguments of a function are its kwargs."""
    tree.add("s", "resources: [{entry: data.f, bind: {n: 1}, destination: raw.t}]", "def f(n):\n    yield {'n': n}\n")
    with pytest.raises(ConfigError, match="name that as `resource`, or use kwargs"):
        tree.check("s")
