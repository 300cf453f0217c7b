"""Resources made in a loop over names, and yielded: strapi, bamboo, and REST clients of one endpoint each."""

from collections.abc import Iterator
from typing import Any

import dlt

from .turn import turn


def _read(endpoint: str) -> Iterator[Any]:
    yield [{"endpoint": endpoint, "id": number, "turn": turn()} for number in range(2)]


@dlt.source
def source(endpoints: tuple[str, ...] = ("cats", "dogs")) -> Iterator[Any]:
    """One resource for each endpoint."""
    for endpoint in endpoints:
        yield dlt.resource(_read(endpoint), name=endpoint, primary_key="id", write_disposition="merge")
