"""Models of `automation` and `freshness`, and of `meta`, whose key `dagster` is their long spelling."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from data_foundation.config.fields import Model
from data_foundation.config.scalars import Cron, LookBack, Timezone, is_cron
from data_foundation.suggestions import nearest

SHORTEST_HOURS, LONGEST_HOURS = 1 / 60, 24 * 36500
"""Limits of a freshness window: the shortest that Dagster accepts, and a hundred years."""

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}

Condition = Literal["on_cron", "eager", "on_missing", "missing_or_changed", "lazy", "manual"]


class Freshness(Model):
    """Maximum age of a table in Dagster."""

    fail_after_hours: float = Field(
        ge=SHORTEST_HOURS, le=LONGEST_HOURS, description="Age at which the asset is overdue."
    )
    warn_after_hours: float | None = Field(
        default=None, ge=SHORTEST_HOURS, le=LONGEST_HOURS, description="Age at which Dagster warns."
    )

    @model_validator(mode="after")
    def _warns_first(self) -> Self:
        if self.warn_after_hours and self.warn_after_hours >= self.fail_after_hours:
            message = "warn_after_hours must be less than fail_after_hours"
            raise ValueError(message)
        return self


class Automation(Model):
    """When a resource is materialized automatically; one word is short for a condition or a cron."""

    condition: Condition = Field(
        default="on_cron",
        description="on_cron: at each tick; on_missing: once; missing_or_changed: once, and when its code or its "
        "configuration has changed; eager: after `data_from`; lazy: as what is downstream, and missing_or_changed; "
        "manual: never.",
    )
    cron: Cron | None = Field(default=None, description="Five fields, or a name such as @daily.")
    timezone: Timezone = Field(default="UTC", description="Time zone of the cron.")
    catch_up: LookBack | None = Field(
        default=None,
        description="How long ago a partition may have ended that a tick requests because it is missing or has failed: "
        "hours, days or weeks, for instance 7d; 0d for none. Default: any time, for the newest 30 partitions.",
    )

    @model_validator(mode="after")
    def _cron_settings_have_a_cron(self) -> Self:
        if self.catch_up and self.condition != "on_cron":
            message = f"catch_up is of a cron, and the condition is {self.condition}; leave one of them out"
            raise ValueError(message)
        return self

    @property
    def look_back(self) -> timedelta | None:
        """`catch_up` as a duration, None if it is not set."""
        if self.catch_up is None:
            return None
        return int(self.catch_up[:-1]) * timedelta(**{_UNITS[self.catch_up[-1]]: 1})


def _read_automation(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value in (conditions := get_args(Condition)):
        return {"condition": value}
    if is_cron(value):
        return {"cron": value}
    message = f"accepted: a cron, {{cron, timezone}}, or one of {', '.join(conditions)}{nearest(value, conditions)}"
    raise ValueError(message)


AutomationField = Annotated[Automation, BeforeValidator(_read_automation, json_schema_input_type=str | Automation)]


class ScheduleMeta(Model):
    """A cron in the long spelling."""

    cron_schedule: Cron
    cron_timezone: Timezone = "UTC"


class DagsterMeta(Model):
    """The long spelling of `automation` and `freshness`."""

    automation_condition: Literal["on_schedule", Condition] | None = None
    automation_condition_config: ScheduleMeta | None = None
    freshness_lower_bound_delta_seconds: float | None = Field(
        default=None, ge=SHORTEST_HOURS * 3600, le=LONGEST_HOURS * 3600
    )

    @property
    def automation(self) -> Automation | None:
        """The same in the short spelling; None if it is not set."""
        if not self.automation_condition:
            return None
        condition = "on_cron" if self.automation_condition == "on_schedule" else self.automation_condition
        schedule = self.automation_condition_config
        return Automation(
            condition=condition,
            cron=schedule.cron_schedule if schedule else None,
            timezone=schedule.cron_timezone if schedule else "UTC",
        )

    @property
    def freshness(self) -> Freshness | None:
        """The same in the short spelling; None if it is not set."""
        seconds = self.freshness_lower_bound_delta_seconds
        return Freshness(fail_after_hours=seconds / 3600) if seconds else None


class Meta(BaseModel):
    """Free metadata of the asset, and under `dagster` the long spelling of automation and freshness."""

    model_config = ConfigDict(extra="allow", frozen=True)

    dagster: DagsterMeta = DagsterMeta()

    def inherit(self, source: Meta) -> Meta:
        """Returns this metadata, and of `source` the keys that this has not; `dagster` stays as it is."""
        return self.model_copy(update={**(source.model_extra or {}), **(self.model_extra or {})})

    @model_validator(mode="after")
    def _leaves_dagsters_own_keys_alone(self) -> Self:
        if taken := [key for key in self.model_extra or {} if key.startswith("dagster/")]:
            message = f"{', '.join(taken)}: keys that begin with dagster/ are filled by Dagster and the framework"
            raise ValueError(message)
        return self
