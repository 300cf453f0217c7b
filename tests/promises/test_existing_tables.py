"""A table that exists is what rows are checked against: its types follow the configuration exactly, or refuse it."""

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from data_foundation.errors import LoadError
from tests.support.trees import Tree

HEAD = """
import datetime as dt
from decimal import Decimal

import pyarrow as pa


def get():
    "Rows, or one frame of them."
    rows = {rows}
    yield pa.Table.from_pylist(rows) if {as_frame} else rows
"""
NOON = dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Change:
    """A type that is declared for a column that exists.

    Attributes:
        before: The value that created the column.
        hints: What is declared then.
        after: The value of the next load.
        landed: Both values as they are in the table afterwards; None if the change is refused.
    """

    before: Any
    hints: str
    after: Any
    landed: tuple[Any, Any] | None


CHANGES = {
    "bigint to double": Change(1, "data_type: double", 1.6, (1.0, 1.6)),
    "bigint to decimal": Change(1, "data_type: decimal, precision: 10, scale: 2", Decimal("2.55"),
                                (Decimal(1), Decimal("2.55"))),
    "bigint to text": Change(1, "data_type: text", "007", ("1", "007")),
    "large bigint to double": Change(2**53 + 1, "data_type: double", 1.6, None),
    "double to decimal": Change(1.5, "data_type: decimal, precision: 30, scale: 11", Decimal("1234567890.12345678901"),
                                (Decimal("1.5"), Decimal("1234567890.12345678901"))),
    "double to short decimal": Change(1.555, "data_type: decimal, precision: 10, scale: 2", Decimal("2.55"), None),
    "decimal to wider decimal": Change(Decimal("1.5"), "data_type: decimal, precision: 38, scale: 12",
                                       Decimal("0.123456789012"), (Decimal("1.5"), Decimal("0.123456789012"))),
    "date to timestamp": Change(dt.date(2024, 1, 1), "data_type: timestamp", NOON,
                                (dt.datetime(2024, 1, 1, tzinfo=dt.UTC), NOON)),
    "timestamp to one without a zone": Change(NOON, "data_type: timestamp, timezone: false", NOON.replace(hour=13),
                                              (NOON.replace(tzinfo=None), NOON.replace(hour=13, tzinfo=None))),
    "bool to bigint": Change(before=True, hints="data_type: bigint", after=7, landed=None),
    "text to bigint": Change("5", "data_type: bigint", 7, None),
    "timestamp to date": Change(NOON, "data_type: date", dt.date(2024, 1, 2), None),
    "the same": Change(1, "data_type: bigint", 2, (1, 2)),
}  # fmt: skip
WAYS = {
    "dicts": ("", False),
    "dicts one by one": (", engine: dlt", False),
    "frames": ("", True),
    "merged": (", write_disposition: merge, primary_key: id", False),
    "upserted": (", write_disposition: {disposition: merge, strategy: upsert}, primary_key: id", False),
}


def give(tree: Tree, more: str, rows: list[dict[str, Any]], *, as_frame: bool = False) -> None:
    """Makes the resource `s.t` of rows."""
    text = re.sub(r"datetime\.(?=date)", "dt.", repr(rows)).replace("datetime.timezone.utc", "dt.UTC")
    yaml = f"resources: [{{entry: data.get, destination: raw.t{more}}}]"
    tree.add("s", yaml, HEAD.format(rows=text, as_frame=as_frame))


def values(tree: Tree) -> list[Any]:
    """Returns the values of column x, those without a zone as they are and others in UTC."""
    found = tree.query("select x from raw.t order by id")
    return [value.astimezone(dt.UTC) if getattr(value, "tzinfo", None) else value for value in found]


def check(tree: Tree, change: Change, more: str, *, as_frame: bool) -> None:
    """Loads before and after a type is declared, and once more."""
    declared = f"{more}, columns: {{x: {{{change.hints}}}}}"
    give(tree, more, [{"id": 1, "x": change.before}], as_frame=as_frame)
    tree.load("s.t")
    give(tree, declared, [{"id": 2, "x": change.after}], as_frame=as_frame)
    if change.landed is None:
        with pytest.raises(
            LoadError, match=r"column x of table t is .*, and this load has .*; .*ALTER TABLE.*refresh: drop"
        ):
            tree.load("s.t")
        assert values(tree) == [change.before]
        assert tree.load("s.t", refresh="drop").row_count == 1
        assert values(tree) == [change.after]
        return
    first = tree.load("s.t")
    assert values(tree) == list(change.landed)
    give(tree, declared, [{"id": 3, "x": change.after}], as_frame=as_frame)
    again = tree.load("s.t")
    assert values(tree) == [*change.landed, change.landed[1]]
    assert bool(first.widened) == (change != CHANGES["the same"])
    assert again.widened == {}
    assert [warning for warning in again.warnings if "was changed" in warning] == []


@pytest.mark.sampled(23)
@pytest.mark.parametrize(("name", "way"), product(CHANGES, WAYS))
def test_a_type_declared_for_a_column_that_exists(tree: Tree, name: str, way: str) -> None:
    """Every value lands exactly, the old and the new ones, or the load is refused before its first row."""
    more, as_frame = WAYS[way]
    check(tree, CHANGES[name], more, as_frame=as_frame)


@pytest.mark.sampled(7)
@pytest.mark.parametrize("name", CHANGES)
def test_a_type_declared_on_postgres(any_tree: Tree, name: str) -> None:
    """The same on every engine."""
    check(any_tree, CHANGES[name], ", write_disposition: merge, primary_key: id", as_frame=False)


@pytest.mark.sampled(11)
@pytest.mark.parametrize("name", [name for name, change in CHANGES.items() if change.before is not True])
def test_a_replace_takes_every_type(any_tree: Tree, name: str) -> None:
    """A replace removes all rows, so that no value needs a conversion."""
    change, more = CHANGES[name], ", write_disposition: replace"
    give(any_tree, more, [{"id": 1, "x": change.before}])
    any_tree.load("s.t")
    give(any_tree, f"{more}, columns: {{x: {{{change.hints}}}}}", [{"id": 2, "x": change.after}])
    any_tree.load("s.t")
    [value] = values(any_tree)
    assert value == (change.landed[1] if change.landed else change.after)


CREATED = "create schema raw; create table raw.t (id integer not null, x bigint, made timestamp default now())"
PERSONS = {
    "a whole number": (7, 7, None),
    "a fraction": (10.5, None, 10.5),
    "a text": ("a", None, "a"),
}


@pytest.mark.sampled(23)
@pytest.mark.parametrize("name", PERSONS)
@pytest.mark.parametrize("more", ["", ", write_disposition: merge, primary_key: id"])
def test_a_table_that_a_person_made(any_tree: Tree, name: str, more: str) -> None:
    """Its columns take what fits; a value of another type goes into a column of its own, as in a table of dlt."""
    value, same, other = PERSONS[name]
    any_tree.query(CREATED)
    any_tree.query("insert into raw.t (id, x) values (1, 1), (2, 2)")
    give(any_tree, more, [{"id": 2, "x": value}])
    with pytest.raises(LoadError, match=r"table t holds 2 rows that .* has not loaded.*`foundation adopt s\.t"):
        any_tree.load("s.t")
    assert any_tree.adopt("s.t").rows == 2
    any_tree.load("s.t")
    kept = [(1, 1)] if more else [(1, 1), (2, 2)]
    variant = {float: "x__v_double", str: "x__v_text"}.get(type(value), "null")
    found = any_tree.query(f"select id, x, {variant} from raw.t order by id, _dlt_load_id nulls first")
    assert found == [*((*row, None) for row in kept), (2, same, other)]
    assert any_tree.query("select count(*) from raw.t where made is null or _dlt_id is null") == [0]


def test_a_type_that_no_value_of_dlt_has(any_tree: Tree) -> None:
    """A column of a type that dlt does not write refuses the rows that bring it, and takes those that do not."""
    any_tree.query("create schema raw; create table raw.t (id bigint, x uuid)")
    give(any_tree, "", [{"id": 1, "x": "0E984725-C51C-4BF4-9960-E1C80E27ABA0"}])
    with pytest.raises(LoadError, match=r"column x of table t is UUID, and this load has VARCHAR"):
        any_tree.load("s.t")
    give(any_tree, "", [{"id": 2}])
    assert any_tree.load("s.t").row_count == 1
    assert any_tree.query("select id, x from raw.t") == [(2, None)]


def test_a_persons_table_that_is_dropped(any_tree: Tree) -> None:
    """The way out that the refusal names works: the table is made anew with the type of the rows."""
    any_tree.query("create schema raw; create table raw.t (id bigint, x uuid)")
    give(any_tree, "", [{"id": 1, "x": "0E984725-C51C-4BF4-9960-E1C80E27ABA0"}])
    assert any_tree.load("s.t", refresh="drop").row_count == 1
    assert any_tree.query("select id, x from raw.t") == [(1, "0E984725-C51C-4BF4-9960-E1C80E27ABA0")]


def test_a_column_that_a_person_changed(any_tree: Tree) -> None:
    """Types, new columns and dropped columns of the table count, not what the stored schema believes."""
    give(any_tree, "", [{"id": 1, "x": 1.5, "y": "a"}])
    any_tree.load("s.t")
    any_tree.query("alter table raw.t alter column x type bigint using 1")
    any_tree.query("alter table raw.t drop column y")
    any_tree.query("alter table raw.t add column z text")
    give(any_tree, "", [{"id": 2, "x": 2.5, "y": "b", "z": 7}])
    any_tree.load("s.t")
    columns = "id, x, x__v_double, y, z"
    found = any_tree.query(f"select {columns} from raw.t order by id")
    assert found == [(1, 1, None, None, None), (2, None, 2.5, "b", "7")]


def test_a_pending_load_finds_the_table_as_it_needs_it(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A load that was killed before it changed a type is finished with that change, and its values are not rounded."""
    give(tree, "", [{"id": 1, "x": 1}])
    tree.load("s.t")
    give(tree, ", columns: {x: {data_type: double}}", [{"id": 2, "x": 1.6}])
    with monkeypatch.context() as patch:
        patch.setattr("data_foundation.loading.pipeline.TablePipeline.load", _killed)
        with pytest.raises(KeyboardInterrupt):
            tree.load("s.t")
    give(tree, ", columns: {x: {data_type: double}}", [{"id": 3, "x": 2.5}])
    tree.load("s.t")
    assert values(tree) == [1, 1.6, 2.5]


def _killed(*_arguments: object) -> None:
    raise KeyboardInterrupt


def test_a_list_whose_table_is_another_one(any_tree: Tree) -> None:
    """A list is refused if the table of its name is no nested one, and so is a table that holds the rows of a list."""
    any_tree.query("create schema raw; create table raw.t__lines (n bigint)")
    give(any_tree, "", [{"id": 1, "lines": [{"n": 1}]}])
    with pytest.raises(LoadError, match=r"nested table t__lines, and the table of that name is another one"):
        any_tree.load("s.t")
    any_tree.query("drop table raw.t__lines")
    any_tree.load("s.t")
    any_tree.add(
        "o", "resources: [{entry: data.get, destination: raw.t__lines}]", HEAD.format(rows=[{"n": 2}], as_frame=False)
    )
    with pytest.raises(LoadError, match=r"table t__lines holds the rows of lists"):
        any_tree.load("o.t__lines")
    assert any_tree.query("select n from raw.t__lines") == [1]


FURTHER = """
import dlt


@dlt.resource
def get():
    yield {own}
    yield dlt.mark.with_table_name({further}, "u")
"""


def give_both(tree: Tree, own: list[Any], further: list[Any], more: str = ", tables: [u]") -> None:
    """Makes the resource `s.t`, whose code fills the table `u` too."""
    code = FURTHER.format(own=own, further=further)
    tree.add("s", f"resources: [{{entry: data.get, destination: raw.t{more}}}]", code)


@pytest.mark.parametrize("engine", ["columnar", "dlt"])
def test_a_further_table_that_a_person_made(any_tree: Tree, engine: str) -> None:
    """A table that the code names is changed where no value is lost, and else refused, as the resource's own is."""
    any_tree.query("create schema raw; create table raw.u (id bigint, x bigint)")
    any_tree.query("insert into raw.u values (1, 1)")
    give_both(any_tree, [{"id": 1}], [{"id": 2, "x": 10.5}], f", tables: [u], engine: {engine}")
    with pytest.raises(LoadError, match="sends rows to the table u, which holds 1 rows that this project has not"):
        any_tree.load("s.t")
    assert any_tree.query("select * from raw.u") == [(1, 1)]
    any_tree.query("delete from raw.u")
    assert list(any_tree.load("s.t").widened) == ["u"]
    any_tree.query("insert into raw.u (id, x) values (1, 1)")
    assert any_tree.query("select x from raw.u order by id") == [1, 10.5]
    any_tree.query("alter table raw.u alter column x type bigint using 1")
    any_tree.load("s.t")
    assert any_tree.query("select x from raw.u order by id, x") == [1, 1, 10.5]
    any_tree.query("alter table raw.u alter column x type date using null")
    with pytest.raises(LoadError, match="column x of table u is DATE, and this load has DOUBLE"):
        any_tree.load("s.t")
    assert any_tree.query("select count(*) from raw.t") == [2]


def test_a_further_table_that_another_resource_loads(any_tree: Tree) -> None:
    """A table of another folder is refused although only the rows tell that the code fills it."""
    any_tree.add(
        "o", "resources: [{entry: data.get, destination: raw.u}]", HEAD.format(rows=[{"id": 1}], as_frame=False)
    )
    any_tree.load("o.u")
    give_both(any_tree, [{"id": 1}], [{"id": 2}], "")
    with pytest.raises(LoadError, match="sends rows to the table u, which another resource loads"):
        any_tree.load("s.t")
    assert any_tree.query("select id from raw.u") == [1]
