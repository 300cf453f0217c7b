"""A clock on which an hour passes in a moment."""

import threading


class VirtualClock:
    """Goes on when somebody sleeps; who sleeps at the same time as another wakes with the later of both.

    Attributes:
        slept: How long each sleep was that was asked for, in seconds.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._moving = threading.Lock()
        self.slept: list[float] = []

    def now(self) -> float:
        """The seconds since it was made."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Go on to the moment so many seconds from now."""
        until = self._now + seconds
        with self._moving:
            self.slept.append(seconds)
            self._now = max(self._now, until)
