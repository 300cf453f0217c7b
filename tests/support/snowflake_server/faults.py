"""Faults that a test arms: the next statements that match meet them."""

import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from .errors import CutConnectionError, SqlError

KINDS = frozenset({"reset", "reset_after", "error", "delay", "kill_session"})


@dataclass
class Fault:
    """What happens to the next `times` statements whose text matches."""

    match: str
    fault: str
    times: int = 1
    seconds: float = 0.0
    code: int = 603
    sqlstate: str = "XX000"
    message: str = "A fault that the test armed"

    def __post_init__(self) -> None:
        """Refuse a kind that does not exist, and a pattern that is none."""
        if self.fault not in KINDS:
            raise ValueError(f"fault: got {self.fault!r}; accepted: {', '.join(sorted(KINDS))}")
        re.compile(self.match)

    def raise_before(self) -> None:
        """Do what comes before the statement is executed."""
        if self.fault == "delay":
            time.sleep(self.seconds)
        elif self.fault == "error":
            raise SqlError(self.code, self.sqlstate, self.message)
        elif self.fault == "reset":
            raise CutConnectionError


@dataclass
class Faults:
    """The armed faults."""

    _armed: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arm(self, settings: dict[str, Any]) -> None:
        """Arm one more."""
        with self._lock:
            self._armed.append(Fault(**settings))

    def disarm(self) -> None:
        """Forget them all."""
        with self._lock:
            self._armed.clear()

    def meet(self, sql: str) -> Fault | None:
        """The fault that this statement meets, which is then one time fewer."""
        with self._lock:
            for fault in self._armed:
                if re.search(fault.match, sql, re.IGNORECASE | re.DOTALL):
                    fault.times -= 1
                    if fault.times <= 0:
                        self._armed.remove(fault)
                    return fault
        return None
