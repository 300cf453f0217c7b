"""Opens the span of a run around any executor, in the process that executes the run."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import dagster as dg
from typing_extensions import override

from data_foundation.loading.telemetry.observers import observing_run
from data_foundation.orchestration.ops.launchpad import TRACEPARENT_TAG


class ObservedExecutor(dg.Executor):
    """An executor whose runs have a span."""

    def __init__(self, executor: dg.Executor) -> None:
        self._executor = executor

    @property
    @override
    def retries(self) -> Any:
        return self._executor.retries

    @override
    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[dg.DagsterEvent]:
        run = plan_context.dagster_run
        with observing_run(run.run_id, run.job_name, run.tags.get(TRACEPARENT_TAG, "")) as fail:
            for event in self._executor.execute(plan_context, execution_plan):
                if event.is_step_failure:
                    fail(f"{event.step_key} failed")
                yield event


@cache
def observed(definition: dg.ExecutorDefinition) -> dg.ExecutorDefinition:
    """Returns an executor of the same name and configuration, whose runs have a span; the same one each time.

    Definitions that are merged must have the same executor.
    """
    create = definition.executor_creation_fn
    assert create  # noqa: S101 - without it an executor is none

    def build(context: dg.InitExecutorContext) -> dg.Executor:
        return ObservedExecutor(create(context))

    field = definition.config_schema.as_field()
    return dg.executor(definition.name, field, definition.get_requirements)(build)
