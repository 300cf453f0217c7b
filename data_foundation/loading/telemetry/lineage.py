"""Events of OpenLineage for the loads of tables: START, then COMPLETE, FAIL or ABORT."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    data_quality_assertions_dataset,
    error_message_run,
    job_type_job,
    output_statistics_output_dataset,
    parent_run,
    schema_dataset,
)

from data_foundation.errors import LoadStopped
from data_foundation.loading.telemetry.dataset_names import PRODUCER, namespace_of
from data_foundation.loading.telemetry.sender import find_sender
from data_foundation.process_wide.redaction import redact
from data_foundation.warehouses.settings import lineage_namespace

if TYPE_CHECKING:
    from data_foundation.loading.result import LoadResult
    from data_foundation.loading.task import Task
    from data_foundation.loading.telemetry.observers import LoadEnd
    from data_foundation.warehouses.base import Warehouse

Columns = Mapping[str, Mapping[str, Any]]


class TableEvents:
    """The events of the loads of one process; see `observers.Observer`."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._sender = find_sender()
        self._runs: dict[str, Run] = {}

    def begin(self, task: Task) -> AbstractContextManager[None]:
        """Sends START."""
        parent = parent_run.ParentRunFacet.create(run_uuid(task.options.run_id), lineage_namespace(), "run")
        run = self._runs[task.resource.destination] = Run(str(uuid.uuid4()), {"parent": parent})
        self._send(RunState.START, run, _job(task))
        return nullcontext()

    def end(self, task: Task, end: LoadEnd) -> None:
        """Sends COMPLETE with the tables that were written, FAIL, or ABORT for a load that was stopped."""
        run = self._runs.pop(task.resource.destination, None)
        if run is None:
            return
        if end.result:
            outputs = list_outputs(end.result, namespace_of(self._warehouse.serving(task.resource)))
            self._send(RunState.COMPLETE, run, _job(task), outputs)
            self._send_checks(task, end.result, outputs[0], run)
            return
        message = error_message_run.ErrorMessageRunFacet(redact(str(end.error)), "PYTHON")
        failed = Run(run.runId, {**(run.facets or {}), "errorMessage": message})
        self._send(RunState.ABORT if isinstance(end.error, LoadStopped) else RunState.FAIL, failed, _job(task))

    def _send_checks(self, task: Task, result: LoadResult, table: OutputDataset, load: Run) -> None:
        """Sends the outcomes of the checks, as a job that reads the table."""
        if not result.checks:
            return
        assertions = [
            data_quality_assertions_dataset.Assertion(check.name, check.passed, severity=check.severity)
            for check in result.checks
        ]
        facet = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(assertions)
        read = [InputDataset(namespace=table.namespace, name=table.name, inputFacets={"dataQualityAssertions": facet})]
        run, job = Run(str(uuid.uuid4()), load.facets), _job(task, "checks")
        self._send(RunState.START, run, job, inputs=read)
        self._send(RunState.COMPLETE, run, job, inputs=read)

    def _send(
        self,
        state: RunState,
        run: Run,
        job: Job,
        outputs: Sequence[OutputDataset] = (),
        inputs: Sequence[InputDataset] = (),
    ) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._sender.put(
            RunEvent(
                eventTime=now,
                producer=PRODUCER,
                eventType=state,
                run=run,
                job=job,
                inputs=list(inputs),
                outputs=list(outputs),
            )
        )

    def close(self) -> None:
        """Waits until all events are sent, for at most a few seconds."""
        self._sender.finish()


def run_uuid(run_id: str) -> str:
    """Returns the id of a run in events: Dagster's, or a UUID that follows from the id of a run without Dagster."""
    try:
        return str(uuid.UUID(run_id))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, run_id))


def list_outputs(result: LoadResult, namespace: str) -> list[OutputDataset]:
    """Returns the table of a load, then its nested and further tables, with columns and statistics."""
    schema = result.table.rpartition(".")[0]
    outputs = [_output(namespace, result.table, result.columns, result.rows, result.bytes)]
    for name, table in result.further.items():
        outputs.append(_output(namespace, f"{schema}.{name}", table.columns, table.rows))
    children = {**result.child_columns, **{n: c for t in result.further.values() for n, c in t.child_columns.items()}}
    return outputs + [_output(namespace, f"{schema}.{name}", columns) for name, columns in children.items()]


def _output(
    namespace: str, name: str, columns: Columns, rows: int | None = None, size: int | None = None
) -> OutputDataset:
    fields = [
        schema_dataset.SchemaDatasetFacetFields(column, hints.get("data_type"), hints.get("description"))
        for column, hints in columns.items()
    ]
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rows, size)
    return OutputDataset(
        namespace=namespace,
        name=name,
        facets={"schema": schema_dataset.SchemaDatasetFacet(fields)},
        outputFacets={} if rows is None else {"outputStatistics": statistics},
    )


def _job(task: Task, part: str = "") -> Job:
    name = f"{task.source.name}.{task.resource.destination}{'.' if part else ''}{part}"
    kind = job_type_job.JobTypeJobFacet("BATCH", "DLT", "TEST" if part else "LOAD")
    return Job(lineage_namespace(), name, {"jobType": kind})
