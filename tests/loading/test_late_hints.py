"""What code declares while its rows are read is refused where it would lose rows; the state it keeps is forgotten."""

import pytest
import yaml

from data_foundation.errors import EntryError
from tests.support.spellings import HEAD, give
from tests.support.trees import Tree

ROWS = [{"id": 1, "n": 1}, {"id": 2, "n": 2}]

MARKED = """
@dlt.resource
def rows():
    for row in read("rows"):
        yield dlt.mark.with_hints(row, dlt.mark.make_hints({hints}))
"""
APPLIED = """
@dlt.resource
def rows():
    dlt.current.resource().apply_hints({hints})
    yield from read("rows")
"""
HINTS = [
    ("write_disposition='replace'", "write_disposition: replace", {"write_disposition": "replace"}),
    (
        "write_disposition='merge', primary_key='id'",
        "write_disposition: merge, primary_key: id",
        {"write_disposition": "merge", "primary_key": "id"},
    ),
    (
        "write_disposition={'disposition': 'merge', 'strategy': 'scd2'}",
        "write_disposition: merge scd2",
        {"write_disposition": {"disposition": "merge", "strategy": "scd2"}},
    ),
]


def add(tree: Tree, code: str, **resource: object) -> None:
    """Writes a source with one resource and gives it rows."""
    document = {"resources": [{"entry": "data.rows", "destination": "raw.t", **resource}]}
    tree.add("s", yaml.safe_dump(document), HEAD + code)
    give(tree, ROWS)


@pytest.mark.parametrize("code", [MARKED, APPLIED], ids=["with_hints", "apply_hints"])
@pytest.mark.parametrize(("hints", "received", "resource"), HINTS, ids=["replace", "merge", "scd2"])
def test_a_disposition_that_is_declared_late_is_refused(
    tree: Tree, code: str, hints: str, received: str, resource: dict[str, object]
) -> None:
    """A replace without rows, a sample or a failed part would remove rows; in sources.yaml the same is accepted."""
    add(tree, code.format(hints=hints))
    with pytest.raises(EntryError, match=f"has declared {received} while its rows were read"):
        tree.load("s.t")
    add(tree, code.format(hints=hints), **resource)
    assert tree.load("s.t").rows == len(ROWS)


def test_late_hints_of_columns_are_accepted(tree: Tree) -> None:
    """Columns, and a key that an append does not use, remove no row; dlt's sql_table marks both."""
    add(tree, MARKED.format(hints="primary_key='id', columns={'n': {'data_type': 'double'}}"))
    assert tree.load("s.t").rows == len(ROWS)


def test_a_cursor_that_is_declared_late_is_refused(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dlt resolves a cursor of the settings only when it calls the function: a sample would have moved it."""
    monkeypatch.setenv("SOURCES__S__CURSOR__CURSOR_PATH", "n")
    code = "\n@dlt.resource\ndef rows(cursor: dlt.sources.incremental[int] = dlt.config.value):\n"
    code += "    yield from read('rows')\n"
    add(tree, code)
    with pytest.raises(EntryError, match="has declared the cursor 'n' of t, which was not known before"):
        tree.load("s.t")
    add(tree, code, incremental={"cursor_path": "n"})
    assert tree.load("s.t").cursor == (None, 2)


@pytest.mark.parametrize("refresh", ["state", "drop"])
@pytest.mark.parametrize("state", ["resource_state", "source_state"])
def test_a_refresh_forgets_the_state_that_code_keeps(tree: Tree, state: str, refresh: str) -> None:
    """The table is emptied, so code that kept how far it was begins again."""
    code = f"""
def rows():
    state = dlt.current.{state}()
    given = [row for row in read("rows") if row["n"] > state.get("last", 0)]
    state["last"] = max([row["n"] for row in read("rows")])
    yield from given
"""
    add(tree, code)
    tree.load("s.t")
    give(tree, [*ROWS, {"id": 3, "n": 3}])
    assert tree.load("s.t", refresh=refresh).rows == 3
    assert tree.query("SELECT id FROM raw.t ORDER BY id") == [1, 2, 3]
