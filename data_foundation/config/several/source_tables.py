"""Resources that stand for the resources of a dlt source, `source: shop` with `tables: ["*", "!drafts"]`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from data_foundation.config.several.discovered import Discovered, Hints
from data_foundation.config.several.table_patterns import Raw, destination_of, kwargs_of
from data_foundation.suggestions import nearest

REST_API = "dlt.sources.rest_api.rest_api_source"
"""The dlt source that the key `rest_api` stands for."""

SELECTED = "selected"
"""Key of `discovered.yaml`: false for a resource that dlt loads only if it is named."""

UNBOUND = "unbound"
"""Key of `discovered.yaml`: the arguments that a resource needs and its source does not pass."""

_OWN_KEYS = ("source", "rest_api", "tables", "arguments", "keyword_arguments")
_ACCEPTED = 'accepted are names and patterns, for instance ["*", "!drafts"], or {orders: {incremental: ...}}'


class SourceTables:
    """A resource in its unchecked form that stands for several resources of one dlt source.

    Attributes:
        args: Its positional arguments.
        kwargs: Its keyword arguments.
    """

    tables_key = ("tables",)
    needs = "runs the source's code"
    """What `foundation discover` does to find the resources."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.args: Any = raw.get("args", raw.get("arguments", []))
        self.kwargs: Mapping[str, Any] = {"config": raw["rest_api"]} if "rest_api" in raw else kwargs_of(raw)

    @property
    def entry(self) -> str:
        """Path of the source, or the name of a function of the folder."""
        return REST_API if "rest_api" in self.raw else str(self.raw["source"])

    @classmethod
    def matches(cls, raw: Raw) -> bool:
        """Returns True if a resource in its unchecked form names a source or has a configuration of dlt's REST API."""
        return "source" in raw or "rest_api" in raw

    def expand(self, discovered: Discovered) -> Iterator[tuple[dict[str, Any], Hints]]:
        """Yields the unchecked resource of each selected dlt resource, and what discovery knows of it."""
        common = {name: value for name, value in self.raw.items() if name not in _OWN_KEYS}
        common |= {"entry": self.entry, "args": self.args, "kwargs": self.kwargs}
        for name, hints in discovered.of(self.raw).items():
            if (own := self._select(name, hints)) is not None:
                destination = destination_of(self.raw, str(hints.get("table", name)))
                yield {**common, "destination": destination, "resource": name, **own}, hints

    def problems(self, discovered: Discovered) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yields each misuse: the path of a key, and a message."""
        for name, problem in (("entry", "is the source already"), ("resource", "is what `tables` selects")):
            if name in self.raw:
                yield (name,), f"{problem}; leave it out"
        if "source" in self.raw and "rest_api" in self.raw:
            yield ("rest_api",), "got source and rest_api; leave one of them out"
        if not isinstance(self.raw.get("rest_api", {}), Mapping):
            yield ("rest_api",), "accepted is a mapping with client and resources, as dlt's REST API takes it"
        known = discovered.of(self.raw)
        selection = _read_selection(self.raw.get("tables"))
        if selection is None:
            yield ("tables",), f"got {self.raw.get('tables')!r}; {_ACCEPTED}"
        for pattern, _ in selection or () if known else ():
            name = pattern.removeprefix("!")
            if name != pattern and "*" in name:
                continue  # what is left out may not be there yet
            if name not in known and not any(fnmatchcase(one, name) for one in known):
                message = f"the source has no resource '{name}'; it has {', '.join(known)}{nearest(name, list(known))}"
                yield ("tables",), message

    def _select(self, name: str, hints: Hints) -> dict[str, Any] | None:
        """Returns the keys that `tables` sets for a resource, those of later patterns first; None if it is left out."""
        keys: dict[str, Any] | None = None
        for pattern, own in _read_selection(self.raw.get("tables")) or ():
            if pattern.startswith("!"):
                if _is_meant(name, pattern[1:]):
                    return None
            elif name == pattern or (_is_meant(name, pattern) and hints.get(SELECTED, True)):
                keys = {**(keys or {}), **own}
        return keys


def _is_meant(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern)


def _read_selection(tables: Any) -> Sequence[tuple[str, Mapping[str, Any]]] | None:
    """Returns the patterns of `tables`, each with the keys that it sets; None if they have another form."""
    items = ["*"] if tables is None else tables if isinstance(tables, list) else [tables]
    selection: list[tuple[str, Mapping[str, Any]]] = []
    for item in items:
        for pattern, own in item.items() if isinstance(item, Mapping) else [(item, None)]:
            if not isinstance(pattern, str) or not isinstance(own, Mapping | None):
                return None
            selection.append((pattern, own or {}))
    if all(pattern.startswith("!") for pattern, _ in selection):
        selection.insert(0, ("*", {}))
    return selection
