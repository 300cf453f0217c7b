"""Adds the processing steps of a resource to the pipe of its dlt resource; imports the functions that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_foundation.config.steps.row_condition import RowCondition
from data_foundation.errors import EntryError
from data_foundation.project.entry import find_entry, import_entry
from data_foundation.rows.shaped_rows import RowStep, ShapeRows

if TYPE_CHECKING:
    from dlt.extract import DltResource

    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.config.steps.processing_steps import ProcessingStep
    from data_foundation.project.source import SourceConfig


def add_processing_steps(built: DltResource, resource: ResourceConfig, source: SourceConfig) -> None:
    """Adds a step after the one that unpacks items: cursor, checks and columns know the rows that come out of it.

    Args:
        built: The dlt resource.
        resource: Its configuration.
        source: The source, in whose folder the functions are.

    Raises:
        EntryError: A function cannot be imported, or is none.
    """
    if resource.processing_steps:
        built.add_step(ShapeRows([_build(step, source) for step in resource.processing_steps]), insert_at=2)


def _build(step: ProcessingStep, source: SourceConfig) -> RowStep:
    if step.function:
        kind, path = step.function
        function = import_entry(find_entry(source.folder, path))
        if not callable(function):
            raise EntryError(
                f"processing_steps: {kind}: '{path}' is a {type(function).__name__}; accepted is a function"
            )
        return RowStep(kind, function)  # type: ignore[arg-type] # one of three words
    if step.where:
        return RowStep("where", RowCondition.of(step.where))
    if isinstance(step.filter, dict):
        return RowStep("accept", {name: one if isinstance(one, list) else [one] for name, one in step.filter.items()})
    return RowStep("exclude", step.exclude) if step.exclude else RowStep("rename", step.rename)
