"""The source facebook_ads, read from the sandbox on a virtual clock."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import dlt
import pytest
import requests
from dlt.extract.exceptions import ResourceExtractionError
from typing_extensions import override

from data_foundation import Calls
from data_foundation.vendors.retries import root_cause
from dlthub.facebook_ads import graph
from dlthub.facebook_ads.data import get_insights, get_leads, get_objects
from sandbox.environment import TOKENS
from sandbox.facebook_usage import CLOCK
from sandbox.models.facebook_insights import FIRST_DAY
from tests.support.trees import Tree
from tests.support.virtual_clock import VirtualClock

ROOT = Path(__file__).parents[2]
Rows = list[dict[str, Any]]
FIRST, AFTER = str(FIRST_DAY), "2026-09-11"
"""Ten days."""


class TimedSession(requests.Session):
    """Sends the time of the virtual clock with each request, and records the responses."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self.clock = clock
        self.statuses: list[int] = []

    @override
    def request(self, *args: Any, **options: Any) -> requests.Response:
        """Sends the request."""
        options["headers"] = {**options.get("headers", {}), CLOCK: str(self.clock.now())}
        response = super().request(*args, **options)
        self.statuses.append(response.status_code)
        return response


@dataclass
class Vendor:
    """The sandbox's Marketing API.

    Attributes:
        url: Its address.
        clock: Clock of the source.
        session: HTTP session of the source.
        metrics: Metrics of the last read, besides its rows.
    """

    url: str
    clock: VirtualClock = field(default_factory=VirtualClock)
    metrics: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.session = TimedSession(self.clock)

    def settings(self, today: str = "", **changes: Any) -> dict[str, Any]:
        """Returns the settings of every entry, for a day."""
        url = f"{self.url}/facebook_ads{f'/as_of/{today}' if today else ''}"
        return {"base_url": url, "access_token": TOKENS["facebook_ads"], "accounts": ["1001", "1002"], **changes}

    def objects(self, kind: str, **changes: Any) -> Rows:
        """Returns all rows of a kind."""
        return self._read(get_objects, kind, **{"page_size": 7, **changes})

    def leads(self, start: str = FIRST, end: str = "2026-11-01", **changes: Any) -> Rows:
        """Returns the leads of several days."""
        return self._read(get_leads, start, end, start, **{"page_size": 20, **changes})

    def insights(self, start: str = FIRST, end: str = AFTER, **changes: Any) -> Rows:
        """Returns the insights of several days."""
        return self._read(get_insights, start, end, start, **{"page_size": 100, "window_days": 5, **changes})

    def _read(self, entry: Callable[..., Any], *args: Any, **changes: Any) -> Rows:
        resource = dlt.resource(entry, name="facebook_ads", section="facebook_ads")(*args, **self.settings(**changes))
        try:
            return list(resource)
        except ResourceExtractionError as error:
            raise root_cause(error) from None
        finally:
            self.metrics = resource.custom_metrics

    @contextmanager
    def arm(self, path: str, fault: str, **options: Any) -> Iterator[None]:
        """Arms a fault for the vendor's paths with this ending."""
        order = {"path": f"/facebook_ads/*/{path}", "fault": fault, **options}
        requests.post(f"{self.url}/_faults", json=order, timeout=10).raise_for_status()
        try:
            yield
        finally:
            requests.delete(f"{self.url}/_faults", timeout=10).raise_for_status()


@contextmanager
def open_vendor(url: str) -> Iterator[Vendor]:
    """Connects the source to the sandbox, with the clock of the test."""
    vendor = Vendor(url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph, "Calls", partial(Calls, clock=vendor.clock, session=vendor.session))
        yield vendor


def spell(rows: Rows) -> list[str]:
    """Returns the rows as sorted texts, so that two reads can be compared."""
    return sorted(json.dumps(row, sort_keys=True, default=str) for row in rows)


def ship(root: Path) -> Tree:
    """Returns a project with the source as it ships, and its own warehouse."""
    (root / "dlthub").mkdir(parents=True)
    (root / "dlthub" / "facebook_ads").symlink_to(ROOT / "dlthub" / "facebook_ads")
    return Tree(root)
