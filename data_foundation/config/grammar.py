"""The grammar of `sources.yaml` as pydantic models: every key, its default and its meaning."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from data_foundation.config import templates
from data_foundation.config.check_fields import Checks
from data_foundation.config.fields import (
    AutomationField,
    ColumnHints,
    ContractField,
    DispositionField,
    Freshness,
    Incremental,
    LakePlace,
    Meta,
    Model,
    Partitions,
    Retries,
    WriteDisposition,
    known_templates,
)
from data_foundation.config.scalars import EntryPath, Kinds, Names, Owners, TagKey, TagValue, WarehouseName, checked
from data_foundation.config.tags import RequiredColumn

_NAME = r"[A-Za-z0-9_-]*[A-Za-z0-9][A-Za-z0-9_-]*"
_DESTINATION = rf"{_NAME}\.{_NAME}"


class Inherited(Model):
    """Keys of a resource that the `source:` block can set for all resources of a folder."""

    owners: Owners = Field(default=(), description="Owners in Dagster: e-mail addresses or `team:name`.")
    automation: AutomationField | None = Field(
        default=None, description="When to load: a cron, {cron, timezone}, or a name."
    )
    freshness: Freshness | None = Field(
        default=None, description="Maximum age of the table: Dagster's freshness policy."
    )
    tags: dict[TagKey, TagValue] = Field(
        default_factory=dict, description="Dagster tags, in addition to those of `source:`."
    )
    kinds: Kinds = Field(default=(), description="Badges in Dagster, in addition to dlt and the warehouse.")
    schema_contract: ContractField | None = Field(default=None, description="Allowed changes of the schema.")
    on_empty: Literal["keep", "truncate", "fail"] = Field(
        default="keep", description="What a replace without rows does to the table."
    )
    retries: Retries = Field(default=Retries(), description="Retries of passing faults: 429, 5xx, time-outs.")
    checks: Checks = Field(default_factory=Checks, description="Checks of the table after each load.")
    max_table_nesting: int | None = Field(
        default=None, ge=0, description="Levels of lists that become child tables; deeper ones are stored as JSON."
    )


class SourceDefaults(Inherited):
    """The `source:` block."""

    max_concurrency: int = Field(default=4, ge=1, description="Number of resources that load at a time.")


class ResourceConfig(Inherited):
    """One resource: an entry, and the table that its rows go to."""

    entry: EntryPath = Field(description="Dotted path of what yields the rows, for instance data.get_commits.")
    args: Annotated[tuple[Any, ...], AfterValidator(known_templates)] = Field(
        default=(), alias="arguments", description="Positional arguments of the entry."
    )
    kwargs: Annotated[dict[str, Any], AfterValidator(known_templates)] = Field(
        default_factory=dict, alias="keyword_arguments", description="Keyword arguments of the entry."
    )
    destination: Annotated[
        str, checked(_DESTINATION, "dataset.table of letters, digits, _ and -, for instance raw.github_commits")
    ] = Field(description="dataset.table: the table, its asset key, and its dbt source table.")
    write_disposition: DispositionField = Field(
        default=WriteDisposition(disposition="append"), description="How new rows are combined with existing ones."
    )
    primary_key: Names = Field(default=(), description="Column or columns that identify a row.")
    merge_key: Names = Field(default=(), description="Column or columns: merge replaces rows that share a value.")
    incremental: Incremental | None = Field(default=None, description="Load only new rows, by a cursor.")
    columns: dict[str, ColumnHints] = Field(default_factory=dict, description="Types and hints of columns.")
    requires: Names = Field(default=(), description="Columns without which the load fails before anything is written.")
    tag: str | None = Field(default=None, description="Use of the rows: `dlthub/tags.yaml` lists what it requires.")
    columns_from: dict[str, str] = Field(
        default_factory=dict, description="Own names of columns of the tag, by the name in the tag."
    )
    landing: Literal["table", "vault"] = Field(
        default="table", description="vault: keep every version; docs/how-to/keep-every-version.md."
    )
    partitions: Partitions | None = Field(default=None, description="Time partitions of the asset, for backfills.")
    cluster_by: Names = Field(default=(), description="Columns by which Snowflake clusters a new table.")
    warehouse: WarehouseName | None = Field(
        default=None, description="Warehouse of this table, if not the default one."
    )
    lake: LakePlace | None = Field(default=None, description="Place in the lake; default: the dataset's folder.")
    engine: Literal["columnar", "dlt"] = Field(
        default="columnar", description="dlt: rows one by one through dlt's own code; slow."
    )
    child_tables: Names = Field(default=(), description="Nested lists whose child tables are assets of their own.")
    data_from: str | None = Field(default=None, description="The resource whose items the entry, a transformer, takes.")
    description: str | None = Field(default=None, description="Description in Dagster; default: the entry's docstring.")
    enabled: bool = Field(default=True, description="false: there is no asset, and nothing is loaded.")
    meta: Meta = Field(default=Meta(), description="Any metadata; `dagster`: long spelling of automation, freshness.")

    _contract: tuple[RequiredColumn, ...] = PrivateAttr(())

    @property
    def meeting(self) -> str:
        """Disposition and strategy as one text, for instance `merge scd2`; `vault` if rows land in a vault."""
        mode = self.write_disposition
        return "vault" if self.landing == "vault" else " ".join(filter(None, (mode.disposition, mode.strategy)))

    @property
    def contract(self) -> tuple[RequiredColumn, ...]:
        """The columns that the tag requires; empty until `with_contract` has set them."""
        return self._contract

    @property
    def required_columns(self) -> tuple[str, ...]:
        """The columns that the rows must have, for a message: those of `requires`, and those of the tag with types."""
        return (*self.requires, *(f"{required.column} ({required.accepted})" for required in self.contract))

    def with_contract(self, required: tuple[RequiredColumn, ...]) -> ResourceConfig:
        """Returns this resource with the columns that its tag requires."""
        bound = self.model_copy()
        bound._contract = required  # noqa: SLF001 - its own
        return bound

    @property
    def dataset(self) -> str:
        """The part of `destination` before the dot."""
        return self.destination.split(".")[0]

    @property
    def table(self) -> str:
        """The part of `destination` after the dot."""
        return self.destination.split(".")[1]

    @property
    def lands_in(self) -> str | None:
        """The name of the resource's own warehouse; None if it lands in the default one."""
        return self.warehouse or ("filesystem" if self.lake else None)

    @property
    def job_id(self) -> str | None:
        """The value of the tag `job_id`, which every row of a workbook sets."""
        return self.tags.get("job_id")

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The primary key, from `primary_key` or from hints in `columns`."""
        return self.primary_key or tuple(name for name, hints in self.columns.items() if hints.primary_key)

    @property
    def hashed_columns(self) -> tuple[str, ...]:
        """The columns with `pii: hash`, which land as keyed hashes."""
        return tuple(name for name, hints in self.columns.items() if hints.pii == "hash")

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
    def _tag_has_a_key(self) -> Self:
        if self.landing == "vault" and not self.tag:
            message = "landing vault needs a tag, which its hub is named after"
            raise ValueError(message)
        if self.columns_from and not self.tag:
            message = "columns_from needs a tag, whose columns it names"
            raise ValueError(message)
        if self.tag and not self.key_columns:
            message = "tag needs a primary_key"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _vault_takes_whole_rows(self) -> Self:
        if self.landing != "vault":
            return self
        for name in ("child_tables", "merge_key"):
            if getattr(self, name):
                message = f"landing vault keeps whole rows, lists and objects as JSON; leave {name} out"
                raise ValueError(message)
        if self.max_table_nesting:
            message = "landing vault keeps whole rows, lists and objects as JSON; max_table_nesting is 0"
            raise ValueError(message)
        if self.lands_in in {"lake", "filesystem"}:
            message = (
                f"landing vault needs a database, and {self.lands_in} is none; accepted: duckdb, snowflake, postgres"
            )
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _merge_has_a_key(self) -> Self:
        mode = self.write_disposition
        merge_key = self.merge_key or any(hints.merge_key for hints in self.columns.values())
        if mode.disposition == "merge" and mode.strategy != "scd2" and not (self.key_columns or merge_key):
            message = "write_disposition merge needs a primary_key or a merge_key; add one, or append"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _lake_is_the_warehouse(self) -> Self:
        if self.lake and self.warehouse not in {None, "lake", "filesystem"}:
            message = f"lake is where a table lands in a lake, and warehouse is {self.warehouse}; leave one of them out"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _checked_key_is_known(self) -> Self:
        if self.checks.primary_key in {"warn", "block"} and not self.key_columns:
            message = f"checks.primary_key is {self.checks.primary_key} and there is no primary_key; add one, or ignore"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _replace_has_no_cursor(self) -> Self:
        if self.incremental and self.write_disposition.disposition == "replace":
            message = (
                "replace with `incremental` would leave only the rows after the cursor; use merge or append, or leave "
                "`incremental` out"
            )
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _cursor_is_not_hashed(self) -> Self:
        if self.incremental and (hashed := next(filter(self.incremental.reads, self.hashed_columns), None)):
            message = (
                f"columns.{hashed}: pii: hash has no order, and it is the cursor of `incremental`; use another cursor"
            )
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _partitions_can_be_loaded_again(self) -> Self:
        disposition = self.write_disposition.disposition
        if self.partitions and disposition == "replace":
            message = "replace swaps the whole table, so each partition would remove the others; use merge, or append"
            raise ValueError(message)
        if self.partitions and disposition == "append" and not self.incremental:
            message = (
                "append to partitions needs `incremental`, whose cursor tells which rows a partition has when it is "
                "loaded again; or use merge with a primary_key"
            )
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _partition_templates_have_a_value(self) -> Self:
        for name in templates.find_templates([self.args, self.kwargs]):
            if name.startswith("partition.") and not (self.partitions or self.incremental):
                message = f"'{{{{ {name} }}}}' needs `partitions` or `incremental`, from which its value comes"
                raise ValueError(message)
        return self

    def inherit(self, source: SourceDefaults) -> ResourceConfig:
        """Returns this resource; keys that it does not set have the values of `source`."""
        own_keys = self.model_fields_set
        dagster = self.meta.dagster
        automation = self.automation or dagster.automation or source.automation
        if automation and automation.condition == "on_cron" and not automation.cron and source.automation:
            automation = source.automation
        update: dict[str, Any] = {
            "automation": automation,
            "freshness": self.freshness or dagster.freshness or source.freshness,
            "tags": {**source.tags, **self.tags},
            "kinds": tuple(dict.fromkeys((*source.kinds, *self.kinds))),
            "checks": self.checks.inherit(source.checks),
        }
        for name in ("owners", "schema_contract", "on_empty", "retries", "max_table_nesting"):
            if name not in own_keys:
                update[name] = getattr(source, name)
        return self.model_copy(update=update)


class MappedResource(ResourceConfig):
    """A resource of the map form, whose key is its destination."""

    destination: str = ""


class SourcesFile(Model):
    """A whole `sources.yaml`, for the JSON Schema that editors use."""

    source: SourceDefaults = SourceDefaults()
    resources: list[ResourceConfig] | dict[str, MappedResource] = Field(
        description="A list of resources, or a map keyed by destination."
    )
