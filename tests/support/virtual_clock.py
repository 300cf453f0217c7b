"""A clock on which waiting takes no time."""

import threading


class VirtualClock:
    """Advances on sleep; concurrent sleepers wake at the later of their two times.

    Attributes:
        slept: Length of each requested sleep, in seconds.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._moving = threading.Lock()
        self.slept: list[float] = []

    def now(self) -> float:
        """Returns the seconds since creation."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Advances the clock to the moment this many seconds from now."""
        until = self._now + seconds
        with self._moving:
            self.slept.append(seconds)
            self._now = max(self._now, until)
