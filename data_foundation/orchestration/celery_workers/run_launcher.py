"""Dagster's run launcher for Celery, which also notices that the worker of a run is gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import dagster as dg
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher as DagsterCeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from typing_extensions import override

from data_foundation.orchestration.celery_workers.look_out import LookOut

if TYPE_CHECKING:
    from dagster._config import UserConfigSchema
    from dagster._serdes import ConfigurableClassData

LOST_AFTER_SECONDS = 60
ANSWER_SECONDS = 3.0
"""How long the workers have to answer which tasks they execute."""


class CeleryRunLauncher(DagsterCeleryRunLauncher):
    """Starts runs as Dagster's launcher for Celery does; `run_monitoring` then fails a run whose worker is gone.

    dagster-celery 0.29.27 asks Celery for the state of a run's task. If the machine of a worker dies, that state stays
    STARTED, and with it the run, which holds the slot of its pool for ever; and a run of more than a day is failed,
    because Celery has forgotten its task. Terminating a run kills its process, so it cannot say what it has loaded.
    `dagster.yaml` names this class under `run_launcher`.
    """

    def __init__(
        self,
        lost_after_seconds: int = LOST_AFTER_SECONDS,
        inst_data: ConfigurableClassData | None = None,
        **config: Any,
    ) -> None:
        """Connects to nothing yet.

        Args:
            lost_after_seconds: How long no worker may report the task of a run before the run is failed.
            inst_data: The configuration of this class in `dagster.yaml`.
            config: The configuration of Dagster's launcher: broker, backend, default_queue, config_source.
        """
        super().__init__(inst_data=inst_data, **config)
        self._look_out = LookOut(self._find_tasks, lost_after_seconds)

    @classmethod
    @override
    def config_type(cls) -> UserConfigSchema:
        """Returns the schema of the configuration: that of Dagster's launcher, and `lost_after_seconds`."""
        seconds = dg.Field(dg.IntSource, is_required=False, default_value=LOST_AFTER_SECONDS)
        theirs: Any = super().config_type()
        return {**theirs, "lost_after_seconds": seconds}

    @classmethod
    @override
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        return cls(inst_data=inst_data, **config_value)

    @override
    def terminate(self, run_id: str) -> bool:
        """Interrupts a run as Ctrl-C does: its loads end at their next page, and it reports what has landed."""
        run = self._instance.get_run_by_id(run_id)
        task = run and run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if not run or run.is_finished or not task:
            return False
        # Else the interrupted run would be a failed one.
        self._instance.report_run_canceling(run)
        self.celery.AsyncResult(task).revoke(terminate=True, signal="SIGINT")
        return True

    @override
    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Returns that a run has failed if its task has, or if no worker has it any more."""
        task = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        state = self.celery.AsyncResult(task).state
        if state in {"SUCCESS", "FAILURE", "REVOKED"}:
            status = WorkerStatus.SUCCESS if state == "SUCCESS" else WorkerStatus.FAILED
            return CheckRunHealthResult(status, f"the state of its Celery task is {state}")
        if self._look_out.is_lost(task):
            return CheckRunHealthResult(WorkerStatus.FAILED, "no Celery worker has its task any more")
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def _find_tasks(self) -> set[str]:
        inspect = self.celery.control.inspect(timeout=ANSWER_SECONDS)
        answers = [inspect.active(), inspect.reserved()]
        return {task["id"] for answer in answers for tasks in (answer or {}).values() for task in tasks}
