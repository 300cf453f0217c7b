"""Numbers in JSON keep their digits where `columns` declares decimals."""

from decimal import Decimal

import pytest

from data_foundation.errors import LoadError
from tests.support.trees import Tree

ENGINES = ["columnar", "dlt"]
DIGITS = "1234567890123456.78"
PAGES = {
    "a document": "yield b'[' + TEXT + b']'",
    "documents": "yield from [b'[' + TEXT + b']'] * 1",
    "lines": "yield TEXT + b'\\n' + TEXT.replace(b'1', b'2', 1)",
    "an object": "yield TEXT",
}


MONEY = "{data_type: decimal, precision: 20, scale: 2}"


def add(tree: Tree, text: str, page: str, settings: str) -> None:
    """A source `s` with a table `t`, whose entry yields JSON."""
    settings = f"{{entry: data.get, destination: raw.t, {settings}}}"
    tree.add("s", f"resources: [{settings}]", f"TEXT = {text.encode()!r}\n\ndef get():\n    {page}\n")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("more", ["", ", incremental: {cursor_path: id}, requires: [id]"])
def test_a_declared_decimal_keeps_its_digits(tree: Tree, page: str, more: str, engine: str) -> None:
    """At the root, under another spelling and inside an object; other numbers are doubles."""
    text = f'{{"id": 1, "netAmount": {DIGITS}, "o": {{"x": {DIGITS}}}, "f": 0.1, "l": [{{"net_amount": 1.5}}]}}'
    add(tree, text, PAGES[page], f"engine: {engine}, columns: {{netAmount: {MONEY}, o__x: {MONEY}}}{more}")
    tree.load("s.t")
    (found,) = tree.query("select net_amount, o__x, f from raw.t where id = 1")
    assert found == (Decimal(DIGITS), Decimal(DIGITS), 0.1)
    assert set(tree.query("select net_amount from raw.t__l")) == {1.5}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_decimal_with_more_digits_than_its_column_is_refused(tree: Tree, engine: str) -> None:
    """It is not rounded."""
    add(tree, '{"x": 1.005}', PAGES["a document"], f"engine: {engine}, columns: {{x: {MONEY}}}")
    with pytest.raises(
        LoadError, match=r"row 1, column x: got a decimal\.Decimal with more digits than the column has"
    ):
        tree.load("s.t")
