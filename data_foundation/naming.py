"""Names as the warehouse has them."""

from __future__ import annotations

from functools import lru_cache

from dlt.common.normalizers.naming.snake_case import NamingConvention

_SNAKE_CASE = NamingConvention()
LONGEST_SCHEMA_NAME = 64


@lru_cache(maxsize=65536)
def normalize(name: str) -> str:
    """Returns the identifier that dlt makes of `name` with its default naming convention."""
    return _SNAKE_CASE.normalize_path(name)


def pipeline_name(dataset: str, table: str) -> str:
    """Returns the name of a table's pipeline; no dataset and no table has the dash in its name."""
    return f"{dataset}-{table}"


def schema_name(table: str) -> str:
    """Returns the name of a table's dlt schema, of which a dataset must hold no two alike.

    The name that dlt would choose is the same for `a_b` and `a__b`, and for `orders` and `orders_pipeline`: each would
    read back the other's columns.
    """
    return _SNAKE_CASE.shorten_identifier(table, table, LONGEST_SCHEMA_NAME)
