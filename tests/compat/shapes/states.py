"""State that resources keep for themselves and of which the source has one for all: hubspot, matomo."""

from collections.abc import Iterator
from typing import Any

import dlt


@dlt.source
def source() -> Any:
    """Two counters."""

    @dlt.resource
    def own() -> Iterator[Any]:
        state = dlt.current.resource_state()
        state["count"] = state.get("count", 0) + 1
        yield {"count": state["count"]}

    @dlt.resource
    def shared() -> Iterator[Any]:
        state = dlt.current.source_state()
        state["count"] = state.get("count", 0) + 1
        yield {"count": state["count"]}

    return own, shared
