"""Public reports about types of columns, with inputs of our own: values land as they are, or the load is refused."""

import pytest

from data_foundation.errors import FoundationError
from tests.support.trees import Tree
from tests.support.typed_rows import WAYS, TypedRows


@pytest.mark.parametrize("way", WAYS)
def test_a_column_gets_the_type_that_is_declared_later(tree: Tree, way: str) -> None:
    """dlt-hub/dlt#4340: A text in a column that was a number is a text, as declared, and so are the numbers before."""
    source = TypedRows(tree, way, "write_disposition: append")
    source.load([{"id": 1, "size": 40}])
    source.configure("columns: {size: {data_type: text}}")
    source.load([{"id": 2, "size": "XL"}, {"id": 3, "size": "042"}])
    assert source.table("id, size") == [(1, "40"), (2, "XL"), (3, "042")]


@pytest.mark.parametrize("way", WAYS)
def test_a_type_that_the_column_cannot_get_is_refused(tree: Tree, way: str) -> None:
    """dlt-hub/dlt#4340: A type that would change values of the table is refused before anything is written."""
    source = TypedRows(tree, way, "write_disposition: append")
    source.load([{"id": 1, "size": "XL"}])
    source.configure("columns: {size: {data_type: bigint}}")
    with pytest.raises(FoundationError, match="size"):
        source.load([{"id": 2, "size": 40}])
    assert source.table("id, size") == [(1, "XL")]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("keys", ["write_disposition: append", "write_disposition: merge, primary_key: id"])
def test_a_column_that_is_no_longer_required_takes_null(tree: Tree, way: str, keys: str) -> None:
    """dlt-hub/dlt#2409: Without `nullable: false`, the column of the existing table takes NULL too."""
    source = TypedRows(tree, way, f"{keys}, columns: {{born: {{data_type: date, nullable: false}}}}")
    source.load([{"id": 1, "born": "1990-05-01"}])
    source.configure(f"{keys}, columns: {{born: {{data_type: date}}}}")
    source.load([{"id": 2, "born": None}, {"id": 3}, {"id": 4, "born": "2001-12-31"}])
    assert source.table("id, born::text") == [(1, "1990-05-01"), (2, None), (3, None), (4, "2001-12-31")]


FRAMES = '''
import datetime as dt
from decimal import Decimal

import pandas
import polars
import pyarrow as pa

VALUES = {{
    "text": pa.array(["a"]),
    "large text": pa.array(["a"], pa.large_string()),
    "dictionary": pa.array(["a"], pa.large_string()).dictionary_encode(),
    "large binary": pa.array([b"a"], pa.large_binary()),
    "list": pa.array([[1, 2]]),
    "large list": pa.array([["x"]], pa.large_list(pa.large_string())),
    "object": pa.array([{{"a": 1}}]),
    "time with a zone": pa.array([dt.datetime(2024, 5, 1)], pa.timestamp("ns", "Europe/Amsterdam")),
    "time without a zone": pa.array([dt.datetime(2024, 5, 1)]),
    "decimal": pa.array([Decimal("1.50")]),
    "float32": pa.array([1.5], pa.float32()),
    "unsigned": pa.array([1], pa.uint64()),
    "nothing": pa.nulls(1),
}}


def as_frame(table):
    """A table as a frame of the library."""
    if "{library}" == "pandas":
        return table.to_pandas()
    return polars.from_arrow(table) if "{library}" == "polars" else table


def get_rows():
    """Frames with and without a column, which has the kinds of values that are named."""
    for number, kind in enumerate({kinds!r}):
        table = pa.table({{"id": [number]}})
        yield as_frame(table.append_column("x", VALUES[kind]) if kind else table)
'''
TEXTS = ["text", "large text", "dictionary"]
BYTES_AND_NUMBERS = ["large binary", "decimal", "float32", "unsigned", "time with a zone", "time without a zone"]
LACKING = [
    *[[kind, "", kind] for kind in [*TEXTS, *BYTES_AND_NUMBERS, "list", "large list", "object"]],
    *[["", kind, ""] for kind in ["large text", "large binary", "float32", "list", "large list", "object"]],
    ["large text", "text", "", "dictionary", "nothing", "text"],
    ["object", "", "nothing", "object"],
]


@pytest.mark.sampled(13)
@pytest.mark.parametrize("library", ["pyarrow", "polars", "pandas"])
@pytest.mark.parametrize("kinds", LACKING, ids=", ".join)
def test_a_column_that_a_frame_lacks_is_null(tree: Tree, kinds: list[str], library: str) -> None:
    """dlt-hub/dlt#4398: Whatever its type, a column that only some frames have lands, NULL in the rows of others."""
    if library == "polars" and "text view" in kinds:
        kinds = [kind for kind in kinds if kind != "text view"]
    tree.add(
        "s", "resources: [{entry: data.get_rows, destination: raw.t}]", FRAMES.format(kinds=kinds, library=library)
    )
    for _ in range(2):
        tree.load("s.t")
    landed = [(number, kind in {"", "nothing"}) for number, kind in enumerate(kinds)]
    assert tree.query("select id, x is null from raw.t order by all") == sorted(landed * 2)


LAZY = '''
import polars


def yielded():
    """A query and a frame, one after the other."""
    yield polars.DataFrame({"id": [1, 2, 3]}).lazy().filter(polars.col("id") > 1)
    yield polars.DataFrame({"id": [4]})


def returned():
    """A query alone."""
    return polars.DataFrame({"id": [2, 3, 4]}).lazy()
'''


@pytest.mark.parametrize("entry", ["yielded", "returned"])
def test_a_lazy_frame_lands_as_its_rows(tree: Tree, entry: str) -> None:
    """dlt-hub/dlt#3837: A polars LazyFrame lands like the DataFrame that it computes."""
    tree.add("s", f"resources: [{{entry: data.{entry}, destination: raw.t}}]", LAZY)
    tree.load("s.t")
    assert tree.query("select id from raw.t order by id") == [2, 3, 4]
