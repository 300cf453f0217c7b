"""Rows written to the load package as Arrow tables: which rows, in which batches, and after a failed load."""

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
    """Writes source `s` with table `t`; `body` is the body of its generator."""
    tree.add("s", f"resources: [{{entry: data.get, destination: raw.t{settings}}}]", f"def get():\n    {body}\n")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Records each write to the load package: the row count of an Arrow table of `t`, or a page of rows as a list."""
    found: list[Any] = []
    write_tables, write_rows = PackageFiles.write_tables, PackageFiles.write_rows

    def tables(files: PackageFiles, root: str, given: Any, *more: Any) -> None:
        found.append(len(given["t"]))
        write_tables(files, root, given, *more)

    def rows(files: PackageFiles, table: str, page: Any) -> None:
        found.append(list(page))
        write_rows(files, table, page)

    monkeypatch.setattr(PackageFiles, "write_tables", tables)
    monkeypatch.setattr(PackageFiles, "write_rows", rows)
    return found


def test_only_a_page_of_mixed_types_takes_dlts_path(
    tree: Tree, written: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other pages are written as Arrow tables; a warning gives the number of slower pages and the reason."""
    monkeypatch.setattr(page_buffer, "MOST_ROWS", 1)
    add(tree, "yield from [{'x': 1}, {'x': 'a'}, {'x': 3}]")
    result = tree.load("s.t")
    assert written == [1, [{"x": "a"}], 1]
    assert result.warnings == (
        f"1 of 3 pages {SLOWER}: x: a value that a column of type bigint cannot store unchanged",
    )
    assert sorted(tree.query("select x, x__v_text from raw.t"), key=str) == [(1, None), (3, None), (None, "a")]


def test_engine_dlt_writes_no_arrow_tables(tree: Tree, written: list[Any]) -> None:
    """`engine: dlt` leaves all rows to dlt, without a warning."""
    add(tree, "yield [{'x': 1}, {'x': 'a'}]", ", engine: dlt")
    result = tree.load("s.t")
    assert (written, result.warnings, result.rows) == ([], (), 2)


def test_random_ids_look_like_dlts() -> None:
    """Generated ids have the length and the alphabet of dlt's ids, and are unique."""
    found = ids.random_ids(1000).to_pylist()
    letters = {letter for _ in range(1000) for letter in generate_dlt_id()}
    assert {len(one) for one in found} == {len(generate_dlt_id())}
    assert {letter for one in found for letter in one} == letters
    assert len(set(found)) == 1000


def test_a_nested_row_has_the_id_that_dlt_would_give_it(tree: Tree) -> None:
    """The id of a nested row is dlt's hash of parent id, table and list index, at every depth."""
    add(tree, "yield [{'items': [{'tags': ['a', 'b']}, {'tags': ['c']}]}, {'items': [{}]}]")
    tree.load("s.t")
    nested = [
        (name, *row)
        for name in ("t__items", "t__items__tags")
        for row in tree.query(f"select _dlt_id, _dlt_parent_id, _dlt_list_idx from raw.{name}")
    ]
    assert len(nested) == 6
    assert all(own == get_nested_row_hash(parent, name, index) for name, own, parent, index in nested)


def test_pages_are_batched_by_row_count(tree: Tree, written: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pages are combined up to MOST_ROWS; a page that would exceed it starts the next batch or is cut."""
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
def test_the_first_rows_are_converted_first(
    tree: Tree, written: list[Any], monkeypatch: pytest.MonkeyPatch, body: str, sizes: list[int]
) -> None:
    """The first FIRST_ROWS rows are converted first; the rest of the page uses the schema inferred from them."""
    monkeypatch.setattr(page_buffer, "FIRST_ROWS", 2)
    add(tree, body)
    assert (tree.load("s.t").row_count, written) == (sum(sizes), sizes)


def test_a_list_may_be_used_again(tree: Tree) -> None:
    """A source may change or clear a list after it has yielded it; the rows that it yielded land."""
    add(tree, "page = [{'x': 1}, {'x': 2}]; yield page; page.clear(); page.append({'x': 3}); yield page; page.clear()")
    assert tree.load("s.t").row_count == 3
    assert sorted(tree.query("select x from raw.t")) == [1, 2, 3]


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 2**64, -(2**70), 10**30])
def test_an_integer_in_json_keeps_its_digits(tree: Tree, number: int) -> None:
    """Integers of up to 64 bits land exactly; a wider integer fails the load instead of being rounded to a double."""
    add(tree, f'yield b\'[{{"x": 1.0000000000000000000001, "t": "{"9" * 40}", "n": {number}}}]\'')
    if -(2**63) <= number < 2**63:
        tree.load("s.t")
        assert tree.query("select n from raw.t") == [number]
    else:
        with pytest.raises(LoadError, match=r"row 1, column n: .*64 bits"):
            tree.load("s.t")


def test_pages_are_batched_by_size(tree: Tree, written: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch is written when it reaches MOST_BYTES."""
    monkeypatch.setattr(page_buffer, "MOST_BYTES", 1000)
    add(tree, "yield from [[{'x': 'a' * size}] for size in (1, 2, 999, 1, 2)]")
    tree.load("s.t")
    assert written == [3, 2]


@pytest.mark.parametrize(("settings", "sizes"), [(", write_disposition: replace", [2, 2]), ("", [4])])
def test_a_batch_is_written_after_a_time_limit(
    tree: Tree, written: list[Any], monkeypatch: pytest.MonkeyPatch, settings: str, sizes: list[int]
) -> None:
    """A batch is written after LONGEST_SECONDS, except for appends, whose pages identify them after a crash."""
    clock: Iterator[float] = iter([0.0, 1.0, page_buffer.LONGEST_SECONDS + 1, *[100.0] * 2, *[200.0] * 100])
    monkeypatch.setattr(page_buffer, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    add(tree, "yield from [[{'x': 1}]] * 4", settings)
    tree.load("s.t")
    assert written == sizes


def test_progress_counts_rows_before_they_are_written(tree: Tree, written: list[Any]) -> None:
    """Progress counts rows when they are yielded, before they are written."""
    add(tree, "yield from [[{'x': 1}, {'x': 2}]] * 3")
    seen: list[tuple[int, int]] = []

    def report(progress: Progress) -> None:
        if progress.phase == "extract":
            seen.append((progress.rows, len(written)))

    load_resource(tree.task("s.t"), tree.warehouse, report)
    assert [rows for rows, written_by_then in seen if not written_by_then and rows] == [2, 4, 6]


def test_a_source_that_fails_half_way_leaves_nothing_behind(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages already written are discarded, the table is unchanged, and no thread is left running."""
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
    """Its extracted pages, Arrow tables and rows alike, land together with the rows of the next run."""
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
    """A load killed after its commit is recognised on the next run, although the rows have new generated ids."""
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
def test_a_resource_may_yield_dicts_then_arrow_tables(tree: Tree, first: str) -> None:
    """Arrow tables after dicts are converted to rows; dicts after Arrow tables are refused."""
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
def test_the_columnar_engine_keeps_values_that_dlt_refuses(tree: Tree, what: str) -> None:
    """The columnar engine stores these values unchanged; `engine: dlt` cannot write them and refuses them."""
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


def test_scd2_refuses_nan(tree: Tree) -> None:
    """The row id of scd2 is a hash in which NaN equals None; a change between the two would be missed."""
    add(tree, "yield {'x': float('nan')}", ", write_disposition: {disposition: merge, strategy: scd2}")
    with pytest.raises(ValueRefused, match="column x: got NaN"):
        tree.load("s.t")


@pytest.mark.parametrize("engine", ["columnar", "dlt"])
def test_a_null_is_refused_in_a_not_nullable_column_without_a_type(tree: Tree, engine: str) -> None:
    """A null is refused with its row number, also if no value has defined the column's type yet."""
    settings = f", engine: {engine}, columns: {{a: {{nullable: false}}}}"
    add(tree, "yield [{'id': 1, 'a': None}, {'id': 2, 'a': 5}]", settings)
    with pytest.raises(ValueRefused, match="row 1, column a: got None for a column that is not nullable"):
        tree.load("s.t")
    add(tree, "yield [{'id': 1, 'a': 5}]\n    yield [{'id': 2, 'a': 6}]", settings)
    assert tree.load("s.t").rows == 2
