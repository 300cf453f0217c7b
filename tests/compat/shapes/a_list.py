"""A function without a decorator that returns a list of resources, as rest_api_resources does."""

from collections.abc import Iterator
from typing import Any

import dlt


def source(names: tuple[str, ...] = ("red", "blue")) -> list[Any]:
    """One resource for each name."""

    def read(name: str) -> Iterator[Any]:
        yield {"name": name}

    return [dlt.resource(read(name), name=name, write_disposition="replace") for name in names]
