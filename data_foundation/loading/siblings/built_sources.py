"""The dlt sources of a run whose tables are loaded one after another: each is built once, as by dlt."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from dlt.extract import DltResource

Resources = Mapping[str, DltResource]


class BuiltSources(threading.local):
    """The sources that the current thread has built.

    The resources of a source may share what only one thread can use, for instance a connection.
    """

    def __init__(self) -> None:
        self._built: list[tuple[Any, Resources]] = []

    def get(self, key: Any, build: Callable[[], Resources]) -> Resources:
        """Returns the resources of a source, built by `build` if this thread has none of this key.

        Args:
            key: The source's function and its arguments, compared by equality.
            build: Builds the source.
        """
        for known, resources in self._built:
            if known == key:
                return resources
        self._built.append((key, resources := build()))
        return resources

    def forget(self) -> None:
        """Forgets the sources of this thread, so that another attempt builds them anew."""
        self._built.clear()
