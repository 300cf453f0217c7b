"""Accounts and forms read one after another, each failing alone."""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

import dlt
import requests

from data_foundation import Refusal

from .graph import Graph, Rows

logger = logging.getLogger(__name__)

FAILURES = (Refusal, requests.RequestException, ConnectionError)
"""What a vendor or the way to it does; anything else is a mistake in this code, and ends the load."""


class Days(NamedTuple):
    """A range of days in ISO 8601, which compare as what they are.

    Attributes:
        first: The first day.
        after: The day after the last.
        since: Where the history of a node begins that has not been read yet.
    """

    first: str
    after: str
    since: str


def read_alone(graphs: Sequence[Graph], read: Callable[[Graph], Iterator[Rows]]) -> Iterator[Rows]:
    """Yield the pages of every node; one that fails is reported as a failed part and stops no other.

    Raises:
        Exception: The first failure, where every node failed.
    """
    failed: dict[str, Exception] = {}
    for graph in graphs:
        try:
            yield from read(graph)
        except FAILURES as error:
            failed[graph.node] = error
            logger.warning("%s failed after %d calls: %s", graph.node, graph.calls.calls, error)
        else:
            logger.info("%s took %d calls", graph.node, graph.calls.calls)
    if failed and len(failed) == len(graphs):
        raise next(iter(failed.values()))
    metrics = dlt.current.resource_metrics()
    if failed:
        metrics["failed_parts"] = {node: str(error) for node, error in failed.items()}
    # Every account returns the same warnings about the version.
    metrics.setdefault("warnings", []).extend(sorted(set().union(*(graph.warnings for graph in graphs))))


def read_ranges_alone(
    graphs: Sequence[Graph], days: Days, read: Callable[[Graph, date], Iterator[Rows]]
) -> Iterator[Rows]:
    """Yield what `read_alone` yields, of each node from where it has to be read.

    That is the first day; for a node that began to fail in earlier loads the day from which it failed, and for one
    that is new where the history begins. A range or sample of this run changes none of these days.

    Args:
        graphs: The nodes.
        days: The range.
        read: Given a node and its first day, yields its pages.
    """
    state = dlt.current.resource_state()
    failed_since: dict[str, str] = state.setdefault("failed_since", {})
    known: list[str] = state.setdefault("known", [])
    is_partial = bool(dlt.current.resource_metrics().get("asked"))

    def read_range(graph: Graph) -> Iterator[Rows]:
        is_new = not is_partial and graph.node not in known
        missed = failed_since.get(graph.node, days.since if is_new else None)
        begin = min(days.first, missed or days.first)
        if begin < days.first:
            reason = "is new" if is_new else "failed in earlier loads"
            logger.info("%s %s: it is read from %s on, not from %s", graph.node, reason, begin, days.first)
        try:
            yield from read(graph, date.fromisoformat(begin))
        except FAILURES:
            failed_since[graph.node] = begin
            raise
        failed_since.pop(graph.node, None)
        if is_new:
            known.append(graph.node)
        elif is_partial and missed:
            # The next run continues at the end of the range.
            failed_since[graph.node] = max(missed, days.after)

    yield from read_alone(graphs, read_range)
