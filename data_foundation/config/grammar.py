"""The grammar of `sources.yaml` as pydantic models: a resource, the block `source:`, and a whole file."""

from __future__ import annotations

from typing import Any, Self

from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from data_foundation.config.alerts.keys import SourceAlerts
from data_foundation.config.contradictions import find_contradictions
from data_foundation.config.fields import Model
from data_foundation.config.resource_keys import Inherited, ResourceKeys
from data_foundation.config.scalars import Names
from data_foundation.config.tags import RequiredColumn


class SourceDefaults(Inherited):
    """The `source:` block."""

    max_concurrency: int = Field(default=4, ge=1, description="Number of resources that load at a time.")


class NamedSource(Inherited):
    """One block of `sources:`: what the resources that it lists inherit, before they inherit from `source:`."""

    resources: Names = Field(description="Destinations, or tables, of resources of this file.")


class ResourceConfig(ResourceKeys):
    """One resource: an entry, and the table that its rows go to."""

    _contract: tuple[RequiredColumn, ...] = PrivateAttr(())
    _configured: ResourceConfig | None = PrivateAttr(None)

    @property
    def contract(self) -> tuple[RequiredColumn, ...]:
        """The columns that the tag requires; empty until `with_contract` has set them."""
        return self._contract

    @property
    def required_columns(self) -> tuple[str, ...]:
        """The columns that the rows must have, for a message: those of `requires`, and those of the tag with types."""
        return (*self.requires, *(f"{required.column} ({required.accepted})" for required in self.contract))

    @property
    def configured(self) -> ResourceConfig:
        """The resource without the hints that the text of its code shows."""
        return self._configured or self

    def with_configured(self, configured: ResourceConfig) -> ResourceConfig:
        """Returns this resource, which shows hints of its code; `configured` is the one without them."""
        shown = self.model_copy()
        shown._configured = configured  # noqa: SLF001 - its own
        return shown

    def with_contract(self, required: tuple[RequiredColumn, ...]) -> ResourceConfig:
        """Returns this resource with the columns that its tag requires."""
        bound = self.model_copy()
        bound._contract = required  # noqa: SLF001 - its own
        return bound

    @model_validator(mode="before")
    @classmethod
    def _vault_keeps_versions(cls, raw: Any) -> Any:
        if not isinstance(raw, dict) or raw.get("landing") != "vault":
            return raw
        if "write_disposition" in raw:
            message = "landing vault always adds a row if its hash has changed; leave write_disposition out"
            raise ValueError(message)
        return {**raw, "write_disposition": {"disposition": "merge", "strategy": "scd2"}}

    @model_validator(mode="after")
    def _keys_agree(self) -> Self:
        if message := next(find_contradictions(self), None):
            raise ValueError(message)
        return self

    def inherit(self, source: Inherited) -> ResourceConfig:
        """Returns this resource; keys that it does not set have the values of `source`."""
        automation = self.schedule or source.schedule
        if automation and automation.condition == "on_cron" and not automation.cron and source.schedule:
            own = {"catch_up": automation.catch_up} if automation.catch_up else {}
            automation = source.schedule.model_copy(update=own)
        update: dict[str, Any] = {
            "automation": automation,
            "freshness": self.maximum_age or source.maximum_age,
            "tags": {**source.tags, **self.tags},
            "kinds": tuple(dict.fromkeys((*source.kinds, *self.kinds))),
            "checks": self.checks.inherit(source.checks),
            "meta": self.meta.inherit(source.meta),
        }
        others = Inherited.model_fields.keys() - update.keys() - self.model_fields_set
        return self.model_copy(
            update=update | {name: getattr(source, name) for name in others & source.model_fields_set}
        )


class MappedResource(ResourceConfig):
    """A resource of the map form, whose key is its destination."""

    destination: str = ""


Selection = str | dict[str, dict[str, Any] | None]
"""A name or a pattern; or several, with the keys of `sources.yaml` that differ for them."""


class SourceResources(ResourceConfig):
    """Several resources of one dlt source, each of which becomes a `ResourceConfig` of its own."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["source"]}, {"required": ["rest_api"]}]})

    entry: str = Field(default="", exclude=True)
    source: str | None = Field(default=None, description="A function with dlt's decorator `source`, or its path.")
    rest_api: dict[str, Any] | None = Field(
        default=None, description="In place of `source`: a configuration of dlt's REST API source, as dlt documents it."
    )
    tables: Selection | list[Selection] = Field(  # type: ignore[assignment]
        default="*", description='Resources of the source, for instance ["*", "!drafts", {orders: {retries: ...}}].'
    )

    @model_validator(mode="after")
    def _names_a_source(self) -> Self:
        if not self.source and self.rest_api is None:
            message = "needs source, or rest_api"
            raise ValueError(message)
        return self


class MappedSource(SourceResources):
    """The same in the map form, whose key is the destination."""

    destination: str = ""


class SourcesFile(Model):
    """A whole `sources.yaml`, for the JSON Schema that editors use."""

    source: SourceDefaults = SourceDefaults()
    sources: dict[str, NamedSource] | None = Field(
        default=None, description="Blocks such as `source:`, each for the resources that it lists."
    )
    alerts: SourceAlerts | None = Field(
        default=None, description="Who receives a message about these resources; docs/how-to/get-alerts.md."
    )
    resources: list[ResourceConfig | SourceResources] | dict[str, MappedResource | MappedSource] = Field(
        description="A list of resources, or a map keyed by destination."
    )
