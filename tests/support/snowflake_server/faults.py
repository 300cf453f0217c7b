"""Faults armed by a test; they apply to the next matching statements."""

import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from .errors import CutConnectionError, SqlError

KINDS = frozenset({"reset", "reset_after", "error", "delay", "kill_session"})


@dataclass
class Fault:
    """A fault for the next `times` statements that match."""

    match: str
    fault: str
    times: int = 1
    seconds: float = 0.0
    code: int = 603
    sqlstate: str = "XX000"
    message: str = "A fault that the test armed"

    def __post_init__(self) -> None:
        """Refuses an unknown kind and an invalid pattern."""
        if self.fault not in KINDS:
            raise ValueError(f"fault: got {self.fault!r}; accepted: {', '.join(sorted(KINDS))}")
        re.compile(self.match)

    def raise_before(self) -> None:
        """Applies the part of the fault that precedes the execution."""
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
        """Arms a fault."""
        with self._lock:
            self._armed.append(Fault(**settings))

    def disarm(self) -> None:
        """Removes all faults."""
        with self._lock:
            self._armed.clear()

    def meet(self, sql: str) -> Fault | None:
        """Returns the fault of this statement and decrements its count."""
        with self._lock:
            for fault in self._armed:
                if re.search(fault.match, sql, re.IGNORECASE | re.DOTALL):
                    fault.times -= 1
                    if fault.times <= 0:
                        self._armed.remove(fault)
                    return fault
        return None
