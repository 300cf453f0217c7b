"""JSON for any other service."""

from __future__ import annotations

from typing import Any

from data_foundation.alerts.message import Message


def build_payload(message: Message) -> dict[str, Any]:
    """Returns the JSON of a message: `title`, `body` and `type` as many services know them, and its parts."""
    is_bad = any(event.kind in {"failure", "blocking_check"} for event in message.events)
    kind = "failure" if is_bad else "warning" if message.events else "info"
    return {"type": kind, "body": "\n".join(message.lines()), **message.to_json()}
