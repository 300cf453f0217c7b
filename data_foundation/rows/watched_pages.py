"""Reports every item of an entry as soon as it is yielded, before any other step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlt.extract import DltResource
from typing_extensions import override

from data_foundation.rows.pipe_steps import Step


class WatchPages(Step):
    """The step after a generator; it calls `on_page` before an item is passed on."""

    def __init__(self, on_page: Callable[[], None]) -> None:
        super().__init__()
        self._on_page = on_page

    @override
    def take(self, item: Any) -> Any:
        self._on_page()
        return item


def watch_pages(resource: DltResource, on_page: Callable[[], None]) -> None:
    """Adds the step to the pipe of a resource and to the pipes of the resources that it gets its items from.

    Args:
        resource: The resource, ready to be extracted.
        on_page: Called for every item; an error that it raises ends the extraction.
    """
    pipe = resource._pipe  # noqa: SLF001 - dlt has no public access to the pipes of parents
    while pipe is not None:
        pipe.insert_step(WatchPages(on_page), 1)
        pipe = pipe.parent
