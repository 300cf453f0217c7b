"""Tests of how the launcher recognises that the process of a run is gone."""

import multiprocessing
import os
import subprocess
import sys
import time

import psutil

from data_foundation.orchestration.run_launcher import is_alive, is_process_of


def test_a_process_is_alive_until_it_ends() -> None:
    """A process is alive from its start on, and neither as a zombie nor when it is gone."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    time.sleep(0.1)
    assert is_alive(process.pid, time.time())
    process.kill()
    deadline = time.monotonic() + 10
    while is_alive(process.pid, time.time()):
        assert time.monotonic() < deadline
    process.wait()
    assert not is_alive(process.pid, time.time())


def test_a_process_that_has_the_id_by_now_is_not_the_run() -> None:
    """A process that began later than the run, and is none of a code server, only has the id of the run's."""
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert not is_alive(other.pid, time.time() - 3600)
    other.kill()
    other.wait()
    assert is_alive(os.getpid(), time.time())


def test_a_jump_of_the_clock_ends_no_run() -> None:
    """A process that a code server could have started is alive, though it seems to have begun after the run."""
    run = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    run.start()
    assert run.pid
    while not any("multiprocessing" in word for word in psutil.Process(run.pid).cmdline()):
        time.sleep(0.05)  # it is still a copy of this process
    assert is_alive(run.pid, time.time() - 3600)
    run.kill()
    run.join()


def test_only_the_process_of_the_run_receives_a_signal() -> None:
    """A process that has begun after the run, or has ended, is not interrupted, whatever started it."""
    run = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    run.start()
    assert run.pid
    assert is_process_of(run.pid, time.time())
    assert not is_process_of(run.pid, time.time() - 3600)
    run.kill()
    run.join()
    assert not is_process_of(run.pid, time.time())
