"""Models of the key `checks`: what is checked in a table, and what a failed check does."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from data_foundation.config.fields import Model

Severity = Literal["warn", "block"]
# "ignore" and not "off", which YAML reads as false.
CheckLevel = Literal["warn", "block", "ignore"]
_SEVERITY = "block: fail the run and hold back the dbt models of the table; warn: report it."


def _kind(value: object) -> str:
    """Returns the kind of a value, or "" if `accepted_values` cannot list it."""
    if isinstance(value, str | bool):
        return "text" if isinstance(value, str) else "true, false"
    return "numbers" if isinstance(value, int | float) and math.isfinite(value) else ""


def _plain(value: object) -> object:
    if not _kind(value):
        message = "accepted: text, a number, true, false"
        raise ValueError(message)
    return value


Value = Annotated[Any, AfterValidator(_plain), WithJsonSchema({"type": ["string", "number", "boolean"]})]


class RowCount(Model):
    """Limits of the number of rows after a load."""

    min: int | None = Field(default=None, ge=0, description="Minimum number of rows.")
    max: int | None = Field(default=None, ge=0, description="Maximum number of rows.")
    severity: Severity = Field(default="block", description=_SEVERITY)

    @model_validator(mode="after")
    def _has_bounds_in_order(self) -> Self:
        if self.min is None and self.max is None:
            message = "needs min, max or both"
            raise ValueError(message)
        if self.min is not None and self.max is not None and self.min > self.max:
            message = f"min {self.min} must not be more than max {self.max}"
            raise ValueError(message)
        return self


class AcceptedValues(Model):
    """The values that a column may hold, in addition to null; a list is short for `values`."""

    values: tuple[Value, ...] = Field(
        description="The values, all of one kind: text, numbers, or true and false.", json_schema_extra={"minItems": 1}
    )
    severity: Severity = Field(default="block", description=_SEVERITY)

    @model_validator(mode="after")
    def _are_of_one_kind(self) -> Self:
        kinds = list(dict.fromkeys(map(_kind, self.values)))
        if not kinds:
            message = "lists no value; name those that are accepted"
            raise ValueError(message)
        if len(kinds) > 1:
            message = f"values mix {' and '.join(kinds)}; put quotes around text that YAML reads as another type"
            raise ValueError(message)
        return self


AcceptedValuesField = Annotated[
    AcceptedValues,
    BeforeValidator(
        lambda value: {"values": value} if isinstance(value, list) else value,
        json_schema_input_type=list[Value] | AcceptedValues,
    ),
]


class Checks(Model):
    """Checks of a table after each load."""

    row_count: RowCount | None = Field(default=None, description="Number of rows in the table.")
    accepted_values: dict[str, AcceptedValuesField] = Field(
        default_factory=dict,
        description="By column of the table: a list, or {values, severity}; null is accepted.",
    )
    primary_key: CheckLevel | None = Field(
        default=None, description="Unique and not null. Default: block; for append and scd2 ignore."
    )
    complete: CheckLevel | None = Field(
        default=None,
        description="No part of the source failed alone. If not set: no check; the run fails after the load.",
    )
    schema_drift: CheckLevel = Field(default="warn", description="New columns or nested tables since the last load.")

    cursor: CheckLevel = Field(
        default="warn", description="The stored cursor is not in the future, where no new row would pass it."
    )

    def inherit(self, source: Checks) -> Checks:
        """Returns these checks; for keys that are not set here, those of `source`."""
        if not (source.model_fields_set and self.model_fields_set):
            return self if self.model_fields_set else source
        return source.model_copy(update={name: getattr(self, name) for name in self.model_fields_set})
