"""Tables that each row chooses by its type: github's events, slack's channels, facebook's insights."""

from collections.abc import Iterator
from typing import Any

import dlt

from .turn import turn


@dlt.source
def source() -> Any:
    """Events of two types."""

    @dlt.resource(table_name=lambda row: f"event_{row['type']}", write_disposition="append")
    def events() -> Iterator[Any]:
        yield [{"type": kind, "number": turn()} for kind in ("push", "pull", "push")]

    return events
