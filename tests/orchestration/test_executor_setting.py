"""Tests of the executor that a deployment chooses: by the setting `EXECUTOR`, or by an argument."""

import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from data_foundation.errors import FoundationError
from data_foundation.orchestration.executor import side_by_side_executor
from data_foundation.orchestration.factory import build_definitions
from tests.support.locations import Location

ROOT = Path(__file__).parents[2]
NAMES = {
    "": side_by_side_executor,
    "side_by_side": side_by_side_executor,
    "in_process": dg.in_process_executor,
    "multiprocess": dg.multiprocess_executor,
    "dagster.multi_or_in_process_executor": dg.multi_or_in_process_executor,
}


@pytest.mark.parametrize(("name", "executor"), NAMES.items(), ids=lambda value: value or "not set")
def test_the_setting_names_the_executor(
    location: Location, monkeypatch: pytest.MonkeyPatch, name: str, executor: dg.ExecutorDefinition
) -> None:
    """`EXECUTOR` is a name of ours, or the import path of any executor; without it, ops are threads of one process."""
    monkeypatch.setenv("EXECUTOR", name)
    assert location.definitions().executor is executor


def test_the_env_file_has_the_setting(location: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env` sets it as well."""
    # Undone after the test, together with what the file sets.
    monkeypatch.setenv("EXECUTOR", "")
    monkeypatch.delenv("EXECUTOR")
    location.write(".env", "EXECUTOR=in_process\n")
    assert location.definitions().executor is dg.in_process_executor


def test_an_argument_wins_over_the_setting(location: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    """`build_definitions(executor=...)` takes any executor, whatever the setting is."""
    monkeypatch.setenv("EXECUTOR", "nowhere")
    threads = dg.multiprocess_executor.configured({"max_concurrent": 2}, name="two")
    assert build_definitions(location.root, executor=threads).executor is threads


REFUSED = {
    "sidebyside": "got 'sidebyside'; accepted: side_by_side, in_process, multiprocess, or the import path.*"
    r"Did you mean 'side_by_side'\?",
    "celery": r"got 'celery'; accepted: .*k8s_job_executor$",
    "no_such_package.executor": "no_such_package.executor cannot be imported: No module named 'no_such_package'; "
    "accepted: .* Install the executor's package",
    "dagster.no_such_executor": "dagster.no_such_executor cannot be imported: .*no attribute 'no_such_executor'",
    ".in_process_executor": "got '.in_process_executor'; accepted: ",
    "dagster..executor": "dagster..executor cannot be imported: ",
    "os.path.join": "os.path.join is an object of type function, no Dagster executor; accepted: side_by_side",
}


@pytest.mark.parametrize(("name", "message"), REFUSED.items())
def test_what_is_no_executor_is_refused_by_name(
    location: Location, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    """The error names the setting, what it was set to, what is accepted, and what to do."""
    monkeypatch.setenv("EXECUTOR", name)
    with pytest.raises(FoundationError, match=f"^EXECUTOR: {message}"):
        build_definitions(location.root)


def test_a_code_location_with_another_executor_imports_none_of_ours(location: Location) -> None:
    """A deployment with Dagster's own executor does not depend on the internals that ours uses."""
    code = "import sys; from pathlib import Path; from data_foundation import build_definitions; "
    code += f"build_definitions(Path({str(location.root)!r})); print(*sys.modules)"
    environment = {"PATH": "", "EXECUTOR": "multiprocess", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=location.root, env=environment, capture_output=True, text=True, check=True
    )
    found = set(re.findall(r"data_foundation\.orchestration\.\w+", done.stdout))
    assert "data_foundation.orchestration.factory" in found
    assert not found & {f"data_foundation.orchestration.{name}" for name in ("executor", "event_log")}
