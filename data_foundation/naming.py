"""Spells names as the warehouse does."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from dlt.common.normalizers.naming.snake_case import NamingConvention
from typing_extensions import override

_SNAKE_CASE = NamingConvention()
LONGEST_SCHEMA_NAME = 64


class TableName(NamedTuple):
    """Dataset and table as the warehouse spells them; as text `dataset.table`."""

    dataset: str
    table: str

    @override
    def __str__(self) -> str:
        return f"{self.dataset}.{self.table}"

    @property
    def pipeline(self) -> str:
        """The name of the table's dlt pipeline; neither a dataset's name nor a table's has a dash."""
        return f"{self.dataset}-{self.table}"

    @classmethod
    def parse(cls, text: str) -> TableName:
        """Returns the name for the text `dataset.table`."""
        return cls(*text.split(".", 1))


@lru_cache(maxsize=65536)
def normalize(name: str) -> str:
    """Returns the identifier that dlt makes of `name` with its default naming convention."""
    return _SNAKE_CASE.normalize_path(name)


def column_of_path(path: str) -> str:
    """Returns the column that the value at a path of a row lands in, for instance commit__author of commit.author."""
    return "__".join(normalize(part) for part in path.split("."))


def schema_name(table: str) -> str:
    """Returns the name of a table's dlt schema, which is unique in its dataset.

    dlt's own name would be the same for `a_b` and `a__b`, and for `orders` and `orders_pipeline`: each would read the
    other's columns.
    """
    return _SNAKE_CASE.shorten_identifier(table, table, LONGEST_SCHEMA_NAME)
