"""Models of the services that a message can be sent to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from data_foundation.config.alerts.secret_text import ACCEPTED, Headers, Secret, Text, Texts
from data_foundation.config.fields import Model
from data_foundation.config.scalars import HiddenValueError, as_tuple

EventKind = Literal["failure", "blocking_check", "schema_drift", "freshness", "nothing_loaded"]
Events = Annotated[
    tuple[EventKind, ...],
    BeforeValidator(as_tuple, json_schema_input_type=EventKind | tuple[EventKind, ...] | dict[EventKind, None]),
]

PORTS = {"starttls": 587, "tls": 465, "none": 25}


class ChatWebhook(Model):
    """An incoming webhook of a channel; text is short for `url`."""

    url: Secret = Field(description="Address of the webhook, a template.")


class Webhook(Model):
    """Any service that takes JSON by POST; text is short for `url`."""

    url: Secret = Field(description="Address, a template.")
    headers: Headers = Field(default_factory=dict, description="Further headers of the request, by name.")


class Email(Model):
    """An e-mail, sent through an SMTP server."""

    to: Texts = Field(description="Addresses of those who receive it.", min_length=1)
    sender: Text = Field(description="Address of the sender.")
    host: Text = Field(description="The SMTP server.")
    port: int | None = Field(default=None, ge=1, le=65535, description="Default: 587; with tls 465, with none 25.")
    tls: Literal["starttls", "tls", "none"] = Field(default="starttls", description="How the connection is encrypted.")
    user: Text | None = Field(default=None, description="User name at the server.")
    password: Secret | None = Field(default=None, description="Password of the user, a template.")

    @model_validator(mode="after")
    def _password_is_encrypted(self) -> Self:
        if self.password and self.tls == "none":
            message = "tls none would send the password in clear text; use starttls or tls, or leave password out"
            raise ValueError(message)
        if bool(self.password) != bool(self.user):
            message = "user and password belong together; set both or neither"
            raise ValueError(message)
        return self

    @property
    def smtp_port(self) -> int:
        """The port of the server."""
        return self.port or PORTS[self.tls]


def _as_url(value: object) -> object:
    if isinstance(value, str):
        return {"url": value}
    if not isinstance(value, Mapping | ChatWebhook | Webhook):
        message = f"accepted is the address of a webhook: {ACCEPTED}"
        raise HiddenValueError(message)
    return value


ChatField = Annotated[ChatWebhook, BeforeValidator(_as_url, json_schema_input_type=Secret | ChatWebhook)]
WebhookField = Annotated[Webhook, BeforeValidator(_as_url, json_schema_input_type=Secret | Webhook)]

SERVICES = ("slack", "teams", "email", "webhook")


class Target(Model):
    """One service, and the events that are sent to it."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [name]} for name in SERVICES]})

    slack: ChatField | None = Field(default=None, description="An incoming webhook of Slack.")
    teams: ChatField | None = Field(default=None, description="A webhook of a Teams workflow.")
    email: Email | None = Field(default=None, description="An e-mail.")
    webhook: WebhookField | None = Field(default=None, description="JSON to any address.")
    events: Events | None = Field(default=None, description="Events that are sent to it; default: all.")

    @model_validator(mode="before")
    @classmethod
    def _is_one_service(cls, raw: Any) -> Any:
        if isinstance(raw, dict):
            services = [name for name in SERVICES if raw.get(name) is not None]
            misspelt = raw.keys() - cls.model_fields.keys()
            if len(services) != 1 and not misspelt:
                found = f"names {' and '.join(services)}" if services else "names no service"
                message = f"{found}; accepted is one of {', '.join(SERVICES)}"
                raise ValueError(message)
        return raw

    @property
    def service(self) -> str:
        """The name of the service."""
        return next(name for name in SERVICES if getattr(self, name) is not None)
