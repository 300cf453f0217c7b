"""Nesting that the source limits for all resources, and one resource for itself: github, slack, mux."""

from collections.abc import Iterator
from typing import Any

import dlt

ROW = {"id": 1, "items": [{"sku": "a", "tags": [{"name": "x", "marks": [1, 2]}]}], "meta": {"deep": {"deeper": [1]}}}


@dlt.source(max_table_nesting=1)
def source() -> Any:
    """One level for all but one."""

    @dlt.resource(write_disposition="replace")
    def limited() -> Iterator[Any]:
        yield ROW

    @dlt.resource(write_disposition="replace", max_table_nesting=0)
    def flat() -> Iterator[Any]:
        yield ROW

    @dlt.resource(write_disposition="replace", max_table_nesting=2)
    def deep() -> Iterator[Any]:
        yield ROW

    return limited, flat, deep
