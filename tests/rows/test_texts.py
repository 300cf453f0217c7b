"""Texts in columns of times and of JSON, and a text that has no place in its column."""

import pytest

from data_foundation.errors import LoadError
from tests.support.trees import Tree

ENGINES = ["columnar", "dlt"]
SHAPES = [
    "[{{'id': 0, 'x': {first}}}, {{'id': 1, 'x': {second}}}]",
    "[{{'id': 0, 'x': {{'y': {first}}}}}, {{'id': 1, 'x': {{'y': {second}}}}}]",
]


def add(tree: Tree, rows: str, settings: str) -> None:
    """A source `s` with a table `t`, whose entry yields `rows`."""
    code = f"import json\n\nimport pyarrow as pa\n\ndef get():\n    yield {rows}\n"
    tree.add("s", f"resources: [{{entry: data.get, destination: raw.t, {settings}}}]", code)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("text", ["1.5", "2024", "20240505", "1700000000", "1e5", "+5", " 5 ", "1_000", "-1"])
def test_a_number_as_text_is_no_time(tree: Tree, text: str, shape: str, engine: str) -> None:
    """It is refused as the number itself is; dlt would read it as seconds since 1970, as a year or as a day."""
    add(tree, shape.format(first="'2024-01-01T00:00:00Z'", second=repr(text)), f"engine: {engine}")
    with pytest.raises(LoadError, match=r"row 2, column x(\.y)?: got a str for a column of type timestamp"):
        tree.load("s.t")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_number_as_text_is_no_time_in_a_declared_column(tree: Tree, engine: str) -> None:
    """A declared type does not change what the text says."""
    add(tree, "[{'x': '2024'}]", f"engine: {engine}, columns: {{x: {{data_type: timestamp}}}}")
    with pytest.raises(LoadError, match="row 1, column x: got a str for a column of type timestamp"):
        tree.load("s.t")


TEXTS = ["1.10", "007", "null", "true", "plain", '"quoted"', "", "[1", "Ünï"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("rows", ["rows", "json.dumps(rows).encode()", "rows + [{'id': 99, 'x': {'y': 1}}]"])
def test_a_text_in_a_json_column_is_a_text(tree: Tree, rows: str, engine: str) -> None:
    """It keeps its spelling, and no column of variants appears."""
    values = [{"id": number, "x": text} for number, text in enumerate(TEXTS)]
    add(tree, rows.replace("rows", repr(values)), f"engine: {engine}, columns: {{x: {{data_type: json}}}}")
    tree.load("s.t")
    assert tree.query("select x->>'$' from raw.t where id < 99 order by id") == TEXTS
    assert tree.query("select distinct json_type(x) from raw.t where id < 99") == ["VARCHAR"]
    assert (
        tree.query("select column_name from information_schema.columns where column_name like 'x\\_\\_%' escape '\\'")
        == []
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_an_object_as_text_in_a_json_column_is_the_object(tree: Tree, engine: str) -> None:
    """As dlt reads it; so is a list."""
    add(
        tree,
        "[{'x': '{\"a\": 1.10}'}, {'x': '[1]'}, {'x': '{no'}]",
        f"engine: {engine}, columns: {{x: {{data_type: json}}}}",
    )
    tree.load("s.t")
    assert sorted(tree.query("select json_type(x) from raw.t")) == ["ARRAY", "OBJECT", "VARCHAR"]


def test_a_text_of_a_frame_in_a_json_column_is_a_text(tree: Tree) -> None:
    """As in a dict."""
    add(tree, f"pa.table({{'id': list(range({len(TEXTS)})), 'x': {TEXTS!r}}})", "columns: {x: {data_type: json}}")
    tree.load("s.t")
    assert tree.query("select x->>'$' from raw.t order by id") == TEXTS


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "rows",
    [
        "[{'x': 1}, {'x': 'abc', 'x__v_text': 'own'}]",
        "[{'x': 1, 'x__v_text': 'own'}, {'x': 'abc'}]",
        "[{'x': 1}, {'x': 'abc'}, {'x__v_text': 'own'}]",
    ],
)
def test_a_variant_does_not_take_the_column_of_another_key(tree: Tree, rows: str, engine: str) -> None:
    """One of two values would be lost: both keys are named."""
    add(tree, rows, f"engine: {engine}")
    with pytest.raises(LoadError, match=r"the keys 'x(__v_text)?' and 'x(__v_text)?' become one name, x__v_text"):
        tree.load("s.t")
