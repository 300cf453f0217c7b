"""Entries that rest on an iterator, which gives its rows once: they are imported anew before they are read again."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from dlt.extract import DltResource

from data_foundation.errors import EntryError
from data_foundation.project.entry import EntryPlace, import_entry

_MOST_KEPT = 256

_lock = threading.Lock()
_claimed: weakref.WeakSet[Any] = weakref.WeakSet()
_kept: deque[Any] = deque(maxlen=_MOST_KEPT)
"""Claimed iterators of Python's own, for instance of a list or a `map`, to which no weak reference is possible."""


def build_from_entry(place: EntryPlace, entry: str, build: Callable[[Any], DltResource]) -> DltResource:
    """Returns the dlt resource that `build` makes of an entry, ready to be read from its first row.

    A module may hold a generator, or a dlt resource made of one. An attempt reads it, and another attempt, another
    resource or another run in this process would only get the rest of its rows. The module is then imported again.

    Args:
        place: The place of the entry.
        entry: The entry as it is configured, for the error.
        build: Makes a dlt resource of the imported object.

    Raises:
        EntryError: The entry cannot be imported, or an iterator was read and its module cannot be imported again.
    """
    for anew in (False, True):
        built = build(import_entry(place, anew=anew))
        if _claim(built):
            return built
    raise EntryError(
        f"entry '{entry}' is made of an iterator that was read before, and gives its rows only once; name the "
        "generator function itself, or a function that returns a new iterator each time"
    )


def _claim(resource: DltResource) -> bool:
    """Returns False if the resource begins with an iterator that another resource was made of before."""
    pipe = resource._pipe  # noqa: SLF001 - what `dlt.resource` was given
    while pipe.parent:
        pipe = pipe.parent
    if not isinstance(pipe.gen, Iterator | AsyncIterator):
        return True
    with _lock:
        if any(pipe.gen is known for known in (*_claimed, *_kept)):
            return False
        try:
            _claimed.add(pipe.gen)
        except TypeError:
            _kept.append(pipe.gen)
    return True
