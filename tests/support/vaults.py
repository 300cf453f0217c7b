"""Sources that land in a vault, for every warehouse."""

from collections.abc import Mapping, Sequence
from textwrap import indent
from typing import Any

from tests.support.trees import ROWS, Tree

HASH_OF_OTHER = "691388f82159683de2ed189a1ac2e5f5"
"""Hashes of the row {"id": 2, "amount": 20}. They must never change, because warehouses contain them."""

TAGS = "transactions: {requires: {amount: decimal}}\n"
BANK = ("destination: raw.checking", "primary_key: id", "tag: transactions", "landing: vault")


def add(tree: Tree, source: str = "bank", settings: Sequence[str] = BANK, data: str = ROWS) -> None:
    """Writes a source with one table, and tags.yaml."""
    tree.add(source, f"resources:\n  - entry: data.get_rows\n{indent(chr(10).join(settings), '    ')}\n", data)
    (tree.root / "dlthub" / "tags.yaml").write_text(TAGS)


def load(tree: Tree, *rows: Mapping[str, Any], name: str = "bank.checking") -> Any:
    """Loads rows and returns the result."""
    tree.give(name.split(".", maxsplit=1)[0], rows)
    return tree.load(name)


def check_versions(tree: Tree) -> None:
    """Asserts the content of a warehouse after the values A, A, B, A, a new column and a second source of the tag."""
    add(tree)
    a, b, other = ({"id": 1, "amount": 10}, {"id": 1, "amount": 11}, {"id": 2, "amount": 20})
    for rows in ([a, other], [a, other], [b], [a, other]):
        load(tree, *rows)
    versions = "select id, amount, case when _dlt_valid_to is null then 1 else 0 end from raw.sat_bank_checking"
    assert tree.query(f"{versions} order by _dlt_valid_from, id") == [(1, 10, 0), (2, 20, 1), (1, 11, 0), (1, 10, 1)]
    hashed = "select _hash_key, _row_hash from raw.sat_bank_checking where id = 2"
    assert tree.query(hashed) == [("81c84f23a99bada64984437a0e33591e", HASH_OF_OTHER)]
    opened = load(tree, a | {"colour": "red"}).table.rpartition(".")[2]
    assert tree.query(f"select id, colour from raw.{opened}") == [(1, "red")]
    add(tree, "shop", ["destination: raw.slips", *BANK[1:]])
    load(tree, {"id": 1, "amount": 9}, {"id": 3, "amount": 8}, name="shop.slips")
    assert tree.query("select business_key, source from raw.hub_transactions order by 1") == [
        ("1", "bank.checking"), ("2", "bank.checking"), ("3", "shop.slips"),
    ]  # fmt: skip
    listed = tree.query("select satellite from raw.hub_transactions__satellites order by opened_at")
    assert listed == ["sat_bank_checking", opened, "sat_shop_slips"]
