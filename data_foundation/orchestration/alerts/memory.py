"""What the alert sensor remembers between evaluations: Dagster stores it as the sensor's cursor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from data_foundation.alerts.message import Message

FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0
"""Seconds before the first repetition of a message, and before the later ones at most."""

LONGEST_WAIT = 3 * 86400.0
"""Seconds after which a message that no receiver took is given up."""

MOST_WAITING = 100
"""Messages that wait at most; the oldest is given up for a new one."""


@dataclass(frozen=True)
class Waiting:
    """A message that a receiver did not take yet.

    Attributes:
        receiver: The receiver's name.
        message: The message.
        since: When it was sent first, in seconds since 1970.
        tries: How often it was sent.
    """

    receiver: str
    message: Message
    since: float
    tries: int = 1

    @property
    def due(self) -> float:
        """When it is sent again."""
        pauses = (min(FIRST_PAUSE * 2.0**number, LONGEST_PAUSE) for number in range(self.tries))
        return self.since + sum(pauses, 0.0)


@dataclass
class Memory:
    """The sensor's memory.

    Attributes:
        runs: Dagster's cursors in the ended runs, by the type of the event.
        overdue: The tables that were reported as overdue, until they are loaded.
        next_look: When a table may be overdue next, in seconds since 1970.
        waiting: Messages to be sent again, the oldest first.
    """

    runs: dict[str, str] = field(default_factory=dict)
    overdue: list[str] = field(default_factory=list)
    next_look: float = 0.0
    waiting: list[Waiting] = field(default_factory=list)

    @classmethod
    def read(cls, cursor: str | None) -> Memory:
        """Returns the memory that a cursor contains; an empty one before the first evaluation."""
        if not cursor:
            return cls()
        value: Mapping[str, Any] = {"waiting": [], **json.loads(cursor)}
        waiting = [Waiting(**{**one, "message": Message.from_json(one["message"])}) for one in value["waiting"]]
        return cls(**{**value, "waiting": waiting})

    def to_cursor(self) -> str:
        """Returns the memory as text."""
        waiting = [{**vars(one), "message": one.message.to_json()} for one in self.waiting]
        return json.dumps({**vars(self), "waiting": waiting})
