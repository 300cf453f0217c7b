"""Accounts and forms read one after another, each failing alone."""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime

import dlt
import requests

from data_foundation import Refusal

from .graph import Graph, Rows

logger = logging.getLogger(__name__)

FAILURES = (Refusal, requests.RequestException, ConnectionError)
"""What a vendor or the way to it does; anything else is a mistake in this code, and ends the load."""


def read_alone(graphs: Sequence[Graph], read: Callable[[Graph], Iterator[Rows]]) -> Iterator[Rows]:
    """Yield the pages of every node; one that fails is told as a part that failed, and stops no other.

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
    # Each account is told the same of the version.
    metrics.setdefault("warnings", []).extend(sorted(set().union(*(graph.warnings for graph in graphs))))


def read_ranges_alone(
    graphs: Sequence[Graph], first: date, after: date, read: Callable[[Graph, date], Iterator[Rows]]
) -> Iterator[Rows]:
    """Yield what `read_alone` yields, from `first` on, or from where a node began to fail in earlier loads.

    Args:
        graphs: The nodes.
        first: The first day.
        after: The day after the last.
        read: Given a node and its first day, yields its pages.
    """
    failed_since: dict[str, str] = dlt.current.resource_state().setdefault("failed_since", {})

    def read_range(graph: Graph) -> Iterator[Rows]:
        missed = failed_since.get(graph.node)
        begin = min(str(first), missed or str(first))
        if begin < str(first):
            logger.info("%s failed in earlier loads: it is read from %s on, not from %s", graph.node, begin, first)
        try:
            yield from read(graph, date.fromisoformat(begin))
        except FAILURES:
            failed_since[graph.node] = begin
            raise
        failed_since.pop(graph.node, None)
        # What was missed goes on where a range that was asked for ends.
        if missed and after <= datetime.now(UTC).date():
            failed_since[graph.node] = max(missed, str(after))

    yield from read_alone(graphs, read_range)
