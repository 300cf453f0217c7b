"""Sends a message to one target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from data_foundation.alerts.message import Message
from data_foundation.alerts.services import slack, teams, webhook
from data_foundation.alerts.services.email import send_email
from data_foundation.alerts.services.post import post
from data_foundation.alerts.services.settings import fill
from data_foundation.config.alerts.targets import Target

CHATS: Mapping[str, Callable[[Message], Mapping[str, Any]]] = {
    "slack": slack.build_payload,
    "teams": teams.build_payload,
}


def send(target: Target, message: Message) -> None:
    """Sends a message to a target, once.

    Raises:
        AlertNotSent: The service did not accept it.
        SettingMissing: A template's setting is not set.
    """
    if target.email:
        send_email(target.email, message)
    elif target.webhook:
        post(fill(target.webhook.url), webhook.build_payload(message), fill(dict(target.webhook.headers)))
    elif chat := target.slack or target.teams:
        post(fill(chat.url), CHATS[target.service](message))
