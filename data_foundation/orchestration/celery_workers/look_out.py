"""Finds tasks that no worker has any more."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

PAUSE = 2.0
"""Seconds between two questions to the workers; the runs that are checked in between share an answer."""


@dataclass
class LookOut:
    """Asks the workers for the tasks that they execute, and remembers since when a task is missing.

    Attributes:
        ask: Returns the ids of the tasks that the workers execute or hold; raises if the broker cannot be reached.
        seconds: How long a task must be missing before it is lost; a worker may answer late.
        now: The clock, in seconds.
    """

    ask: Callable[[], set[str]]
    seconds: float
    now: Callable[[], float] = time.monotonic
    _at_work: set[str] = field(default_factory=set, init=False)
    _asked: float = field(default=float("-inf"), init=False)
    _missing_since: dict[str, float] = field(default_factory=dict, init=False)

    def is_lost(self, task: str) -> bool:
        """Returns whether no worker has had a task for `seconds`, counting only moments at which workers answered."""
        self._look()
        if task in self._at_work:
            self._missing_since.pop(task, None)
            return False
        return self.now() - self._missing_since.setdefault(task, self.now()) >= self.seconds

    def _look(self) -> None:
        if self.now() - self._asked < PAUSE:
            return
        try:
            self._at_work = self.ask()
        except Exception:
            # Without the broker no worker answers, and after it is back they need a while to connect again.
            self._missing_since.clear()
            raise
        self._asked = self.now()
