"""Tests of the launcher for Celery without workers; tests/deploy/test_workers.py runs it with real ones."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from data_foundation.errors import FoundationError
from data_foundation.orchestration.celery_workers.look_out import PAUSE, LookOut
from tests.support.instances import open_instance

PATIENCE = 10.0


@dataclass
class Workers:
    """Workers that answer which tasks they have, and a clock.

    Attributes:
        tasks: Their tasks.
        reachable: Whether the broker can be reached.
        time: Seconds on the clock.
        asked: How often they were asked.
    """

    tasks: set[str] = field(default_factory=lambda: {"run"})
    reachable: bool = True
    time: float = 0.0
    asked: int = 0

    def answer(self) -> set[str]:
        """Returns the tasks."""
        self.asked += 1
        if not self.reachable:
            raise ConnectionError
        return set(self.tasks)

    def look_out(self) -> LookOut:
        """Returns a look-out on this clock."""
        return LookOut(self.answer, PATIENCE, lambda: self.time)


def test_a_task_is_lost_when_no_worker_has_had_it_for_a_while() -> None:
    """A worker that answers late, or once more, has lost nothing; one that is gone has."""
    workers = Workers()
    look_out = workers.look_out()
    found = []
    for tasks in ({"run"}, set[str](), {"run"}, set[str](), set[str](), set[str]()):
        workers.tasks = tasks
        found.append(look_out.is_lost("run"))
        workers.time += PATIENCE / 2
    assert found == [False, False, False, False, False, True]


def test_without_the_broker_nothing_is_lost() -> None:
    """Workers cannot answer while the broker is away, and take a while to come back with it."""
    workers = Workers(tasks=set())
    look_out = workers.look_out()
    assert not look_out.is_lost("run")
    workers.reachable = False
    workers.time = PATIENCE * 10
    with pytest.raises(ConnectionError):
        look_out.is_lost("run")
    workers.reachable = True
    assert not look_out.is_lost("run")
    workers.time += PATIENCE
    assert look_out.is_lost("run")


def test_runs_that_are_checked_together_share_an_answer() -> None:
    """The monitoring checks one run after the other, and each question waits for the workers."""
    workers = Workers(tasks={"run", "other"})
    look_out = workers.look_out()
    assert not any(look_out.is_lost(task) for task in ("run", "other"))
    assert workers.asked == 1
    workers.time += PAUSE
    assert not look_out.is_lost("run")
    assert workers.asked == 2


def test_a_worker_of_another_launcher_does_not_start(tmp_path: Path) -> None:
    """A worker takes broker and settings from `dagster.yaml`, so that must name the launcher."""
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with open_instance(tmp_path), pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(tmp_path))
        with pytest.raises(FoundationError, match=r"run_launcher in dagster\.yaml: got DefaultRunLauncher; accepted"):
            import data_foundation.orchestration.celery_workers.app  # noqa: F401, PLC0415 - the import builds the app
