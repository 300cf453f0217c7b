"""Delivers messages to many receivers at the same time; a receiver that fails affects no other."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from typing_extensions import override

from data_foundation.alerts.message import Message
from data_foundation.alerts.routing import Receiver
from data_foundation.alerts.services.send import send
from data_foundation.errors import AlertNotSent, FoundationError
from data_foundation.process_wide.redaction import redact

logger = logging.getLogger(__name__)

PAUSES = (1.0, 3.0)
"""Seconds before each further attempt, if the fault may pass."""

MOST_SECONDS = 20.0
"""After that, a receiver that has not answered counts as one that cannot be reached."""


@dataclass(frozen=True)
class Undelivered:
    """A message that a receiver did not take.

    Attributes:
        receiver: The receiver.
        message: The message.
        reason: Why, without secrets.
    """

    receiver: Receiver
    message: Message
    reason: str

    @override
    def __str__(self) -> str:
        return f"no alert was sent to {self.receiver.name} ({self.receiver.target.service}): {self.reason}"


def deliver(
    messages: Mapping[Receiver, Message], pauses: Sequence[float] | None = None, seconds: float = MOST_SECONDS
) -> list[Undelivered]:
    """Sends each receiver its message; logs and returns those that were not taken. Never raises.

    Args:
        messages: The message of each receiver.
        pauses: Seconds before each further attempt after a fault that may pass; default: PAUSES.
        seconds: How long all of it may take.
    """
    reasons: dict[str, str] = {receiver.name: "has not answered" for receiver in messages}

    def attempt(receiver: Receiver, message: Message) -> None:
        reasons[receiver.name] = _send(receiver, message, PAUSES if pauses is None else pauses)

    threads = [threading.Thread(target=attempt, args=pair, daemon=True) for pair in messages.items()]
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    final = dict(reasons)
    undelivered = [
        Undelivered(receiver, message, final[receiver.name])
        for receiver, message in messages.items()
        if final[receiver.name]
    ]
    for one in undelivered:
        logger.warning("%s", one)
    return undelivered


def _send(receiver: Receiver, message: Message, pauses: Sequence[float]) -> str:
    """Returns "" once the message was taken, or else why it was not."""
    for pause in (*pauses, None):
        try:
            send(receiver.target, message)
        except AlertNotSent as error:
            if pause is None or not error.may_pass:
                return str(error)
            time.sleep(pause)
        except FoundationError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - a message must not fail what it is about
            return redact(f"{type(error).__name__}: {error}")
        else:
            return ""
    return ""
