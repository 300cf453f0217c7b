"""Transformers on a parent that is loaded too, and on one that is not: chess, pokemon, workable."""

from collections.abc import Iterator
from typing import Any

import dlt

from .turn import turn


@dlt.resource(write_disposition="replace")
def players() -> Iterator[Any]:
    """Loaded, and read by games."""
    yield [{"name": name, "turn": turn()} for name in ("ada", "bob")]


@dlt.transformer(data_from=players, write_disposition="append")
def games(items: list[Any]) -> Iterator[Any]:
    """Games of each player."""
    for player in items:
        yield [{"player": player["name"], "game": number, "turn": turn()} for number in range(2)]


@dlt.resource(selected=False)
def pages() -> Iterator[Any]:
    """Only read by details."""
    yield from ({"page": number} for number in range(3))


@dlt.transformer(write_disposition="replace")
def details(page: Any) -> Any:
    """A function that returns one row."""
    return {"page": page["page"], "turn": turn()}


@dlt.source
def source() -> Any:
    """Two families."""
    return [players, games, pages | details]
