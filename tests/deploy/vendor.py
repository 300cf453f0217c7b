"""A vendor whose rows grow while they are loaded, and the project that loads them."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.support.locations import Location
from tests.support.rest_server import ReceivedRequest

PAGE = 50
YAML = """
source: {max_concurrency: 3}
resources:
  - entry: data.get_events
    destination: raw.events
    write_disposition: append
    incremental: {cursor_path: id, initial_value: 0}
  - entry: data.get_things
    destination: raw.things
    write_disposition: merge
    primary_key: id
    incremental: {cursor_path: version, initial_value: 0}
  - entry: data.get_totals
    destination: raw.totals
    write_disposition: replace
    primary_key: thing
"""
DATA = '''
"""Reads pages of the vendor, each after a while."""

import time

import dlt
import requests


def read(url, path, since):
    newest = None
    while newest is None or since < newest:
        page = requests.get(f"{url}/{path}", params={"since": since}, timeout=30).json()
        newest = newest or page["newest"]
        if page["rows"]:
            yield page["rows"]
        since = page["next"]
        time.sleep(0.05)


def get_events(url: str = dlt.config.value, after=dlt.sources.incremental("id")):
    yield from read(url, "events", after.last_value)


def get_things(url: str = dlt.config.value, after=dlt.sources.incremental("version")):
    yield from read(url, "things", after.last_value)


def get_totals(url: str = dlt.config.value):
    yield from read(url, "totals", 0)
'''
COMPOSITION = """
from pathlib import Path

from data_foundation import build_definitions

defs = build_definitions(Path(__file__).parent)
"""


@dataclass
class Vendor:
    """A log of events about things, each event numbered; there are more of them from second to second.

    Attributes:
        rate: Events a second.
        most: The number of events at which it stops.
    """

    rate: float = 40.0
    most: int | None = None
    _began: float = field(default_factory=time.monotonic)

    @property
    def events(self) -> int:
        """The number of events so far."""
        return self.most or int((time.monotonic() - self._began) * self.rate)

    def stop(self) -> None:
        """Lets nothing happen any more."""
        self.most = self.events

    def answer(self, request: ReceivedRequest) -> Any:
        """Returns a page of rows after `since`, where the next begins, and the newest row of all."""
        since, path = int(request.params["since"]), request.path.strip("/")
        if path == "totals":
            totals = [] if since else [{"thing": thing, "events": n} for thing, n in sorted(self.totals().items())]
            return {"rows": totals, "next": 1, "newest": 1}
        numbers = range(since + 1, min(since + PAGE, self.events) + 1)
        key = {"events": "id", "things": "version"}[path]
        rows = [{key: number, **({"id": thing_of(number)} if path == "things" else {})} for number in numbers]
        return {"rows": rows, "next": since + len(rows), "newest": self.events}

    def totals(self) -> Counter[int]:
        """Returns the number of events of each thing."""
        return Counter(map(thing_of, range(1, self.events + 1)))

    def newest(self) -> dict[int, int]:
        """Returns the newest version of each thing."""
        return {thing_of(number): number for number in range(1, self.events + 1)}


def thing_of(number: int) -> int:
    """Returns the thing that an event is about."""
    return number * 7919 % 101


def write_project(location: Location) -> Location:
    """Writes the project: one source with a table of each kind."""
    location.add("shop", YAML, DATA)
    location.write("definitions.py", COMPOSITION)
    return location
