"""The model of `processing_steps`: filters, functions and names, with dlt's words where dlt has them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from data_foundation.config.fields import Model
from data_foundation.config.scalars import EntryPath, Names
from data_foundation.config.steps.row_condition import RowCondition


def _checked(text: str) -> str:
    RowCondition.of(text)
    return text


Value = bool | int | float | str | None


class ProcessingStep(Model):
    """What is done with each row before it is loaded; one key."""

    filter: EntryPath | dict[str, Value | list[Value]] | None = Field(
        default=None, description="Function that returns whether a row is loaded; or accepted values by field."
    )
    where: Annotated[str, AfterValidator(_checked)] | None = Field(
        default=None, description="Condition in SQL: rows for which it is true are loaded."
    )
    map: EntryPath | None = Field(default=None, description="Function that returns the row to load for a row.")
    yield_map: EntryPath | None = Field(default=None, description="Generator function of the rows to load for a row.")
    exclude: Names = Field(default=(), description="Fields that are left out.")
    rename: dict[str, str] = Field(default={}, description="New names of fields, by their name in the row.")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(given := [name for name in type(self).model_fields if getattr(self, name)]) != 1:
            message = f"got {', '.join(given) or 'none'}; accepted is one of {', '.join(type(self).model_fields)}"
            raise ValueError(message)
        if len(set(self.rename.values())) < len(self.rename):
            message = "rename: two fields have the same new name"
            raise ValueError(message)
        return self

    @property
    def function(self) -> tuple[str, str] | None:
        """The kind of the step and the path of its function, None if it has none."""
        for kind in ("filter", "map", "yield_map"):
            if isinstance(path := getattr(self, kind), str):
                return kind, path
        return None
