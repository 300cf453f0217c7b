"""Slack's incoming webhooks: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks."""

from __future__ import annotations

from typing import Any

from data_foundation.alerts.events import Event
from data_foundation.alerts.message import Message, headline

MOST_EVENTS = 20
"""Slack accepts 50 blocks in a message."""

LONGEST_HEADER, LONGEST_TEXT = 150, 3000
"""Characters of a header and of a section that Slack accepts."""


def build_payload(message: Message) -> dict[str, Any]:
    """Returns the JSON of a message: blocks, and a text for the notification."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": message.title[:LONGEST_HEADER], "emoji": False}}
    ]
    if message.text:
        blocks.append(_section(_escape(message.text)))
    blocks += [_event(event) for event in message.events[:MOST_EVENTS]]
    if left := len(message.events) - MOST_EVENTS:
        blocks += [_section(f"and {left} more")] if left > 0 else []
    link = f"<{_escape(message.link).replace('|', '%7C')}|Open in Dagster>" if message.link else ""
    if footer := " · ".join(filter(None, (link, _escape(message.origin)))):
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": footer}]})
    return {"text": _escape(message.title), "blocks": blocks}


def _event(event: Event) -> dict[str, Any]:
    # In a block of code, characters of a cause such as * and _ are no formatting.
    cause = _escape(event.cause).replace("```", "'''")
    return _section(f"*{_escape(headline(event))}*\n```{cause}```\nHint: {_escape(event.hint)}")


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:LONGEST_TEXT], "verbatim": True}}


def _escape(text: str) -> str:
    """Returns text in which Slack finds no links, and no mentions of people."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
