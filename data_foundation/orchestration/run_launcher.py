"""Dagster's run launcher of one machine, which also knows whether the process of a run is alive."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress

import dagster as dg
import psutil
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from typing_extensions import override

from data_foundation.orchestration.history.private_files import keep_private

SERVER = ".dagster/grpc_info"
"""The tag of a run with the address of the code server that has started its process."""

HERE = (None, "localhost", "127.0.0.1")
"""Hosts of a code server of this machine; None if it has a socket."""


class LocalRunLauncher(dg.DefaultRunLauncher):
    """Starts runs as Dagster does by default; `run_monitoring` then fails a run whose process has died.

    In Dagster 1.13.27 only the code server that has started a run notices that its process is gone. If both were
    killed, for instance by a reboot, the run stays STARTED, and holds the slot of its pool, until
    `max_runtime_seconds`, which would also end a long run that is well. A run whose code server was killed cannot be
    terminated: it is marked as canceled after `cancel_timeout_seconds`, and loads on. `dagster.yaml` names this class
    under `run_launcher`.
    """

    @override
    def register_instance(self, instance: dg.DagsterInstance) -> None:
        """Lets only the owner read the history, in each process that starts or watches runs."""
        super().register_instance(instance)
        keep_private(instance.root_directory)

    @override
    def terminate(self, run_id: str) -> bool:
        """Interrupts a run through its code server; or by its process id, if that server has ended or was replaced."""
        run = self._instance.get_run_by_id(run_id)
        started = self._started(run) if run and not run.is_finished else None
        if not started or not is_process_of(*started):
            return self._terminate_by_server(run_id)
        with suppress(dg.DagsterError):
            if self._terminate_by_server(run_id):
                return True
        os.kill(started[0], signal.SIGINT)
        return True

    def _terminate_by_server(self, run_id: str) -> bool:
        return bool(super().terminate(run_id))  # type: ignore[no-untyped-call] # Dagster's own

    @property
    @override
    def supports_check_run_worker_health(self) -> bool:
        return True

    @override
    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Returns that a run has failed if its process is gone; a run of another machine counts as running."""
        started = self._started(run)
        if started is None or is_alive(*started):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"its process {started[0]} does not exist any more")

    def _started(self, run: dg.DagsterRun) -> tuple[int, float] | None:
        """Returns the id of a run's process, and when it had started; None if that is unknown or elsewhere."""
        server = run.tags.get(SERVER)
        if server is None or json.loads(server).get("host") not in HERE:
            return None
        for entry in self._instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
            pid = entry.dagster_event and entry.dagster_event.engine_event_data.metadata.get("pid")
            if pid is not None:
                return int(str(pid.value)), entry.timestamp
        return None


def is_process_of(pid: int, moment: float) -> bool:
    """Returns whether a process certainly is that of a run: unlike `is_alive`, False if the clock has jumped back.

    Args:
        pid: The id of the process.
        moment: A time at which the run's process ran, in seconds since 1970.
    """
    try:
        return bool(psutil.Process(pid).create_time() <= moment)
    except psutil.Error:
        return False


def is_alive(pid: int, moment: float) -> bool:
    """Returns whether the process of a run still runs.

    Its id may be that of another process by now, which began after the run. A jump of the clock moves the start of a
    process too, so one that `multiprocessing` has started, as the code server starts a run, counts as alive.

    Args:
        pid: The id of the process.
        moment: A time at which it ran, in seconds since 1970.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return process.create_time() <= moment or any("multiprocessing" in word for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
