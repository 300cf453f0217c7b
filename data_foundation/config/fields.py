"""Models of single keys of `sources.yaml`: dispositions, hints, partitions, automation, and the long spellings."""

from __future__ import annotations

import difflib
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from typing_extensions import override

from data_foundation.config import templates
from data_foundation.config.scalars import (
    ContractMode,
    DataType,
    Disposition,
    LakeContainer,
    LakeFolder,
    Moment,
    Names,
    PartitionTransform,
    Timezone,
    as_time,
)
from data_foundation.json_paths import quote_path
from data_foundation.suggestions import nearest

LONGEST_TEXT = 16_777_216
"""Characters of the longest text that a column of a warehouse may be declared for."""

LARGEST_PRECISION = {"decimal": 76, "wei": 76, "timestamp": 9, "time": 9, "bigint": 64}
"""The largest precision of each type: digits, digits of a second, or bits."""


class Model(BaseModel):
    """Base of the grammar's models: immutable, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class WriteDisposition(Model):
    """How new rows are combined with the rows of the table; one word is short for `disposition`."""

    disposition: Disposition = Field(
        description="append adds rows, replace replaces the table, merge replaces rows by key."
    )
    strategy: Literal["delete-insert", "upsert", "scd2", "insert-only"] | None = Field(
        default=None, description="How merge works; default: delete-insert."
    )

    @model_validator(mode="after")
    def _strategy_is_for_merge(self) -> Self:
        if self.strategy and self.disposition != "merge":
            message = f"strategy '{self.strategy}' is for disposition merge, not {self.disposition}"
            raise ValueError(message)
        return self


class Incremental(Model):
    """The cursor that separates new rows from loaded ones; dlt stores its value in the warehouse."""

    cursor_path: Annotated[str, AfterValidator(quote_path)] = Field(
        min_length=1, description="Path of the cursor value in a row, for instance commit.author.date."
    )
    initial_value: str | int | float | datetime | date | None = Field(
        default=None, description="Start of the first run; of the cursor's type."
    )
    lag: float | None = Field(
        default=None, description="How far before the cursor to read again: seconds, days or units."
    )
    row_order: Literal["asc", "desc"] | None = Field(default=None, description="Order in which the entry yields rows.")
    on_cursor_value_missing: Literal["raise", "include", "exclude"] = Field(
        default="raise", description="What happens to a row without a cursor value."
    )

    @property
    def is_in_code(self) -> bool:
        """True for `incremental: true`: the code of the entry has the cursor."""
        return not self.cursor_path

    def reads(self, column: str) -> bool:
        """Returns True if the cursor is a column's value or inside it, in any spelling of the column."""
        steps = self.cursor_path.split(".")
        return _letters(column) in {_letters("".join(steps[:end])) for end in range(1, len(steps) + 1)}


def _letters(name: str) -> str:
    """Returns the letters and digits of a name in lower case: equal for `userEmail`, `user_email` and `user.email`."""
    return "".join(filter(str.isalnum, name.lower()))


class ColumnType(Model):
    """The type of a column; dlt infers what is not set from the rows."""

    data_type: DataType | None = Field(
        default=None, description="dlt's type; json stores a nested value in one column."
    )
    nullable: bool | None = Field(default=None, description="false: refuse a row without a value.")
    description: str | None = Field(default=None, description="Shown in Dagster and in dbt's sources.")
    precision: int | None = Field(
        default=None,
        ge=0,
        description="Digits of a decimal or of a second, bits of a bigint, length of a text.",
    )
    scale: int | None = Field(default=None, ge=0, description="Digits of a decimal after the point.")
    timezone: bool | None = Field(default=None, description="false: store a timestamp without a time zone.")

    @model_validator(mode="after")
    def _digits_fit(self) -> Self:
        largest = LARGEST_PRECISION.get(self.data_type or "", LONGEST_TEXT)
        if self.precision is not None and self.precision > largest:
            message = f"precision {self.precision}: accepted for {self.data_type or 'any type'} is at most {largest}"
            raise ValueError(message)
        digits = LARGEST_PRECISION["decimal"] if self.precision is None else self.precision
        if self.scale is not None and self.scale > digits:
            message = f"scale {self.scale}: accepted is at most {digits}, the precision"
            raise ValueError(message)
        return self


class ColumnHints(ColumnType):
    """Hints of a column."""

    primary_key: bool | None = Field(default=None, description="Part of the primary key.")
    merge_key: bool | None = Field(default=None, description="Part of the merge key.")
    unique: bool | None = Field(default=None, description="dlt's hint that values are unique.")
    hard_delete: bool | None = Field(default=None, description="merge deletes rows that have a value here.")
    dedup_sort: Literal["asc", "desc"] | None = Field(
        default=None, description="merge keeps the first row of a key in this order."
    )
    partition: PartitionTransform | None = Field(
        default=None,
        description="Keep the files of a lake apart by this column. true: by its values; with LAKE_FORMAT=iceberg also "
        "year, month, day, hour, bucket[n], truncate[n]. No effect in a database.",
    )
    pii: Literal[True, False, "hash"] | None = Field(
        default=None, description="true: tag as personal data; hash: also store only a keyed hash."
    )

    @model_validator(mode="after")
    def _a_hash_is_text(self) -> Self:
        if self.pii == "hash" and self.data_type not in {None, "text"}:
            message = f"pii: hash lands as text, not {self.data_type}; leave data_type out"
            raise ValueError(message)
        if self.pii == "hash" and (self.hard_delete or self.dedup_sort):
            message = (
                f"pii: hash leaves nothing to {'delete' if self.hard_delete else 'sort'} by; leave one of them out"
            )
            raise ValueError(message)
        return self


class NamedColumn(ColumnHints):
    """A column of the form in which `columns` is a list."""

    name: str


class NestedHints(Model):
    """Hints of a nested table."""

    columns: dict[str, ColumnType] = Field(description="Types of its columns, as in `columns`.")


class Reference(Model):
    """Columns whose values are those of columns of another table; the warehouse does not check it."""

    referenced_table: str = Field(description="The other table, in the same dataset.")
    columns: Names = Field(description="Columns of this table.")
    referenced_columns: Names = Field(description="Columns of the other table, in the same order.")

    @model_validator(mode="after")
    def _columns_are_pairs(self) -> Self:
        if not self.columns or len(self.columns) != len(self.referenced_columns):
            here, there = len(self.columns), len(self.referenced_columns)
            message = f"got {here} columns and {there} referenced_columns; accepted are as many of both, at least one"
            raise ValueError(message)
        return self

    @override
    def __str__(self) -> str:
        theirs = ", ".join(f"{self.referenced_table}.{name}" for name in self.referenced_columns)
        return f"{', '.join(self.columns)} -> {theirs}"


class SchemaContract(Model):
    """Allowed changes of the schema; one word sets all three keys."""

    tables: ContractMode = Field(default="evolve", description="New tables.")
    columns: ContractMode = Field(default="evolve", description="New columns.")
    data_type: ContractMode = Field(default="evolve", description="Values of another type than the column's.")


class Partitions(Model):
    """Time partitions of a resource's asset; templates pass their bounds to the entry."""

    by: Literal["hourly", "daily", "weekly", "monthly"] = Field(description="Length of a partition.")
    start: Moment = Field(description="Start of the first partition.")
    end: Moment | None = Field(default=None, description="End of the last partition, exclusive.")
    timezone: Timezone = Field(default="UTC", description="Time zone of the bounds.")

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.end and as_time(self.end) <= as_time(self.start):
            message = f"end {self.end} must come after start {self.start}"
            raise ValueError(message)
        return self


class LakePlace(Model):
    """The folder of a table in the lake: `<container>/<folder>/<table>/`."""

    container: LakeContainer = Field(
        description="Container of Azure, bucket of S3, or folder below a local `LAKE_URL`."
    )
    folder: LakeFolder = Field(description="Folder in the container, for instance bronze/sales.")

    @override
    def __str__(self) -> str:
        return f"{self.container}/{self.folder}"


_DISPOSITIONS = {word: WriteDisposition(disposition=word) for word in get_args(Disposition)}


def _read_disposition(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value in _DISPOSITIONS:
        return _DISPOSITIONS[value]
    strategies = difflib.get_close_matches(value, ("upsert", "scd2", "insert-only", "delete-insert"), 1)
    hint = f". Did you mean {{disposition: merge, strategy: {strategies[0]}}}?" if strategies else nearest(
        value, list(_DISPOSITIONS)
    )  # fmt: skip
    hint = "; `enabled: false` loads nothing" if value == "skip" else hint
    message = f"accepted: append, replace, merge, or {{disposition: merge, strategy: ...}}{hint}"
    raise ValueError(message)


def _read_incremental(value: object) -> object:
    if value is True:
        return Incremental.model_construct(cursor_path="")
    if value is False:
        message = "accepted: true, if the code of the entry has the cursor, or {cursor_path: ...}; else leave it out"
        raise ValueError(message)
    return value


def _read_columns(value: object) -> object:
    """Returns a list of columns, each with its name, as a mapping by name."""
    if not isinstance(value, list):
        return value
    names = [column.get("name") if isinstance(column, dict) else None for column in value]
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        message = "accepted: {<name>: {data_type: ...}}, or a list of columns that have a `name` each, no two the same"
        raise ValueError(message)
    return {name: {key: column[key] for key in column if key != "name"}
            for name, column in zip(names, value, strict=True)}  # fmt: skip


def _read_contract(value: object) -> object:
    return {"tables": value, "columns": value, "data_type": value} if isinstance(value, str) else value


def known_templates(value: Any) -> Any:
    """Returns `value`; refuses an unknown template in it."""
    for name in templates.find_templates(value):
        if not templates.is_known(name):
            hint = nearest(name, templates.PARTITION_NAMES)
            message = f"unknown template '{{{{ {name} }}}}'; accepted: {templates.ACCEPTED}{hint}"
            raise ValueError(message)
    return value


IncrementalField = Annotated[
    Incremental, BeforeValidator(_read_incremental, json_schema_input_type=Literal[True] | Incremental)
]
ColumnsField = Annotated[
    dict[str, ColumnHints],
    BeforeValidator(_read_columns, json_schema_input_type=dict[str, ColumnHints] | list[NamedColumn]),
]
ContractField = Annotated[
    SchemaContract, BeforeValidator(_read_contract, json_schema_input_type=ContractMode | SchemaContract)
]
DispositionField = Annotated[
    WriteDisposition, BeforeValidator(_read_disposition, json_schema_input_type=Disposition | WriteDisposition)
]
