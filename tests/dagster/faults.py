"""The ways in which a run, or a service of Dagster, is stopped or killed, and what becomes of the run."""

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dagster import DagsterRunStatus

from tests.dagster.services import Services


@dataclass(frozen=True)
class Fault:
    """A fault that ends a run, or from which a run does not suffer.

    Attributes:
        strike: Makes it happen to a deployment and a run; services that were killed run again afterwards.
        status: How the run ends: SUCCESS if the fault does not concern it.
        of_queued: How a run ends that has not begun.
        is_killed: True if the process of the run has no chance to end its loads.
        is_dev: True if it is about `dagster dev`, not about services of their own.
    """

    strike: Callable[[Services, str], None]
    status: DagsterRunStatus
    of_queued: DagsterRunStatus = DagsterRunStatus.SUCCESS
    is_killed: bool = False
    is_dev: bool = False


def _send(number: signal.Signals) -> Callable[[Services, str], None]:
    return lambda services, run: os.kill(services.process_of(run), number)


def _interrupt_dev(services: Services, _run: str) -> None:
    """Presses Ctrl-C once in the terminal of `dagster dev`, and starts it again after its end."""
    os.killpg(services.process("dev").pid, signal.SIGINT)
    services.process("dev").wait(60)
    services.start("dev")


def _reboot(services: Services, _run: str) -> None:
    services.kill_all()
    services.start()


def _terminate_after_code_server(services: Services, run: str) -> None:
    services.replace("code-server")
    services.terminate(run)


FAULTS: Mapping[str, Fault] = {
    "terminate": Fault(
        lambda services, run: services.terminate(run), DagsterRunStatus.CANCELED, DagsterRunStatus.CANCELED
    ),
    "force terminate": Fault(
        lambda services, run: services.terminate(run, force=True), DagsterRunStatus.CANCELED, DagsterRunStatus.CANCELED
    ),
    "SIGTERM to the run": Fault(_send(signal.SIGTERM), DagsterRunStatus.FAILURE),
    "kill -9 of the run": Fault(_send(signal.SIGKILL), DagsterRunStatus.FAILURE, is_killed=True),
    "kill -9 of the daemon": Fault(lambda services, _: services.replace("daemon"), DagsterRunStatus.SUCCESS),
    "kill -9 of the webserver": Fault(lambda services, _: services.replace("webserver"), DagsterRunStatus.SUCCESS),
    "kill -9 of the code server": Fault(lambda services, _: services.replace("code-server"), DagsterRunStatus.SUCCESS),
    "kill -9 of the code server, terminate": Fault(
        _terminate_after_code_server, DagsterRunStatus.CANCELED, DagsterRunStatus.CANCELED
    ),
    "reboot": Fault(_reboot, DagsterRunStatus.FAILURE, is_killed=True),
    "Ctrl-C on dagster dev": Fault(_interrupt_dev, DagsterRunStatus.FAILURE, is_dev=True),
}

IMPOSSIBLE: Mapping[tuple[str, str], str] = {
    ("SIGTERM to the run", "queued"): "a run in the queue has no process",
    ("kill -9 of the run", "queued"): "a run in the queue has no process",
}
"""Pairs of fault and phase that cannot be, with the reason."""
