"""Spells names as the warehouse does."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import dlt
from dlt.common.normalizers.naming import NamingConvention
from dlt.common.schema.normalizers import naming_from_reference
from typing_extensions import override

from data_foundation.json_paths import unquote_path

SNAKE_CASE = "snake_case"
UNICODE = "data_foundation.unicode_snake_case"

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
    """Returns the identifier that dlt makes of `name` with the naming convention of the repository."""
    return find_naming().normalize_path(name)


@lru_cache(maxsize=1)
def find_naming() -> NamingConvention:
    """Returns the naming convention of the repository: dlt's setting `naming` in the section `[schema]`."""
    return naming_from_reference(dlt.config.get("schema.naming", str) or SNAKE_CASE)


def forget_naming() -> None:
    """Has the naming convention read again: the settings may be others now."""
    find_naming.cache_clear()
    normalize.cache_clear()


def column_of_path(path: str) -> str:
    """Returns the column that the value at a path of a row lands in, for instance commit__author of commit.author."""
    return "__".join(normalize(part) for part in unquote_path(path).removeprefix("$.").split("."))


def schema_name(table: str) -> str:
    """Returns the name of a table's dlt schema, which is unique in its dataset.

    dlt's own name would be the same for `a_b` and `a__b`, and for `orders` and `orders_pipeline`: each would read the
    other's columns.
    """
    return NamingConvention.shorten_identifier(table, table, LONGEST_SCHEMA_NAME)
