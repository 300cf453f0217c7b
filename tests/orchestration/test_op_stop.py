"""Tests of how an op that waits for a process ends it when the run is stopped."""

import subprocess
import sys
import time
from collections.abc import Iterator

import dagster as dg
import pytest

from data_foundation.orchestration.ops import stop as module
from data_foundation.orchestration.ops.stop import OpStop, ending, op_stop

OBEYS = "print('began', flush=True); import time; time.sleep(60)"
IGNORES = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {OBEYS}"


@pytest.fixture
def requested(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpStop]:
    """The stop of an op that runs in this thread; a process has one second to end."""
    monkeypatch.setattr(module, "GRACE_SECONDS", 1.0)
    stop = OpStop()
    token = op_stop.set(stop)
    yield stop
    op_stop.reset(token)


def begin(code: str) -> "subprocess.Popen[bytes]":
    """Starts a process and waits until it has begun."""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout
    assert process.stdout.readline() == b"began\n"
    return process


def read_after_stop(process: "subprocess.Popen[bytes]", requested: OpStop) -> None:
    """Requests a stop and waits for the process, whose exit code is an error."""
    assert requested.is_obeyed
    requested.request()
    subprocess.CompletedProcess("dbt", process.wait()).check_returncode()


@pytest.mark.parametrize(("code", "by"), [(OBEYS, -2), (IGNORES, -9)], ids=["obeys", "ignores"])
def test_a_stop_ends_the_process(requested: OpStop, code: str, by: int) -> None:
    """The process is interrupted, and killed if it ignores that; the op fails once, with what is in the warehouse."""
    process = begin(code)
    started = time.monotonic()
    with pytest.raises(dg.Failure, match="stopped: dbt was interrupted") as failed, ending(process, "dbt"):
        read_after_stop(process, requested)
    assert time.monotonic() - started < 20
    assert process.wait() == by
    assert not failed.value.allow_retries


def test_a_process_that_was_not_stopped_keeps_its_error(requested: OpStop) -> None:
    """Without a stop the error of the block is raised, and the process has ended."""
    process = begin(OBEYS)
    with pytest.raises(ValueError, match="of the block"), ending(process, "dbt"):
        raise ValueError("of the block")
    assert process.wait() == -9
    assert not requested.is_obeyed


def test_an_executor_of_dagster_sees_its_interrupt() -> None:
    """If dagster-dbt has forwarded an interrupt in vain, the run is interrupted, and the process killed."""
    process = begin(IGNORES)
    with pytest.raises(dg.DagsterExecutionInterruptedError), ending(process, "dbt"):
        process.wait(0.1)
    assert process.wait() == -9
