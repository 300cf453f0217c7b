"""Nested rows that carry the id of their root row, whatever the disposition: `root_key` of the source."""

from collections.abc import Iterator
from typing import Any

import dlt

from .turn import turn


@dlt.source(root_key=True)
def source() -> Any:
    """An append and a merge with lists of lists."""

    @dlt.resource(write_disposition="append")
    def added() -> Iterator[Any]:
        yield {"id": turn(), "lines": [{"parts": [1, 2]}]}

    @dlt.resource(write_disposition="merge", primary_key="id")
    def merged() -> Iterator[Any]:
        yield {"id": 1, "turn": turn(), "lines": [{"parts": [turn()]}]}

    return added, merged
