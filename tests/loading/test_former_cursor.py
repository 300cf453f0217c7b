"""Cursors that are removed, replaced and put back: no load that is green loses a row or adds one twice."""

import random
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

from data_foundation.errors import LoadError
from tests.support.trees import Tree
from tests.support.typed_rows import CODE, TypedRows

APPEND, MERGE = "write_disposition: append", "write_disposition: merge, primary_key: id"
REPLACE = "write_disposition: replace"
GONE = r"earlier loads have added the rows up to {} .*, and this cursor is not configured any more: .*`--refresh state`"
LOST = r"they replace {0} rows of rows\. The load has not {0} of {0} .*`initial_value`.*`--refresh state`"

CURSORS = {
    "a number": "day",
    "text": "label",
    "nested": "inner.at",
    "of many rows": "group",
}
"""Paths of cursors by which the rows of `make_rows` are ordered as by their number."""


def find_paths(way: str) -> list[str]:
    """Returns the paths that a way of yielding rows accepts: the cursor of frames is a column."""
    return [path for path in CURSORS.values() if way == "dicts" or "." not in path]


def make_rows(first: int, last: int) -> list[dict[str, Any]]:
    """Returns rows with the numbers of a range, its end included."""
    return [
        {"id": one, "day": one, "label": f"{one:04}", "inner": {"at": 100 + 2 * one}, "group": one // 4}
        for one in range(first, last + 1)
    ]


def configured(path: str, start: Any = None) -> str:
    """Returns an append with a cursor in sources.yaml."""
    initial = "" if start is None else f", initial_value: {start}"
    return f"{APPEND}, incremental: {{cursor_path: {path}{initial}}}"


@pytest.mark.sampled(2)
@pytest.mark.parametrize("way", ["dicts", "arrow"])
def test_an_append_that_has_lost_its_cursor_is_refused(tree: Tree, way: str) -> None:
    """It would add all rows again; each way out that the message names loads each row once."""
    source = TypedRows(tree, way, configured("day"))
    source.load(make_rows(1, 5))
    source.configure(APPEND)
    for options in ({}, {"limit": 1}):
        with pytest.raises(LoadError, match=GONE.format("day")):
            source.load(make_rows(1, 6), **options)
    assert source.ids() == [1, 2, 3, 4, 5]
    source.configure(configured("day"))
    assert source.load(make_rows(1, 6)).rows == 1
    source.configure(APPEND)
    source.load(make_rows(1, 6), refresh="state")
    source.load(make_rows(7, 7))
    assert source.ids() == [1, 2, 3, 4, 5, 6, 7]
    source.configure(configured("day"))
    source.load(make_rows(1, 8))
    assert source.ids() == [1, 2, 3, 4, 5, 6, 7, 8]


IN_CODE = CODE.replace("import datetime", "import datetime\nimport dlt", 1)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("way", ["dicts", "arrow"])
def test_a_cursor_that_code_declares_no_more_is_refused(tree: Tree, way: str) -> None:
    """What a decorator or an argument declares has the effect of the same key in sources.yaml."""
    code = IN_CODE.replace("def get_rows():", "def get_rows(since=dlt.sources.incremental('day')):")
    code = code.replace("\n\ndef get_rows", "\n\n@dlt.resource\ndef get_rows")
    source = TypedRows(tree, way, APPEND, code)
    source.load(make_rows(1, 5))
    assert source.load(make_rows(1, 6)).rows == 1
    without = TypedRows(tree, way, APPEND, IN_CODE)
    with pytest.raises(LoadError, match=GONE.format("day")):
        without.load(make_rows(1, 7))
    assert source.ids() == [1, 2, 3, 4, 5, 6]


PARENT = """
import dlt

@dlt.resource
def pages({argument}):
    yield from [{{"n": number}} for number in range(1, int((dlt.config["last"])) + 1)]

@dlt.transformer
def get_rows(page):
    yield {{"id": page["n"]}}

both = pages | get_rows
"""


def test_a_parent_that_has_lost_its_cursor_is_refused(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transformer that appends gets all items of its parent again; a merge by key takes them."""

    def load(last: int, argument: str, settings: str = APPEND) -> None:
        code = textwrap.dedent(PARENT.format(argument=argument))
        tree.add("shop", f"resources: [{{entry: data.both, destination: raw.rows, {settings}}}]", code)
        monkeypatch.setenv("LAST", str(last))
        tree.load("shop.rows")

    load(3, "since=dlt.sources.incremental('n')")
    load(4, "since=dlt.sources.incremental('n', initial_value=-1)")
    with pytest.raises(LoadError, match=GONE.format("n of pages")):
        load(5, "")
    assert tree.query("select id from raw.rows order by id") == [1, 2, 3, 4]
    load(5, "", MERGE)
    assert tree.query("select id from raw.rows order by id") == [1, 2, 3, 4, 5]


@pytest.mark.sampled(15)
@pytest.mark.parametrize(("way", "path"), [(way, path) for way in ("dicts", "arrow") for path in find_paths(way)])
@pytest.mark.parametrize("between", ["another cursor", "a merge", "a merge by another cursor", "a replace"])
def test_a_cursor_that_is_put_back_counts_what_was_loaded_since(tree: Tree, way: str, between: str, path: str) -> None:
    """Its former value would let the rows that came in between pass once more."""
    steps = {
        "another cursor": configured("id"),
        "a merge": MERGE,
        "a merge by another cursor": f"{MERGE}, incremental: {{cursor_path: id}}",
        "a replace": REPLACE,
    }
    source = TypedRows(tree, way, configured(path))
    source.load(make_rows(1, 5))
    source.configure(steps[between])
    source.load(make_rows(1, 9))
    source.configure(configured(path))
    source.load(make_rows(1, 12))
    assert source.ids() == list(range(1, 13))
    assert source.load(make_rows(1, 12)).rows == 0


@pytest.mark.sampled(2)
@pytest.mark.parametrize("way", ["dicts", "arrow"])
def test_a_new_cursor_does_not_replace_rows_that_the_load_lacks(tree: Tree, way: str) -> None:
    """An entry that yields what is new alone would lose the rows of the same values; a later start keeps them."""
    source = TypedRows(tree, way, configured("day"))
    source.load(make_rows(1, 6))
    source.configure(configured("group"))
    with pytest.raises(LoadError, match=LOST.format(3)):
        source.load(make_rows(7, 7))
    assert source.ids() == [1, 2, 3, 4, 5, 6]
    source.configure(configured("group", 2))
    source.load(make_rows(8, 9))
    assert source.ids() == [1, 2, 3, 4, 5, 6, 8, 9]


def test_a_column_that_one_side_alone_fills_says_nothing(tree: Tree) -> None:
    """A column that the source drops or adds does not make other rows of those that come again."""
    source = TypedRows(tree, "dicts", APPEND)
    source.load([{**row, "dropped": "x"} for row in make_rows(1, 3)])
    source.configure(configured("day"))
    source.load([{**row, "added": "x"} for row in make_rows(1, 4)])
    assert source.ids() == [1, 2, 3, 4]


@pytest.mark.sampled(5)
@pytest.mark.parametrize("key", ["", ", primary_key: id"])
@pytest.mark.parametrize("way", ["dicts", "arrow"])
def test_copies_of_rows_are_replaced_with_a_warning(tree: Tree, way: str, key: str) -> None:
    """A table to which everything was added again and again has each row once as soon as the append has a cursor."""
    source = TypedRows(tree, way, f"{APPEND}{key}")
    for _ in range(2):
        source.load(make_rows(1, 5))
    source.configure(f"{configured('day')}{key}")
    result = source.load(make_rows(1, 6))
    assert source.ids() == [1, 2, 3, 4, 5, 6]
    assert any("they replace 10 rows of rows by 6: 5 of them have the same id" in one for one in result.warnings)


def make_steps(seed: int, paths: list[str]) -> Iterator[tuple[str, str, bool]]:
    """Yields the disposition of each load, its settings, and whether it has a cursor."""
    chance = random.Random(seed)  # noqa: S311 - reproducible
    for _ in range(6):
        kind = chance.choice(["append", "append", "append", "merge", "replace"])
        path = "" if kind == "replace" else chance.choice(["", *paths])
        cursor = f", incremental: {{cursor_path: {path}}}" if path else ""
        yield kind, f"{APPEND if kind == 'append' else MERGE if kind == 'merge' else REPLACE}{cursor}", bool(path)


@pytest.mark.sampled(61)
@pytest.mark.parametrize("way", ["dicts", "arrow"])
@pytest.mark.parametrize("yields_all", [True, False], ids=["all rows", "new rows"])
@pytest.mark.parametrize("seed", range(30))
def test_no_change_of_the_cursor_loses_or_doubles_a_row(tree: Tree, *, way: str, yields_all: bool, seed: int) -> None:
    """After each load the table has the rows that it had and those of the load, each once; or the load is refused."""
    source, table, last, history = TypedRows(tree, way, APPEND), set[int](), 0, []
    for kind, settings, has_cursor in make_steps(seed, find_paths(way)):
        # An append without a cursor adds whatever is yielded.
        first = 1 if yields_all and (kind != "append" or has_cursor) else last + 1
        last = last + 3 + (seed + last) % 4
        history.append((settings, first, last))
        source.configure(settings)
        try:
            source.load(make_rows(first, last))
        except LoadError as error:
            assert kind == "append", history
            assert "incremental: " in str(error), history  # noqa: PT017 - as above
            assert source.ids() == sorted(table), history
            source.load(make_rows(1, last), refresh="state")
            table = set()
            first = 1
        table = {*(() if kind == "replace" else table), *range(first, last + 1)}
        assert source.ids() == sorted(table), history
