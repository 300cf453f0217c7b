"""A source whose rows a test gives as Python values, yielded as dicts or as Arrow tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.support.trees import Tree

WAYS = ("dicts", "dlt", "arrow")
"""How rows arrive: as dicts with either engine, or as Arrow tables."""

CODE = '''
import datetime
import zoneinfo
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

HERE = Path(__file__).parent


def get_rows():
    """Yields the pages that the test gave last."""
    for page in eval((HERE / "pages.txt").read_text()):
        names = list(dict.fromkeys(name for row in page for name in row))
        if (HERE / "way.txt").read_text() == "arrow" and page:
            yield pa.Table.from_pylist([{name: row.get(name) for name in names} for row in page])
        else:
            yield page
'''


class TypedRows:
    """One resource `raw.rows` with a cursor, and what its entry yields.

    Attributes:
        tree: The checkout.
    """

    def __init__(self, tree: Tree, way: str, settings: str, code: str = CODE) -> None:
        self.tree = tree
        self._way, self._code = way, code
        self.configure(settings)

    def configure(self, settings: str) -> None:
        """Writes the keys of the resource."""
        engine = "dlt" if self._way == "dlt" else "columnar"
        resource = f"{{entry: data.get_rows, destination: raw.rows, engine: {engine}, {settings}}}"
        folder = self.tree.add("shop", f"resources: [{resource}]", self._code)
        (folder / "way.txt").write_text(self._way)

    def give(self, *pages: Sequence[dict[str, Any]]) -> None:
        """Decides what the entry yields from now on."""
        (self.tree.root / "dlthub" / "shop" / "pages.txt").write_text(repr([list(page) for page in pages]))

    def load(self, *pages: Sequence[dict[str, Any]], **options: Any) -> Any:
        """Loads pages and returns the result."""
        self.give(*pages)
        return self.tree.load("shop.rows", **options)

    def ids(self) -> list[Any]:
        """Returns the ids in the table, in order."""
        return self.tree.query("select id from raw.rows order by id")

    def table(self, columns: str = "id, v") -> list[Any]:
        """Returns columns of the table, in order."""
        return self.tree.query(f"select {columns} from raw.rows order by all")
