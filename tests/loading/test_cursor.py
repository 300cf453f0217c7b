"""Holds a cursor to the rows of its source: none lost and none twice, whatever its values are."""

import datetime as dt
import json
import textwrap
from datetime import UTC
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from data_foundation.errors import LoadError
from data_foundation.loading.cursor.known_rows import MOST_DIGESTS
from tests.support.trees import Tree
from tests.support.typed_rows import WAYS, TypedRows

Row = dict[str, Any]

VALUES: dict[str, tuple[Any, Any, Any]] = {
    "fraction": ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00.500Z", "2023-01-01T00:00:00Z"),
    "offset": ("2024-01-01T23:00:00+02:00", "2024-01-01T22:00:00Z", "2023-01-01T00:00:00Z"),
    "after summer time": ("2024-10-27T02:45:00+02:00", "2024-10-27T02:15:00+01:00", "2023-01-01T00:00:00Z"),
    "no zone": ("2024-01-01T10:00:00Z", "2024-01-01 10:00:01", "2023-01-01"),
    "naive": (dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2), "2023-01-01T00:00:00Z"),  # noqa: DTZ001 - the case
    "hour that comes twice": (
        dt.datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Amsterdam")),
        dt.datetime(2024, 10, 27, 1, 15, tzinfo=UTC),
        None,
    ),
    "date": (dt.date(2024, 1, 1), dt.date(2024, 1, 2), "2023-01-01"),
    "whole number": (9, 10, 0),
    "decimal": (Decimal("9.50"), Decimal("9.75"), None),
    "text": ("A009", "A010", "A000"),
}
KEYS = {
    "append": "write_disposition: append",
    "append by key": "write_disposition: append, primary_key: id",
    "merge": "write_disposition: merge, primary_key: id",
    "upsert": "write_disposition: {disposition: merge, strategy: upsert}, primary_key: id",
    "insert only": "write_disposition: {disposition: merge, strategy: insert-only}, primary_key: id",
    "merge key": "write_disposition: merge, merge_key: at",
}
CASES = [
    *(("dicts", "append", kind) for kind in VALUES),
    *(("arrow", "append by key", kind) for kind in ("naive", "date", "whole number", "decimal", "text")),
    *((way, keys, "offset") for way in ("dicts", "dlt") for keys in KEYS if keys != "append"),
    *(("arrow", keys, "naive") for keys in KEYS if keys != "append by key"),
]


def cursor(**settings: Any) -> str:
    """Returns the key `incremental` of a cursor in the column `at`."""
    given = {"cursor_path": "at", **settings}
    return f"incremental: {json.dumps({name: value for name, value in given.items() if value is not None})}"


@pytest.mark.sampled(7)
@pytest.mark.parametrize(("way", "keys", "kind"), CASES, ids=map("-".join, CASES))
def test_each_load_adds_what_is_new(tree: Tree, way: str, keys: str, kind: str) -> None:
    """A later value is later however it is spelt, a row at the stored value counts once, and nothing new is no rows."""
    earlier, later, initial = VALUES[kind]
    source = TypedRows(tree, way, f"{KEYS[keys]}, {cursor(initial_value=initial)}")
    rows: list[Row] = [{"id": 1, "at": earlier}, {"id": 2, "at": later}, {"id": 3, "at": later}]
    source.load(rows[:1])
    source.load(rows[:2])
    assert source.ids() == [1, 2]
    assert source.load(rows).rows == (2 if keys == "merge key" else 1)
    assert source.ids() == [1, 2, 3]
    assert source.load(rows).rows == (2 if keys == "merge key" else 0)


@pytest.mark.sampled(11)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("keys", ["merge", "upsert", "merge key"])
def test_a_merge_takes_what_has_changed_at_the_stored_value(tree: Tree, way: str, keys: str) -> None:
    """A row that changes within a day lands each time, also back to what it was; those beside it stay."""
    source = TypedRows(tree, way, f"{KEYS[keys]}, {cursor(initial_value='2023-01-01')}")
    for version in ("a", "b", "a"):
        rows = [{"id": 1, "at": "2024-01-01", "v": version}, {"id": 2, "at": "2024-01-01", "v": "still"}]
        source.load(rows)
        assert source.table() == [(1, version), (2, "still")]
    source.load([{"id": 1, "at": "2024-01-01", "v": "a", "more": 5}, rows[1]])
    assert source.table("id, v, more") == [(1, "a", 5), (2, "still", None)]


@pytest.mark.sampled(11)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("keys", ["append", "append by key"])
def test_a_new_column_does_not_double_the_rows_at_the_stored_value(tree: Tree, way: str, keys: str) -> None:
    """A row is the same row when the source gives it a column, nested or not."""
    source = TypedRows(tree, way, f"{KEYS[keys]}, {cursor()}")
    has_objects = way != "arrow"
    source.load([{"id": 1, "at": 1, **({"object": {"a": 1}} if has_objects else {})}])
    row: Row = {"id": 1, "at": 1, "new": 7, **({"object": {"a": 1, "b": 2}} if has_objects else {})}
    assert source.load([row]).rows == 0
    source.load([row, {"id": 2, "at": 1, "new": 8}])
    assert source.ids() == [1, 2]
    assert source.load([row, {"id": 2, "at": 1, "new": 8, "newer": 9}]).rows == 0


@pytest.mark.parametrize("way", WAYS)
def test_a_row_that_the_source_does_not_repeat_stays(tree: Tree, way: str) -> None:
    """A source that yields each row once loses none of those at the stored value."""
    source = TypedRows(tree, way, f"write_disposition: append, {cursor()}")
    for number in range(1, 4):
        source.load([{"id": number, "at": "2024-01-01"}])
    assert source.ids() == [1, 2, 3]


@pytest.mark.parametrize("way", WAYS)
def test_rows_without_a_value_count_once(tree: Tree, way: str) -> None:
    """`include` brings each of them once, also when the source repeats them, and whatever the cursor does."""
    source = TypedRows(tree, way, f"write_disposition: append, {cursor(on_cursor_value_missing='include')}")
    rows: list[Row] = [{"id": 1, "at": 5}, {"id": 2, "at": None}]
    source.load(rows)
    assert source.load(rows).rows == 0
    rows += [{"id": 3, "at": 6}, {"id": 4, "at": None}]
    source.load(rows)
    source.load(rows)
    assert source.ids() == [1, 2, 3, 4]


@pytest.mark.parametrize("way", WAYS)
def test_a_cursor_that_is_added_later_takes_over_the_table(tree: Tree, way: str) -> None:
    """The rows that the source still has are replaced, older ones stay; a sample before the first load counts once."""
    source = TypedRows(tree, way, "write_disposition: append")
    rows: list[Row] = [{"id": number, "at": number, "other": number} for number in range(1, 4)]
    source.load(rows)
    source.configure(f"write_disposition: append, {cursor()}")
    source.load(rows[1:], limit=1)
    source.load([*rows[1:], {"id": 4, "at": 4, "other": 0}])
    assert source.ids() == [1, 2, 3, 4]
    source.configure("write_disposition: append, incremental: {cursor_path: other}")
    source.load([{"id": 4, "at": 4, "other": 0}, *rows, {"id": 5, "at": 5, "other": 5}])
    assert source.ids() == [1, 2, 3, 4, 5]
    assert source.load([*rows, {"id": 5, "at": 5, "other": 5}]).rows == 0


@pytest.mark.sampled(11)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("keys", ["append", "append by key"])
def test_an_append_with_lag_replaces_its_window(tree: Tree, way: str, keys: str) -> None:
    """Late and changed rows of the window land, and those of it that the source has no more go; the rest stays."""
    source = TypedRows(tree, way, f"{KEYS[keys]}, {cursor(lag=5, initial_value=0)}")
    first = [{"id": 1, "at": 1, "v": 1}, {"id": 2, "at": 10, "v": 1}, {"id": 3, "at": 12, "v": 1}]
    source.load(first)
    later = [{"id": 1, "at": 1, "v": 2}, {"id": 3, "at": 12, "v": 2}, {"id": 4, "at": 11, "v": 2}]
    for _ in range(2):
        source.load(later)
        assert source.table() == [(1, 1), (3, 2), (4, 2)]
    assert source.load([]).rows == 0
    assert source.ids() == [1, 3, 4]


@pytest.mark.parametrize("way", WAYS)
def test_the_newest_version_of_a_load_wins(tree: Tree, way: str) -> None:
    """Of two rows of one key the table gets the one that the cursor has last, in whatever order they come."""
    source = TypedRows(tree, way, f"{KEYS['merge']}, {cursor(initial_value='2023-01-01T00:00:00Z')}")
    moment = dt.datetime(2024, 1, 1, tzinfo=UTC)
    versions = {"old": 0, "new": 900, "middle": 500}
    rows: list[Row] = [
        {"id": 1, "v": name, "at": moment + dt.timedelta(milliseconds=ms)} for name, ms in versions.items()
    ]
    source.load(rows)
    assert source.table() == [(1, "new")]
    source.configure(f"{KEYS['merge']}, {cursor()}, columns: {{v: {{dedup_sort: asc}}}}")
    source.load([{**row, "at": row["at"] + dt.timedelta(days=1)} for row in rows])
    assert source.table() == [(1, "middle")]


@pytest.mark.sampled(11)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("keys", ["upsert", "insert only"])
def test_two_versions_are_refused_where_both_would_be_added(tree: Tree, way: str, keys: str) -> None:
    """Before anything is written; rows of one version each are loaded by the next run."""
    source = TypedRows(tree, way, f"{KEYS[keys]}, {cursor()}")
    rows: list[Row] = [{"id": number, "at": number} for number in (1, 2, 3)]
    with pytest.raises(LoadError, match=r"1 values of the primary key \(id\) come several times in this load"):
        source.load([*rows, {"id": 2, "at": 4}])
    assert source.load(rows).rows == 3
    assert source.load([*rows, {"id": 2, "at": 4}]).rows == 1
    assert sorted(source.ids()) == [1, 2, 3]


@pytest.mark.sampled(11)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("strategy", ["delete-insert", "scd2"])
def test_a_merge_key_deletes_no_row_that_the_cursor_leaves_out(tree: Tree, way: str, strategy: str) -> None:
    """Rows before the cursor have the merge key of rows that are loaded, so the load is refused."""
    mode = f"write_disposition: {{disposition: merge, strategy: {strategy}}}"
    source = TypedRows(tree, way, f"{mode}, merge_key: v, {cursor()}")
    rows: list[Row] = [{"id": 1, "at": 1, "v": "a"}, {"id": 2, "at": 2, "v": "a"}]
    source.load(rows)
    for again in (rows, [*rows, {"id": 3, "at": 3, "v": "a"}]):
        with pytest.raises(LoadError, match="has yielded 1 rows that lie before the cursor at"):
            source.load(again)
    assert sorted(source.ids()) == [1, 2]
    assert source.load([{"id": 3, "at": 3, "v": "b"}]).rows == 1
    assert sorted(source.ids()) == [1, 2, 3]


@pytest.mark.sampled(11)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("keys", ["append", "append by key", "merge"])
def test_many_rows_of_one_value_take_little_state(tree: Tree, way: str, keys: str) -> None:
    """The state does not grow with them; repeated rows are not loaded again, and what is new lands."""
    source = TypedRows(tree, way, f"{KEYS[keys]}, {cursor(initial_value='2023-01-01')}")
    rows: list[Row] = [{"id": number, "at": "2024-01-01"} for number in range(MOST_DIGESTS * 10)]
    source.load(rows)
    assert source.load(rows).rows == 0
    rows.append({"id": -1, "at": "2024-01-01"})
    source.load(rows)
    assert sorted(source.ids()) == sorted(row["id"] for row in rows)
    assert source.load(rows).rows == 0
    [longest] = tree.query("select max(length(state)) from raw._dlt_pipeline_state")
    assert longest < 10_000
    source.load([{"id": -2, "at": "2024-01-01"}])
    assert len(source.ids()) == len(rows) + 1


def test_a_part_of_many_rows_is_refused(tree: Tree) -> None:
    """Where known and new rows cannot be distinguished, nothing is written, and the error says what to do."""
    source = TypedRows(tree, "dicts", f"write_disposition: append, {cursor(initial_value='2023-01-01')}")
    rows = [{"id": number, "at": "2024-01-01"} for number in range(MOST_DIGESTS * 2)]
    source.load(rows)
    with pytest.raises(LoadError, match=r"cursor at: .*only a part of them again.*set `primary_key`"):
        source.load(rows[: MOST_DIGESTS // 2])
    assert len(source.ids()) == len(rows)


@pytest.mark.sampled(11)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("keys", ["append", "append by key"])
def test_rows_that_a_range_replaced_count_once(tree: Tree, way: str, keys: str) -> None:
    """A range may change the rows at the stored value; the next load knows them. It leaves out rows without a value."""
    source = TypedRows(tree, way, f"{KEYS[keys]}, {cursor(initial_value=0, on_cursor_value_missing='include')}")
    rows: list[Row] = [{"id": number, "at": number, "v": 1} for number in range(1, 4)]
    empty: list[Row] = [{"id": 9, "at": None, "v": 1}]
    source.load([*rows, *empty])
    changed = [{**row, "v": 2} for row in rows]
    source.load([*changed, *empty], start="2", end="4")
    assert source.load([*changed, *empty]).rows == 0
    assert source.table() == [(1, 1), (2, 2), (3, 2), (9, 1)]
    source.load([*changed, *empty], limit=1)
    source.load([*changed, *empty, {"id": 4, "at": 3, "v": 1}])
    assert sorted(set(source.ids())) == [1, 2, 3, 4, 9]


def test_a_row_that_dlt_has_recorded_counts_once(tree: Tree) -> None:
    """State that dlt's own incremental wrote, with hashes of rows, is understood: an append doubles no row."""
    code = """
    import dlt

    def get_rows():
        state = dlt.current.resource_state().setdefault("incremental", {})
        if "at" not in state:
            from dlt.extract.utils import digest_dedup_value
            state["at"] = {"initial_value": None, "last_value": 5, "start_value": 5,
                           "unique_hashes": [digest_dedup_value({"id": 1, "at": 5})]}
        yield [{"id": 1, "at": 5}, {"id": 2, "at": 5}, {"id": 3, "at": 4}]
    """
    source = TypedRows(tree, "dicts", "write_disposition: append", textwrap.dedent(code))
    source.load()
    source.configure(f"write_disposition: append, {cursor()}")
    assert source.load().rows == 1
    assert source.load().rows == 0


@pytest.mark.sampled(11)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("missing", ["raise", "include"])
def test_a_cursor_in_a_column_that_is_new_too_is_refused(tree: Tree, way: str, missing: str) -> None:
    """Rows of the table without a value may be those that the source yields again; loading all again is the way."""
    source = TypedRows(tree, way, "write_disposition: append")
    source.load([{"id": 1, "v": 1}, {"id": 2, "v": 1}])
    source.configure(f"write_disposition: append, {cursor(on_cursor_value_missing=missing)}")
    rows: list[Row] = [{"id": number, "v": 1, "at": number} for number in (1, 2, 3)]
    for _ in range(2):
        with pytest.raises(
            LoadError, match=r"incremental: 2 rows of the table have no value in at, so.*`--refresh state`"
        ):
            source.load(rows)
    assert source.ids() == [1, 2]
    source.load(rows, refresh="state")
    assert source.ids() == [1, 2, 3]
    assert source.load(rows).rows == 0


@pytest.mark.parametrize("declared", ["dlt.sources.incremental('at')", "None"])
def test_times_of_yaml_reach_the_code_as_dlt_users_expect(tree: Tree, declared: str) -> None:
    """A function that takes the cursor gets a pendulum time, whether its own default or sources.yaml declares it."""
    code = f"""
    import dlt

    @dlt.resource
    def get_rows(since: dlt.sources.incremental = {declared}):
        yield {{"id": 1, "at": since.last_value.add(days=1), "v": type(since.start_value).__module__.split(".")[0]}}
    """
    settings = "incremental: {cursor_path: at, initial_value: 2024-01-01T00:00:00Z}"
    source = TypedRows(tree, "dicts", settings, textwrap.dedent(code))
    source.load()
    assert source.table("id, v") == [(1, "pendulum")]
