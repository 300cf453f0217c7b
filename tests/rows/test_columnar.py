"""Rows that go to the load package in columns: which do, when they go, and what happens when a load ends half-way."""

import math
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from dlt.common.normalizers.json.helpers import get_nested_row_hash
from dlt.common.normalizers.utils import generate_dlt_id

from data_foundation.errors import LoadError, ValueRefused
from data_foundation.loading.attempts import load_resource
from data_foundation.loading.pending_loads import PendingLoads
from data_foundation.loading.pipeline import TablePipeline
from data_foundation.loading.progress import Progress
from data_foundation.rows import page_buffer
from data_foundation.rows.columnar import row_ids as ids
from data_foundation.rows.package_files import PackageFiles
from tests.support.trees import Tree

SLOWER = "took dlt's own, slower path"


def add(tree: Tree, body: str, settings: str = "") -> None:
    """A source `s` with a table `t`, whose generator has this body."""
    tree.add("s", f"resources: [{{entry: data.get, destination: raw.t{settings}}}]", f"def get():\n    {body}\n")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is written to the load package: sizes of the root's tables in columns, and pages of rows."""
    found: list[Any] = []
    write_tables, write_rows = PackageFiles.write_tables, PackageFiles.write_rows

    def tables(files: PackageFiles, given: Any, *more: Any) -> None:
        found.append(len(given["t"]))
        write_tables(files, given, *more)

    def rows(files: PackageFiles, table: str, page: Any) -> None:
        found.append(list(page))
        write_rows(files, table, page)

    monkeypatch.setattr(PackageFiles, "write_tables", tables)
    monkeypatch.setattr(PackageFiles, "write_rows", rows)
    return found


def test_a_page_of_mixed_types_takes_dlts_path_alone(
    tree: Tree, written: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages before and after it go in columns, and the load says how many did not, and why."""
    monkeypatch.setattr(page_buffer, "MOST_ROWS", 1)
    add(tree, "yield from [{'x': 1}, {'x': 'a'}, {'x': 3}]")
    result = tree.load("s.t")
    assert written == [1, [{"x": "a"}], 1]
    assert result.warnings == (
        f"1 of 3 pages {SLOWER}: x: a value that a column of type bigint cannot store unchanged",
    )
    assert sorted(tree.query("select x, x__v_text from raw.t"), key=str) == [(1, None), (3, None), (None, "a")]


def test_engine_dlt_switches_columns_off(tree: Tree, written: list[Any]) -> None:
    """For debugging: nothing is written here, dlt does it all, and nothing is said of it."""
    add(tree, "yield [{'x': 1}, {'x': 'a'}]", ", engine: dlt")
    result = tree.load("s.t")
    assert (written, result.warnings, result.rows) == ([], (), 2)


def test_random_ids_are_of_dlts_kind() -> None:
    """As long as dlt's, of the same letters, and no two alike."""
    found = ids.random_ids(1000).to_pylist()
    letters = {letter for _ in range(1000) for letter in generate_dlt_id()}
    assert {len(one) for one in found} == {len(generate_dlt_id())}
    assert {letter for one in found for letter in one} == letters
    assert len(set(found)) == 1000


def test_a_nested_row_has_the_id_that_dlt_would_give_it(tree: Tree) -> None:
    """It follows from its parent's id, its table and its place, at every depth."""
    add(tree, "yield [{'items': [{'tags': ['a', 'b']}, {'tags': ['c']}]}, {'items': [{}]}]")
    tree.load("s.t")
    nested = [
        (name, *row)
        for name in ("t__items", "t__items__tags")
        for row in tree.query(f"select _dlt_id, _dlt_parent_id, _dlt_list_idx from raw.{name}")
    ]
    assert len(nested) == 6
    assert all(own == get_nested_row_hash(parent, name, index) for name, own, parent, index in nested)


def test_pages_are_gathered_by_rows(tree: Tree, written: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pages go together, and a page that would make too many waits for the next turn or is cut."""
    monkeypatch.setattr(page_buffer, "MOST_ROWS", 5)
    add(tree, "yield from [[{'x': 1}] * size for size in (2, 2, 2, 1, 12)]")
    tree.load("s.t")
    assert written == [4, 3, 5, 5, 2]


@pytest.mark.parametrize(
    ("body", "sizes"),
    [
        ("yield [{'x': 1}] * 5; yield [{'x': 2}] * 5", [2, 8]),
        ("yield b'[' + b','.join([b'{\"x\": 1}'] * 5) + b']'; yield b'[{\"x\": 2}]'", [2, 3, 1]),
    ],
    ids=["rows", "documents"],
)
def test_the_first_rows_go_ahead(
    tree: Tree, written: list[Any], monkeypatch: pytest.MonkeyPatch, body: str, sizes: list[int]
) -> None:
    """The others are read by what these have shown; not all rows of a large page have to be taken apart for that."""
    monkeypatch.setattr(page_buffer, "FIRST_ROWS", 2)
    add(tree, body)
    assert (tree.load("s.t").row_count, written) == (sum(sizes), sizes)


def test_a_list_may_be_used_again(tree: Tree) -> None:
    """What was yielded has landed, whatever becomes of the list."""
    add(tree, "page = [{'x': 1}, {'x': 2}]; yield page; page.clear(); page.append({'x': 3}); yield page; page.clear()")
    assert tree.load("s.t").row_count == 3
    assert sorted(tree.query("select x from raw.t")) == [1, 2, 3]


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 2**64, -(2**70), 10**30])
def test_a_number_of_a_document_keeps_its_digits(tree: Tree, number: int) -> None:
    """One that is wider than 64 bits is not rounded to a double: it is told."""
    add(tree, f'yield b\'[{{"x": 1.0000000000000000000001, "t": "{"9" * 40}", "n": {number}}}]\'')
    if -(2**63) <= number < 2**63:
        tree.load("s.t")
        assert tree.query("select n from raw.t") == [number]
    else:
        with pytest.raises(LoadError, match=r"row 1, column n: .*64 bits"):
            tree.load("s.t")


def test_pages_are_gathered_by_size(tree: Tree, written: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Long rows go sooner."""
    monkeypatch.setattr(page_buffer, "MOST_BYTES", 1000)
    add(tree, "yield from [[{'x': 'a' * size}] for size in (1, 2, 999, 1, 2)]")
    tree.load("s.t")
    assert written == [3, 2]


@pytest.mark.parametrize(("settings", "sizes"), [(", write_disposition: replace", [2, 2]), ("", [4])])
def test_rows_wait_no_longer_than_a_while(
    tree: Tree, written: list[Any], monkeypatch: pytest.MonkeyPatch, settings: str, sizes: list[int]
) -> None:
    """Slow pages are written when the first has waited, but where a load is told from another one by its pages."""
    clock: Iterator[float] = iter([0.0, 1.0, page_buffer.LONGEST_SECONDS + 1, *[100.0] * 2, *[200.0] * 100])
    monkeypatch.setattr(page_buffer, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    add(tree, "yield from [[{'x': 1}]] * 4", settings)
    tree.load("s.t")
    assert written == sizes


def test_rows_are_told_before_they_are_written(tree: Tree, written: list[Any]) -> None:
    """Whoever watches sees a slow source count."""
    add(tree, "yield from [[{'x': 1}, {'x': 2}]] * 3")
    seen: list[tuple[int, int]] = []

    def report(progress: Progress) -> None:
        if progress.phase == "extract":
            seen.append((progress.rows, len(written)))

    load_resource(tree.task("s.t"), tree.warehouse, report)
    assert [rows for rows, written_by_then in seen if not written_by_then and rows] == [2, 4, 6]


def test_a_source_that_fails_half_way_leaves_nothing_behind(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of it were written already; the table is as it was, and no thread goes on."""
    add(tree, "yield [{'x': 1}]")
    tree.load("s.t")
    monkeypatch.setattr(page_buffer, "MOST_ROWS", 1)
    add(tree, "yield from [{'x': 2}, {'x': 'a'}, {'x': 3, 'y': 4}]\n    raise ValueError('the vendor hung up')")
    before = threading.active_count()
    with pytest.raises(LoadError, match="the vendor hung up"):
        tree.load("s.t")
    assert threading.active_count() == before
    assert tree.query("select x from raw.t") == [1]
    add(tree, "yield [{'x': 5}]")
    tree.load("s.t")
    assert tree.query("select x from raw.t order by x") == [1, 5]
    assert (
        tree.query("select column_name from information_schema.columns where column_name in ('y', 'x__v_text')") == []
    )


def test_a_load_that_failed_is_finished_by_the_next_run(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pages were kept, those in columns and those of rows, and land together with the next ones."""
    monkeypatch.setattr(page_buffer, "MOST_ROWS", 1)
    add(tree, "yield from [{'x': 1, 'tags': ['a']}, {'x': 'b'}]", ", retries: {max: 0}")

    def refuse(*_given: Any) -> None:
        raise ConnectionError("the warehouse is away")

    with monkeypatch.context() as away:
        away.setattr(TablePipeline, "load", refuse)
        with pytest.raises(LoadError, match="the warehouse is away"):
            tree.load("s.t")
    add(tree, "yield [{'x': 3, 'tags': ['c']}]")
    tree.load("s.t")
    assert sorted(tree.query("select x, x__v_text from raw.t"), key=str) == [(1, None), (3, None), (None, "b")]
    assert sorted(tree.query("select value from raw.t__tags")) == ["a", "c"]


@pytest.mark.parametrize("gathered", [1, 3, 50_000])
def test_an_append_that_had_landed_counts_once(tree: Tree, monkeypatch: pytest.MonkeyPatch, gathered: int) -> None:
    """Killed after its rows were in the table and run again: it reads the same rows, though with other ids."""
    monkeypatch.setattr(page_buffer, "MOST_ROWS", gathered)
    body = "yield from [[{'x': 1, 'tags': ['a', 'b']}, {'x': 2.5}], [{'x': 2, 'y': {'z': 1}}]]"
    add(tree, body)

    def die(_pending: PendingLoads) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(PendingLoads, "clear", die)
        with pytest.raises(KeyboardInterrupt):
            tree.load("s.t")
    result = tree.load("s.t")
    assert result.row_count == 3
    assert "they are counted once" in result.warnings[-1]
    add(tree, body.replace("2.5", "3.5"))
    assert tree.load("s.t").row_count == 6


@pytest.mark.parametrize("first", ["{'x': 1, 'tags': ['a']}", "pa.table({'x': [1]})"])
def test_rows_and_frames_of_one_resource_are_kept_as_before(tree: Tree, first: str) -> None:
    """Arrow tables among rows are taken apart; rows among Arrow tables are refused."""
    add(tree, f"import pyarrow as pa\n    yield {first}\n    yield pa.table({{'x': [2]}})\n    yield {{'x': 3}}")
    if first.startswith("pa"):
        with pytest.raises(ValueRefused, match=r"^raw\.t: row 3: got a dict, and the table holds Arrow rows"):
            tree.load("s.t")
        return
    result = tree.load("s.t")
    assert (result.rows, result.row_count, result.children) == (3, 3, {"t__tags": 1})
    assert "frames were taken apart" in result.warnings[0]
    assert tree.query("select x from raw.t order by x") == [1, 2, 3]
    assert tree.query("select count(distinct _dlt_id) from raw.t") == [3]


KEPT: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "not a number": ("float('nan')", math.isnan),
    "infinity": ("float('inf')", lambda value: value == math.inf),
    "minus infinity": ("float('-inf')", lambda value: value == -math.inf),
    "no bytes": ("b''", lambda value: value == b""),
    "text that begins with a mark of dlt's": (r"'\uf0261.5'", lambda value: value == "\uf0261.5"),
}


@pytest.mark.parametrize("what", KEPT)
def test_what_dlt_would_change_is_kept_in_columns(tree: Tree, what: str) -> None:
    """These alone are better than on dlt's own path, which cannot write them and refuses."""
    spelt, is_kept = KEPT[what]
    body = f"yield [{{'x': {spelt}, 'items': [{{'y': {spelt}}}]}}, {{'x': None}}]"
    add(tree, body)
    assert tree.load("s.t").warnings == ()
    (landed,) = tree.query("select x from raw.t where x is not null")
    assert is_kept(landed)
    (nested,) = tree.query("select y from raw.t__items")
    assert is_kept(nested)
    add(tree, body, ", engine: dlt")
    with pytest.raises(ValueRefused, match=r"^raw\.t: row 1, column x: got "):
        tree.load("s.t")


def test_a_row_whose_id_tells_its_versions_apart_keeps_to_what_dlt_can_write(tree: Tree) -> None:
    """NaN would count as None there: a change from one to the other would be missed."""
    add(tree, "yield {'x': float('nan')}", ", write_disposition: {disposition: merge, strategy: scd2}")
    with pytest.raises(ValueRefused, match="column x: got NaN"):
        tree.load("s.t")


@pytest.mark.parametrize("engine", ["columnar", "dlt"])
def test_a_column_that_takes_no_none_refuses_one_before_it_has_a_type(tree: Tree, engine: str) -> None:
    """By its row, though no value has said yet of what type the column is."""
    settings = f", engine: {engine}, columns: {{a: {{nullable: false}}}}"
    add(tree, "yield [{'id': 1, 'a': None}, {'id': 2, 'a': 5}]", settings)
    with pytest.raises(ValueRefused, match="row 1, column a: got None for a column that is not nullable"):
        tree.load("s.t")
    add(tree, "yield [{'id': 1, 'a': 5}]\n    yield [{'id': 2, 'a': 6}]", settings)
    assert tree.load("s.t").rows == 2
