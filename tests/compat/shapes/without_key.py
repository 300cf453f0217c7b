"""A merge whose code names no key, which dlt appends: google_analytics, and sources that take keys as arguments."""

from collections.abc import Iterator
from typing import Any

import dlt

from .turn import turn


@dlt.source
def source(key: str = "") -> Any:
    """Rows with a list."""

    @dlt.resource(write_disposition="merge", primary_key=key or None)
    def reports() -> Iterator[Any]:
        yield [{"id": number, "turn": turn(), "tags": ["a"]} for number in range(2)]

    return reports
