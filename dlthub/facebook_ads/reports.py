"""Insights by asynchronous reports: created per window, polled, created again if stuck, halved if too large.

https://developers.facebook.com/docs/marketing-api/insights/best-practices
"""

import logging
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from typing_extensions import override

from data_foundation import Refusal

from .graph import Graph, Rows
from .refusals import TooMuchData

logger = logging.getLogger(__name__)

AHEAD = 3
"""Reports that Meta makes of an account at a time: the next ones while one is read."""

ATTEMPTS = 3
"""Reports of one window until it is halved."""

LONGEST_POLL = 30.0
STUCK_SECONDS = 1800.0
"""Without progress for so long, a report is given up; a whole one may take an hour."""

GIVEN_UP = ("Job Failed", "Job Skipped")


@dataclass(frozen=True)
class Window:
    """Days from the first to the last, both in it."""

    first: date
    last: date

    @override
    def __str__(self) -> str:
        return f"{self.first} to {self.last}"

    @property
    def days(self) -> list[date]:
        """Every day."""
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]

    def halves(self, reason: str) -> list["Window"]:
        """Return its two halves.

        Raises:
            Refusal: It is one day; `reason` explains why that is too much.
        """
        if self.first == self.last:
            raise Refusal(f"{self.first} alone is too much for a report: {reason}; ask for fewer breakdowns or windows")
        middle = self.first + (self.last - self.first) // 2
        return [Window(self.first, middle), Window(middle + timedelta(days=1), self.last)]


def cut(first: date, after: date, days: int) -> list[Window]:
    """Return the windows of at most so many days between a day and, without it, another."""
    starts = range(0, (after - first).days, days)
    return [
        Window(first + timedelta(days=start), min(first + timedelta(days=start + days), after) - timedelta(days=1))
        for start in starts
    ]


@dataclass
class _Running:
    """A report that Meta is making."""

    window: Window
    number: str
    attempt: int


class Reports:
    """The reports of one account.

    Attributes:
        graph: Calls about the account.
        options: Parameters of each report besides its days.
        poll_seconds: Until the first question whether a report is done; doubled each time, up to half a minute.
        page_size: Rows of a page.
    """

    def __init__(self, graph: Graph, options: Mapping[str, Any], poll_seconds: float, page_size: int) -> None:
        self.graph = graph
        self.options = options
        self.poll_seconds = poll_seconds
        self.page_size = page_size

    def read(self, windows: list[Window]) -> Iterator[tuple[Window, Iterator[Rows]]]:
        """Yield each window with the pages of its report, which are read before the next report is created.

        Raises:
            Refusal: A report of a single day fails, is stuck or is too large, again and again.
        """
        waiting = deque((window, 1) for window in windows)
        running: deque[_Running] = deque()
        done = 0
        while waiting or running:
            while waiting and len(running) < AHEAD:
                window, attempt = waiting.popleft()
                try:
                    running.append(self._begin(window, attempt))
                except TooMuchData as error:
                    waiting.extendleft((half, 1) for half in reversed(self._halve(window, str(error))))
            if not running:
                continue
            report = running.popleft()
            if reason := self._wait(report):
                waiting.extendleft(reversed(self._again(report, reason)))
                continue
            done += 1
            total = done + len(waiting) + len(running)
            logger.info("%s: window %d of %d: %s", self.graph.node, done, total, report.window)
            yield report.window, self.graph.pages(f"{report.number}/insights", self.page_size)

    def _begin(self, window: Window, attempt: int) -> _Running:
        span = f'{{"since":"{window.first}","until":"{window.last}"}}'
        body = self.graph.post(f"{self.graph.node}/insights", time_range=span, time_increment=1, **self.options)
        if not (number := body.get("report_run_id")):
            raise Refusal(f"{self.graph.node}: Meta returned no report_run_id but {', '.join(body)}")
        return _Running(window, str(number), attempt)

    def _wait(self, report: _Running) -> str:
        """Return when a report is done, "", or why it never will be."""
        clock, pause = self.graph.calls.clock, self.poll_seconds
        percent, moved = -1, clock.now()
        while True:
            state = self.graph.get(report.number)
            status, reached = str(state.get("async_status")), int(state.get("async_percent_completion") or 0)
            # At 100 percent it may still be running, and then has no rows yet.
            if status == "Job Completed" and reached == 100:  # noqa: PLR2004 - percent
                return ""
            if status in GIVEN_UP:
                return f"{status} at {reached} %"
            if reached > percent:
                percent, moved = reached, clock.now()
            elif clock.now() - moved > STUCK_SECONDS:
                return f"stuck at {reached} % ({status})"
            clock.sleep(pause)
            pause = min(pause * 2, LONGEST_POLL)

    def _again(self, report: _Running, reason: str) -> list[tuple[Window, int]]:
        """Return the windows to request in place of a report: the same window again, or at last its halves."""
        if report.attempt < ATTEMPTS:
            logger.warning("%s: report of %s: %s; begun anew", self.graph.node, report.window, reason)
            return [(report.window, report.attempt + 1)]
        return [(half, 1) for half in self._halve(report.window, reason)]

    def _halve(self, window: Window, reason: str) -> list[Window]:
        halves = window.halves(reason)
        logger.warning("%s: report of %s: %s; requested again in halves", self.graph.node, window, reason)
        return halves
