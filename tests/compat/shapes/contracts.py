"""A schema contract of the source: a column that appears later is left out."""

from collections.abc import Iterator
from typing import Any

import dlt

from .turn import turn


@dlt.source(schema_contract={"columns": "discard_value"})
def source() -> Any:
    """One resource under the contract of its source, one under its own."""

    @dlt.resource
    def kept() -> Iterator[Any]:
        yield {"id": turn(), **({"late": 1} if turn() > 1 else {})}

    @dlt.resource(schema_contract="evolve")
    def open_to_all() -> Iterator[Any]:
        yield {"id": turn(), **({"late": 1} if turn() > 1 else {})}

    return kept, open_to_all
