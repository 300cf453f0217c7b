"""The keys of a resource in `sources.yaml`, with their defaults and meaning, and what follows from them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from data_foundation.config.check_fields import Checks
from data_foundation.config.fields import (
    ColumnsField,
    ContractField,
    DispositionField,
    IncrementalField,
    LakePlace,
    Model,
    NestedHints,
    Partitions,
    Reference,
    WriteDisposition,
    known_templates,
)
from data_foundation.config.limits import Retries, Timeout
from data_foundation.config.scalars import (
    EntryPath,
    FileFormat,
    Kinds,
    Names,
    Owners,
    TableFormat,
    TagKey,
    TagValue,
    WarehouseName,
    checked,
)
from data_foundation.config.schedules import Automation, AutomationField, Freshness, Meta
from data_foundation.config.steps.processing_steps import ProcessingStep

_NAME = r"[\w-]*[^\W_][\w-]*"
_DESTINATION = rf"{_NAME}\.{_NAME}"
_OF_THE_DATABASE = re.compile(r"information_schema|pg_.*", re.IGNORECASE)


def _own_dataset(destination: str) -> str:
    """Refuses a dataset that belongs to the database, or to dlt."""
    dataset = destination.split(".", maxsplit=1)[0]
    if _OF_THE_DATABASE.fullmatch(dataset):
        message = f"dataset {dataset} belongs to the database; accepted: one of your own, for instance raw"
        raise ValueError(message)
    if dataset.lower().endswith("_staging"):
        message = (
            f"dataset {dataset} is where dlt keeps rows of {dataset[: -len('_staging')]} before it merges them, and "
            "truncates tables; choose another name"
        )
        raise ValueError(message)
    return destination


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
    timeout: Timeout = Field(default=Timeout(), description="Longest duration of a load, and of the wait for a page.")
    checks: Checks = Field(default_factory=Checks, description="Checks of the table after each load.")
    max_table_nesting: int | None = Field(
        default=None, ge=0, description="Levels of lists that become child tables; deeper ones are stored as JSON."
    )
    root_key: bool | None = Field(
        default=None, description="true: nested rows have the id of their root row, `_dlt_root_id`, as with merge."
    )
    parallelized: bool | None = Field(
        default=None, description="false: the resources of the folder load one at a time; else side by side."
    )
    section: str | None = Field(
        default=None, description="dlt's section of the settings: the name of the folder, no other is accepted."
    )
    meta: Meta = Field(default=Meta(), description="Any metadata; `dagster`: long spelling of automation, freshness.")

    @property
    def schedule(self) -> Automation | None:
        """When to load, in either spelling."""
        return self.automation or self.meta.dagster.automation

    @property
    def maximum_age(self) -> Freshness | None:
        """The freshness of the table, in either spelling."""
        return self.freshness or self.meta.dagster.freshness


class ResourceKeys(Inherited):
    """The keys of one resource, and what follows from one of them."""

    entry: EntryPath = Field(description="Dotted path of what yields the rows, for instance data.get_commits.")
    resource: str | None = Field(
        default=None, description="Name of the dlt resource, if the entry is a dlt source that holds several."
    )
    args: Annotated[tuple[Any, ...], AfterValidator(known_templates)] = Field(
        default=(), alias="arguments", description="Positional arguments of the entry."
    )
    kwargs: Annotated[dict[str, Any], AfterValidator(known_templates)] = Field(
        default_factory=dict, alias="keyword_arguments", description="Keyword arguments of the entry."
    )
    bind: Annotated[dict[str, Any], AfterValidator(known_templates)] = Field(
        default_factory=dict, description="Arguments of the dlt resource named by `resource`, as `resource.bind(...)`."
    )
    destination: Annotated[
        str,
        checked(_DESTINATION, "dataset.table of letters, digits, _ and -, for instance raw.github_commits"),
        AfterValidator(_own_dataset),
    ] = Field(description="dataset.table: the table, its asset key, and its dbt source table.")
    write_disposition: DispositionField = Field(
        default=WriteDisposition(disposition="append"), description="How new rows are combined with existing ones."
    )
    primary_key: Names = Field(default=(), description="Column or columns that identify a row.")
    merge_key: Names = Field(default=(), description="Column or columns: merge replaces rows that share a value.")
    incremental: IncrementalField | None = Field(
        default=None, description="Load only new rows, by a cursor; true: by the cursor that the entry's code has."
    )
    columns: ColumnsField = Field(default_factory=dict, description="Types and hints of columns.")
    nested_hints: dict[str, NestedHints] = Field(
        default_factory=dict, description="Types in nested tables, by the path of their list, for instance items.parts."
    )
    references: tuple[Reference, ...] = Field(default=(), description="Tables that columns refer to; shown in Dagster.")
    requires: Names = Field(default=(), description="Columns without which the load fails before anything is written.")
    tag: str | None = Field(default=None, description="Use of the rows: `dlthub/tags.yaml` lists what it requires.")
    processing_steps: tuple[ProcessingStep, ...] = Field(
        default=(), description="What is done with each row before it is loaded, in this order."
    )
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
    table_format: TableFormat | None = Field(
        default=None, description="delta, iceberg: needs a lake of that format, and has no effect in a database."
    )
    file_format: FileFormat | None = Field(
        default=None, description="Format of the files in which rows travel, which is parquet."
    )
    engine: Literal["columnar", "dlt"] = Field(
        default="columnar", description="dlt: rows one by one through dlt's own code; slow."
    )
    child_tables: Names = Field(default=(), description="Nested lists whose child tables are assets of their own.")
    tables: Names = Field(default=(), description="Further tables that the entry's code names; assets of their own.")
    data_from: str | None = Field(default=None, description="The resource whose items the entry, a transformer, takes.")
    description: str | None = Field(
        default=None, description="Description in Dagster; default: what a reader reads, or the entry's docstring."
    )
    enabled: bool = Field(
        default=True, alias="selected", description="false: there is no asset, and nothing is loaded."
    )

    @property
    def meeting(self) -> str:
        """Disposition and strategy as one text, for instance `merge scd2`; `vault` if rows land in a vault."""
        mode = self.write_disposition
        return "vault" if self.landing == "vault" else " ".join(filter(None, (mode.disposition, mode.strategy)))

    @property
    def all_arguments(self) -> list[Any]:
        """All arguments of the entry, and of its dlt resource: the values in which templates are filled."""
        return [self.args, self.kwargs, self.bind]

    @property
    def dlt_source(self) -> tuple[str, str] | None:
        """Entry and arguments of the dlt source of which this is one resource, None for an entry of one table."""
        return None if self.resource is None else (self.entry, repr((self.args, self.kwargs)))

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
    def merge_columns(self) -> tuple[str, ...]:
        """The merge key, from `merge_key` or from hints in `columns`."""
        return self.merge_key or tuple(name for name, hints in self.columns.items() if hints.merge_key)

    @property
    def decimal_columns(self) -> tuple[str, ...]:
        """The columns that are declared as decimals and not hashed."""
        decimals = ("decimal", "wei")
        return tuple(name for name, hints in self.columns.items() if hints.data_type in decimals and not hints.pii)

    @property
    def hashed_columns(self) -> tuple[str, ...]:
        """The columns with `pii: hash`, which land as keyed hashes."""
        return tuple(name for name, hints in self.columns.items() if hints.pii == "hash")
