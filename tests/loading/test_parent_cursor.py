"""A transformer whose parent has a cursor: what each run reads, and what it must not remove."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml

from data_foundation.errors import EntryError
from tests.support.spellings import HEAD, give
from tests.support.trees import Tree

CURSOR = "dlt.sources.incremental('n', initial_value=0)"
CHILD = "\n\n@dlt.transformer\ndef child(row):\n    yield {'id': row['n'], 'twice': 2 * row['n']}\n"
PARENT = "\n\n@dlt.resource\ndef parent({argument}):\n    yield from read('rows')\n"

Spelling = Callable[[Tree, Mapping[str, Any]], None]


def in_yaml(tree: Tree, resource: Mapping[str, Any]) -> None:
    """The parent is a resource of sources.yaml with `incremental`."""
    parent = {
        "entry": "data.parent",
        "destination": "raw.p",
        "incremental": {"cursor_path": "n", "initial_value": 0},
    }
    child = {"entry": "data.child", "data_from": "p", "destination": "raw.t", **resource}
    tree.add("s", yaml.safe_dump({"resources": [parent, child]}), HEAD + PARENT.format(argument="") + CHILD)


def in_decorated_parent(tree: Tree, resource: Mapping[str, Any]) -> None:
    """The parent is a resource of sources.yaml whose function has the cursor as a default."""
    parent = {"entry": "data.parent", "destination": "raw.p"}
    child = {"entry": "data.child", "data_from": "p", "destination": "raw.t", **resource}
    code = HEAD + PARENT.format(argument=f"cursor={CURSOR}") + CHILD
    tree.add("s", yaml.safe_dump({"resources": [parent, child]}), code)


def in_pipe(tree: Tree, resource: Mapping[str, Any]) -> None:
    """The code pipes a parent with a cursor into a transformer, and the entry is both."""
    code = HEAD + PARENT.format(argument=f"cursor={CURSOR}") + CHILD + "\n\nboth = parent | child\n"
    _add_alone(tree, resource, code)


def in_hinted_pipe(tree: Tree, resource: Mapping[str, Any]) -> None:
    """The code applies the cursor to the parent, as users of dlt's `filesystem` do."""
    code = HEAD + PARENT.format(argument="") + CHILD
    code += f"\n\nfiles = parent()\nfiles.apply_hints(incremental={CURSOR})\nboth = files | child\n"
    _add_alone(tree, resource, code)


def _add_alone(tree: Tree, resource: Mapping[str, Any], code: str) -> None:
    entry = {"entry": "data.both", "destination": "raw.t", **resource}
    tree.add("s", yaml.safe_dump({"resources": [entry]}), code)


SPELLINGS = pytest.mark.parametrize(
    "spell", [in_yaml, in_decorated_parent, in_pipe, in_hinted_pipe], ids=lambda spell: spell.__name__[3:]
)
MERGE = {"write_disposition": "merge", "primary_key": "id"}


def ids_after(tree: Tree, last: int, **options: Any) -> list[int]:
    """Loads while the parent has the rows up to a number; returns the ids in the table."""
    give(tree, [{"n": number} for number in range(1, last + 1)])
    tree.load("s.t", **options)
    return tree.query("SELECT id FROM raw.t ORDER BY id")


@pytest.mark.sampled(7)
@pytest.mark.parametrize("resource", [{}, MERGE], ids=["append", "merge"])
@SPELLINGS
def test_each_run_reads_what_its_options_request(tree: Tree, spell: Spelling, resource: Mapping[str, Any]) -> None:
    """The parent's cursor passes new rows, a sample leaves it alone, and a refresh begins at its initial value."""
    spell(tree, resource)
    assert ids_after(tree, 3) == [1, 2, 3]
    assert ids_after(tree, 4) == [1, 2, 3, 4]
    tree.load("s.t", limit=1)
    assert ids_after(tree, 6)[-2:] == [5, 6]
    tree.query("DELETE FROM raw.t WHERE id < 3 RETURNING id")
    assert ids_after(tree, 6, refresh="state") == [1, 2, 3, 4, 5, 6]
    assert ids_after(tree, 7, refresh="drop") == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    "disposition", ["replace", {"disposition": "merge", "strategy": "scd2"}], ids=["replace", "scd2"]
)
@SPELLINGS
def test_what_would_remove_the_rows_of_earlier_items_is_refused(tree: Tree, spell: Spelling, disposition: Any) -> None:
    """A replace would leave the rows of new items only, and scd2 would retire all others."""
    spell(tree, {"write_disposition": disposition})
    give(tree, [{"n": 1}])
    with pytest.raises(EntryError, match="whose cursor 'n' passes only new ones"):
        tree.load("s.t")


@pytest.mark.parametrize("spell", [in_pipe, in_hinted_pipe], ids=lambda spell: spell.__name__[3:])
def test_a_range_of_a_parent_in_code_is_refused(tree: Tree, spell: Spelling) -> None:
    """The rows of the range would be deleted, and the parent passes none of their items again."""
    spell(tree, {"write_disposition": "append", "incremental": {"cursor_path": "id", "initial_value": 0}})
    assert ids_after(tree, 3) == [1, 2, 3]
    with pytest.raises(EntryError, match="whose cursor 'n' passes only new ones, so a range cannot"):
        tree.load("s.t", start="1", end="3")
    assert ids_after(tree, 4) == [1, 2, 3, 4]
