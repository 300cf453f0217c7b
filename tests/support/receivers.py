"""Receivers of alerts: servers that refuse what Slack, Teams and an SMTP server would refuse."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.rest_server import Answer, ReceivedRequest, RestServer, serve
from tests.support.smtp_server import PASSWORD, SmtpServer, serve_smtp

SECRET = "xQ7vLm2Kp9Rt4Wz8Yb1Nc6Hd"
SERVICES = ("slack", "teams", "email", "webhook")
SIZES = {"slack": 50_000, "teams": 28_000, "webhook": 1_000_000}


@dataclass
class Receivers:
    """A web server and an SMTP server, and what both received.

    Attributes:
        down: Names of targets whose server answers 503.
    """

    http: RestServer
    smtp: SmtpServer
    down: set[str] = field(default_factory=set)

    def target(self, service: str, name: str, more: str = "") -> str:
        """Returns a target as YAML of one line; several of a service differ in their name."""
        if service == "email":
            settings = f"to: {name}@example.com, sender: alerts@example.com, host: 127.0.0.1, port: {self.smtp.port}"
            return f'{name}: {{email: {{{settings}, user: robot, password: "{{{{ env.SMTP_PASS }}}}"}}{more}}}'
        return f'{name}: {{{service}: "{{{{ env.HOOKS }}}}/{service}/{name}"{more}}}'

    def texts(self, service: str, name: str) -> list[str]:
        """Returns each message that a target received, with all its texts, the oldest first."""
        if service == "email":
            received = [email.message for email in self.smtp.emails if email.to == [f"{name}@example.com"]]
            return [f"{message['Subject']}\n{message.get_content()}" for message in received]
        path = f"/{SECRET}/{service}/{name}"
        bodies = [request.body for request in self.http.requests if request.path == path and name not in self.down]
        return ["\n".join(_texts(body)) for body in bodies]

    def accept(self, request: ReceivedRequest) -> Answer:
        """Answers as the service of the request's path does."""
        _, secret, service, name = request.path.split("/")
        if name in self.down:
            return Answer(status=503, text="service_unavailable")
        fault = "no_service" if secret != SECRET else _find_fault(service, request)
        if fault:
            return Answer(status=400, text=fault)
        return Answer(status=202 if service == "teams" else 200, text="ok")


@contextmanager
def serve_receivers(folder: Path) -> Iterator[Receivers]:
    """Runs both servers until the block ends."""
    with serve() as http, serve_smtp(folder) as smtp:
        yield Receivers(http, smtp)


@contextmanager
def emptied(receivers: Receivers) -> Iterator[Receivers]:
    """Sets the settings that the targets name in the block; nothing was received before."""
    receivers.http.requests.clear()
    receivers.smtp.emails.clear()
    receivers.down.clear()
    receivers.http.answer = receivers.accept
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOOKS", f"{receivers.http.url}/{SECRET}")
        patch.setenv("SMTP_PASS", PASSWORD)
        patch.setenv("SSL_CERT_FILE", str(receivers.smtp.certificate))
        yield receivers


def _find_fault(service: str, request: ReceivedRequest) -> str:
    """Returns why the service would refuse a request, "" if it accepts it."""
    size = len(json.dumps(request.body, ensure_ascii=False).encode())
    if request.method != "POST" or size > SIZES[service]:
        return "invalid_payload"
    return {"slack": _slack_fault, "teams": _teams_fault, "webhook": _webhook_fault}[service](request.body)


def _webhook_fault(body: dict[str, Any]) -> str:
    return "" if body["title"] and body["type"] in {"failure", "warning", "info"} else "no title"


def _slack_fault(body: dict[str, Any]) -> str:
    """Returns the fault that Slack finds in a message, by the limits of its Block Kit."""
    if not body.get("text") or body.keys() - {"text", "blocks"} or not 1 <= len(body["blocks"]) <= 50:
        return "invalid_blocks"
    longest = {"header": 150, "section": 3000}
    for block in body["blocks"]:
        match block["type"]:
            case "header" | "section" as kind:
                texts, most = [block["text"]], longest[kind]
            case "context":
                texts, most = block["elements"], 2000
            case _:
                return "invalid_blocks_format"
        if any(not 1 <= len(text["text"]) <= most for text in texts):
            return "invalid_blocks"
        if block["type"] == "header" and texts[0]["type"] != "plain_text":
            return "invalid_blocks"
    return ""


def _teams_fault(body: dict[str, Any]) -> str:
    """Returns the fault that the trigger of a workflow finds in a message, or Teams in its card."""
    if body["type"] != "message" or len(body["attachments"]) != 1:
        return "TriggerInputSchemaMismatch"
    [attachment] = body["attachments"]
    card = attachment["content"]
    is_card = attachment["contentType"] == "application/vnd.microsoft.card.adaptive" and card["type"] == "AdaptiveCard"
    if not is_card or card["version"] not in {"1.2", "1.3", "1.4", "1.5"}:
        return "InvalidCard"
    runs = [run for block in card["body"] for run in block["inlines"] if block["type"] == "RichTextBlock"]
    if not runs or any(run["type"] != "TextRun" or not run["text"] for run in runs):
        return "InvalidCard"
    actions = card.get("actions", [])
    return "" if all(action["type"] == "Action.OpenUrl" and action["url"] for action in actions) else "InvalidCard"


def _texts(value: Any) -> Iterator[str]:
    """Yields every text in a nested value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
