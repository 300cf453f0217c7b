"""Tests of how the ops of a run share the machine: in parallel in one process, or in processes that start quickly."""

import ast
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run

from data_foundation.orchestration import executor
from data_foundation.orchestration.executor import PRELOADED, side_by_side_executor
from data_foundation.process_wide.masked_output import redacted_output
from data_foundation.process_wide.redaction import remember
from tests.support.instances import open_instance
from tests.support.locations import COMPOSITION, Location

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
WAIT = 60.0

LOOK = """
import gc, multiprocessing, sys
sys.path.insert(0, ".")
from data_foundation.orchestration import executor, factory

def look(results):
    results.put((gc.isenabled(), gc.get_freeze_count()))

if __name__ == "__main__":
    executor.begin_forkserver(executor.preloaded())
    context = multiprocessing.get_context("forkserver")
    results = context.SimpleQueue()
    context.Process(target=look, args=(results,)).start()
    print(*results.get())
"""
MODULES_OF_FACTORY = 100_000
"""The number of objects that importing it creates, at least."""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance with the deployed settings."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text((ROOT / "deploy" / "dagster.yaml").read_text())
    with open_instance(home) as found:
        yield found


def execute(
    instance: dg.DagsterInstance, assets: Sequence[dg.AssetsDefinition], config: Mapping[str, Any] | None = None
) -> tuple[bool, list[dg.DagsterEvent]]:
    """Runs the assets as a run worker does, with our executor; returns whether the run succeeded, and its events."""
    definitions = dg.Definitions(assets=assets, executor=side_by_side_executor)
    job = definitions.resolve_implicit_global_asset_job_def()
    run_config = {"execution": {"config": config}} if config else {}
    run = instance.create_run_for_job(job, run_config=run_config)
    execute_run(InMemoryJob(job), run, instance)
    ended = instance.get_run_by_id(run.run_id)
    events = [entry.dagster_event for entry in instance.all_logs(run.run_id) if entry.dagster_event]
    return bool(ended and ended.is_success), events


class Crowd:
    """Counts how many callers work at the same time, each for `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.most = self._running = 0
        self._seconds, self._lock = seconds, threading.Lock()

    def work(self) -> None:
        """Works for `seconds`."""
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
        time.sleep(self._seconds)
        with self._lock:
            self._running -= 1


def make(name: str, body: Callable[[], object], **options: Any) -> dg.AssetsDefinition:
    """Returns an asset that calls `body`."""

    def made() -> None:
        body()

    asset: dg.AssetsDefinition = dg.asset(name=name, **options)(made)
    return asset


def keys(events: Sequence[dg.DagsterEvent], kind: dg.DagsterEventType) -> list[str | None]:
    """Returns the step keys of the events of a type, in order."""
    return [event.step_key for event in events if event.event_type == kind]


def test_ops_run_in_parallel_in_one_process(instance: dg.DagsterInstance) -> None:
    """Three ops that wait for each other succeed, because they run at once in the process of the run."""
    together, pids = threading.Barrier(3), set()

    def meet() -> None:
        together.wait(WAIT)
        pids.add(os.getpid())

    succeeded, events = execute(instance, [make(f"op_{number}", meet) for number in range(3)])
    assert succeeded
    assert pids == {os.getpid()}
    assert sorted(map(str, keys(events, dg.DagsterEventType.STEP_SUCCESS))) == ["op_0", "op_1", "op_2"]


def test_max_concurrent_limits_the_running_ops(instance: dg.DagsterInstance) -> None:
    """`max_concurrent` of the run limits the number of running ops."""
    crowd = Crowd(0.1)
    assets = [make(f"op_{number}", crowd.work) for number in range(5)]
    assert execute(instance, assets, {"side_by_side": {"max_concurrent": 2}})[0]
    assert crowd.most == 2


def test_an_op_waits_for_its_upstreams_and_a_failure_skips_only_its_downstreams(instance: dg.DagsterInstance) -> None:
    """An op starts after its upstreams; the downstream ops of a failed op never start."""
    done: list[str] = []

    def fail() -> None:
        raise ValueError("no")

    def take_time() -> None:
        time.sleep(0.3)
        done.append("above")

    assets = [
        make("above", take_time),
        make("below", lambda: done.append("below"), deps=["above"]),
        make("broken", fail),
        make("lost", lambda: done.append("lost"), deps=["broken"]),
    ]
    succeeded, events = execute(instance, assets)
    assert not succeeded
    assert done == ["above", "below"]
    assert keys(events, dg.DagsterEventType.STEP_FAILURE) == ["broken"]


def test_ops_of_one_pool_take_turns(instance: dg.DagsterInstance) -> None:
    """A pool also applies within a run: one of its ops runs at a time, in parallel with ops of other pools."""
    crowd = Crowd(0.2)
    assert execute(instance, [make(f"op_{number}", crowd.work, pool="shop") for number in range(3)])[0]
    assert crowd.most == 1


def test_an_op_is_retried(instance: dg.DagsterInstance) -> None:
    """An op is retried as its retry policy allows."""
    attempts: list[int] = []

    def fail_once() -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError("not yet")

    succeeded, events = execute(instance, [make("op", fail_once, retry_policy=dg.RetryPolicy(max_retries=1))])
    assert succeeded
    assert len(attempts) == 2
    assert keys(events, dg.DagsterEventType.STEP_RESTARTED) == ["op"]


def test_hooks_are_called(instance: dg.DagsterInstance) -> None:
    """A hook is called after its op."""
    called: list[str] = []

    @dg.success_hook
    def note(context: dg.HookContext) -> None:
        called.append(context.op.name)

    asset = make("op", lambda: None, hooks={note})
    assert execute(instance, [asset])[0]
    assert called == ["op"]


RARE = pytest.mark.rare


@pytest.mark.parametrize(
    "mode", ["side_by_side", pytest.param("in_process", marks=RARE), pytest.param("multiprocess", marks=RARE)]
)
def test_a_cancelled_run_stops_its_loads(location: Location, mode: str) -> None:
    """The signal that Dagster sends ends a run whose source blocks for ever, under each executor."""
    blocks = "import time\nfrom pathlib import Path\n\n\ndef get_rows():\n    Path('began').touch()\n"
    location.add("shop", data=f"{blocks}    time.sleep(3600)\n    yield {{'id': 1}}\n")
    process = start(location, "raw/shop", {mode: {}})
    deadline = time.monotonic() + WAIT
    while not (location.root / "began").exists():
        assert time.monotonic() < deadline, (location.root / "run.log").read_text()[-4000:]
        time.sleep(0.1)
    with open_instance(location.root / "home") as found:
        [run] = found.get_runs()
        # This is the signal of the button "Terminate".
        found.report_run_canceling(run)
        stopped = time.monotonic()
        process.terminate()
        process.wait(WAIT)
        assert time.monotonic() - stopped < 20
        [run] = found.get_runs()
        failed = [entry.dagster_event for entry in found.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)]
        assert run.status == dg.DagsterRunStatus.CANCELED
        assert [event.step_key for event in failed if event] == ["shop"]


@pytest.mark.parametrize("signals", [1, 2])
def test_a_run_gives_up_on_an_op_that_does_not_react(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, signals: int
) -> None:
    """The run ends and its slot is free, though an op of a user ignores the interrupt; at once after a second one."""
    monkeypatch.setattr(executor, "END_SECONDS", 1.0 if signals == 1 else WAIT)
    released = threading.Event()

    def ignore() -> None:
        for _ in range(signals):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.5)
        released.wait(WAIT)

    started = time.monotonic()
    succeeded, events = execute(instance, [make("op", ignore, pool="shop")])
    assert not succeeded
    assert time.monotonic() - started < WAIT / 2
    assert keys(events, dg.DagsterEventType.PIPELINE_FAILURE) == [None]
    assert instance.event_log_storage.get_concurrency_info("shop").claimed_slots == []
    released.set()


IMPORTED = """
import os
from pathlib import Path

(Path(__file__).parent / f"imported_{os.getpid()}").touch()


def get_rows():
    (Path(__file__).parent / f"read_{os.getpid()}").touch()
    yield {"id": 1}
"""


def start(location: Location, select: str, config: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    """Starts a run of some assets in a process of its own; its output is in run.log."""
    location.write("definitions.py", COMPOSITION)
    location.write("home/dagster.yaml", (ROOT / "deploy" / "dagster.yaml").read_bytes())
    environment = {**os.environ, "DAGSTER_HOME": str(location.root / "home"), "PYTHONPATH": str(ROOT)}
    command = [str(BIN / "dagster"), "asset", "materialize", "-f", "definitions.py", "--select", select]
    with location.write("run.log", "").open("wb") as log:
        run_config = json.dumps({"execution": {"config": config}})
        return subprocess.Popen(
            [*command, "--config-json", run_config], cwd=location.root, env=environment, stdout=log, stderr=log
        )


@pytest.mark.parametrize("mode", ["side_by_side", "multiprocess", "in_process"])
def test_a_source_that_is_not_selected_is_never_imported(location: Location, mode: str) -> None:
    """A run of one source imports that source once, in the process that reads it, and no other source."""
    location.add("north", data=IMPORTED)
    location.add("south", data=IMPORTED)
    process = start(location, "raw/north", {mode: {}})
    assert process.wait(WAIT) == 0, (location.root / "run.log").read_text()[-4000:]
    assert list(location.root.glob("dlthub/south/*_*")) == []
    [imported] = location.root.glob("dlthub/north/imported_*")
    [read] = location.root.glob("dlthub/north/read_*")
    own = str(process.pid)
    assert imported.name.split("_")[1] == read.name.split("_")[1]
    assert (read.name.split("_")[1] == own) == (mode != "multiprocess")
    assert location.query("select count(*) from raw.north") == [(1,)]


def test_output_stays_masked_until_the_last_op_has_ended(capsys: pytest.CaptureFixture[str]) -> None:
    """Ops share the output of their process: the end of one op does not end the masking for the others."""
    remember(["hunter2-canary"])
    first, second = redacted_output(), redacted_output()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    print("still hunter2-canary")  # noqa: T201 - the output under test
    second.__exit__(None, None, None)
    print("after")  # noqa: T201 - the same
    assert capsys.readouterr().out == "still ***\nafter\n"


@pytest.mark.parametrize("module", PRELOADED)
def test_preloaded_modules_exist(module: str) -> None:
    """If Dagster moved a preloaded module, every op's process would import it again without a warning."""
    assert importlib.util.find_spec(module)


def test_only_modules_of_the_location_are_preloaded() -> None:
    """A location without dbt does not import dbt before its first op; one with dbt imports it once."""
    code = "from data_foundation.orchestration import factory, executor; print(executor.preloaded()); "
    code += "import data_foundation.orchestration.dbt_models.assets; print(executor.preloaded())"
    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    without, with_dbt = map(ast.literal_eval, printed.splitlines())
    assert without == ["data_foundation.process_wide.preload", "data_foundation.orchestration.factory"]
    assert with_dbt == [*without, "data_foundation.orchestration.dbt_models.assets"]


def test_modules_imported_before_the_fork_are_not_collected(tmp_path: Path) -> None:
    """A process of `multiprocess` collects garbage, except in the modules that it shares with other processes."""
    script = tmp_path / "look.py"
    script.write_text(LOOK)
    printed = subprocess.run([sys.executable, script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    enabled, frozen = printed.split()
    assert enabled == "True"
    assert int(frozen) > MODULES_OF_FACTORY
