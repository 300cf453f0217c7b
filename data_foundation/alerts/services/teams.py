"""Webhooks of Teams workflows, which post an Adaptive Card.

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
"""

from __future__ import annotations

import json
from typing import Any

from data_foundation.alerts.events import Event
from data_foundation.alerts.message import Message, headline

MOST_BYTES = 24_000
"""Teams refuses a message of more than 28 KB."""


def build_payload(message: Message) -> dict[str, Any]:
    """Returns the JSON of a message with as many events as Teams accepts.

    Texts are `TextRun`s: in a `TextBlock`, Teams would take characters such as * and _ for formatting.
    """
    shown = len(message.events)
    while len(json.dumps(payload := _payload(message, shown), ensure_ascii=False).encode()) > MOST_BYTES and shown:
        shown -= 1
    return payload


def _payload(message: Message, shown: int) -> dict[str, Any]:
    body = [_text(message.title, weight="Bolder", size="Medium")]
    body += [_text(message.text)] if message.text else []
    for event in message.events[:shown]:
        body += _event(event)
    if left := len(message.events) - shown:
        body.append(_text(f"and {left} more"))
    body += [_text(message.origin, size="Small", isSubtle=True)] if message.origin else []
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    }
    if message.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open in Dagster", "url": message.link}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _event(event: Event) -> list[dict[str, Any]]:
    return [_text(headline(event), weight="Bolder"), _text(event.cause), _text(f"Hint: {event.hint}", isSubtle=True)]


def _text(text: str, **style: Any) -> dict[str, Any]:
    runs = [{"type": "TextRun", "text": line or " ", **style} for line in text.splitlines()]
    return {"type": "RichTextBlock", "inlines": runs}
