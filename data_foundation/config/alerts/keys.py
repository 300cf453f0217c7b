"""Models of the block `alerts:`, of a folder and of the whole tree."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from data_foundation.config.alerts.secret_text import Text
from data_foundation.config.alerts.targets import Events, Target
from data_foundation.config.fields import Model
from data_foundation.config.scalars import Cron, Names, Timezone, checked
from data_foundation.suggestions import nearest

TargetName = Annotated[str, checked(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}", "letters, digits, spaces, _ . -")]


class Alerts(Model):
    """Keys that the tree and a source have in common."""

    targets: dict[TargetName, Target] = Field(default_factory=dict, description="Receivers of the messages, by name.")
    events: Events | None = Field(
        default=None, description="Events that are reported; default: all. An empty list: none."
    )
    empty_runs: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Successful runs of a table in a row without a row, after which `nothing_loaded` is reported; "
        "if not set, it never is.",
    )


class SourceAlerts(Alerts):
    """The `alerts:` block of a source: its targets are added to those of the tree."""

    inherit: bool = Field(default=True, description="false: events of this source go to its own targets only.")


class Digest(Model):
    """The summary of many runs; a cron is short for `cron`."""

    cron: Cron = Field(description="When it is sent: five fields, or a name such as @daily.")
    timezone: Timezone = Field(default="UTC", description="Time zone of the cron.")
    hours: float = Field(default=24, gt=0, le=24 * 31, description="Hours before the tick that it covers.")
    targets: Names = Field(default=(), description="Names of the targets that receive it; default: all of this file.")


DigestField = Annotated[
    Digest,
    BeforeValidator(
        lambda value: {"cron": value} if isinstance(value, str) else value, json_schema_input_type=Cron | Digest
    ),
]


class TreeAlerts(Alerts):
    """The `alerts:` block of `dlthub/alerts.yaml`."""

    dagster_url: Text | None = Field(default=None, description="Address of Dagster's UI, for links to runs.")
    digest: DigestField | None = Field(default=None, description="A summary of the runs, to the targets of this file.")

    @model_validator(mode="after")
    def _digest_has_targets(self) -> Self:
        names = list(self.targets)
        if self.digest and not names:
            message = "digest needs a target in this file"
            raise ValueError(message)
        if self.digest and (unknown := next((name for name in self.digest.targets if name not in names), None)):
            message = f"digest: no target is named '{unknown}'; accepted: {', '.join(names)}{nearest(unknown, names)}"
            raise ValueError(message)
        return self


class AlertsFile(Model):
    """A whole `alerts.yaml`."""

    alerts: TreeAlerts
