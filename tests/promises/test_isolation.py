"""Resources of one source are isolated: a failed or slow one affects no other, and is retried alone.

tests/orchestration/test_automation.py tests that automation builds the models of the tables that landed.
"""

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from data_foundation.orchestration.factory import build_definitions
from data_foundation.orchestration.ops import run as ingestion
from tests.promises import killed
from tests.promises.deployed import Deployment
from tests.support.trees import Tree

ROOT = Path(__file__).parents[2]
TEN = [f"t{number}" for number in range(10)]
WAITING = '''
import time
from pathlib import Path

FOLDER = Path(__file__).parent


def get_rows(name):
    """Yields a row, and another when <name>.waits is gone."""
    yield {"id": 1}
    FOLDER.joinpath(f"{name}.begun").touch()
    deadline = time.monotonic() + 60
    while FOLDER.joinpath(f"{name}.waits").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    yield {"id": 2}
'''


def keys(*names: str) -> set[str]:
    """Returns the keys of tables and their child tables."""
    return {f"raw/{name}{child}" for name in names for child in ("", "__lines")}


def read(deployment: Deployment) -> list[str]:
    """Returns the sorted resources of `shop` that were read since the last call."""
    file = deployment.location.root / "dlthub" / "shop" / "read.txt"
    names = file.read_text().split()
    file.unlink()
    return sorted(names)


def wait(condition: Callable[[], object]) -> None:
    """Waits until the condition holds."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.xdist_group("deployment")
def test_eight_of_ten_land_and_only_the_failed_two_run_again(deployment: Deployment) -> None:
    """One of ten fails in extraction, one in loading: eight land, the error names the two, and only they run again."""
    location = deployment.location
    fails = location.write("dlthub/shop/t3.fails", "")
    warehouse = str(location.write("data/.keep", "").with_name("warehouse.duckdb"))
    with duckdb.connect(warehouse) as connection:
        connection.execute("create schema if not exists raw")
        connection.execute("create table raw.t7 (id bigint check (id < 2), _dlt_load_id text, _dlt_id text)")
    first = deployment.launch(*keys(*TEN))
    assert deployment.ended(first).status is dg.DagsterRunStatus.FAILURE
    assert deployment.materialized(first) == keys(*set(TEN) - {"t3", "t7"})
    for found in deployment.materializations(first):
        table, metadata = found.asset_key.path[-1], {name: value.value for name, value in found.metadata.items()}
        assert metadata["dagster/table_name"] == f"warehouse.raw.{table}"
        assert metadata["dagster/row_count"] == (4 if table.endswith("__lines") else 2)
        schema = metadata["dagster/column_schema"]
        assert isinstance(schema, dg.TableSchema)
        assert {column.name for column in schema.columns} > {"n" if table.endswith("__lines") else "id"}
        assert table.endswith("__lines") or (metadata["rows_loaded"], bool(metadata["load_id"])) == (2, True)
    [failed] = deployment.events(first, dg.DagsterEventType.STEP_FAILURE)
    message = failed.dagster_event.step_failure_data.error.message
    summary, *causes = message.split("\n- ")
    assert summary.endswith("2 of 10 resources of shop failed; the others landed:")
    t3, t7 = sorted(causes)
    assert "raw.t3 failed while extracting at dlthub/shop/data.py:14 in get_rows: ValueError: no t3 today\n" in t3
    assert "Hint: nothing was written; `foundation preview shop.t3` shows" in t3
    assert "raw.t7 failed while loading: DatabaseTerminalException: Constraint Error: CHECK constraint" in t7
    assert "Hint: nothing of it was written; the next run tries it once more, then sets it aside" in t7
    assert read(deployment) == TEN
    fails.unlink()
    with duckdb.connect(warehouse) as connection:
        connection.execute("drop table raw.t7")
    second = deployment.reexecute(first)
    assert deployment.ended(second).status is dg.DagsterRunStatus.SUCCESS, deployment.log_of(second)
    assert {key.to_user_string() for key in deployment.run(second).asset_selection or ()} == keys("t3", "t7")
    assert deployment.materialized(second) == keys("t3", "t7")
    assert read(deployment) == ["t3", "t7"]
    rows = location.query(" union all ".join(f"select count(*) from raw.{name}" for name in TEN))
    assert rows == [(2,)] * 10


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance whose event log can be read while a run writes it."""
    folder = tmp_path / "history"
    folder.mkdir()
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        yield instance


def materialize(tree: Tree, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """Loads every table of a project in one run."""
    assets = build_definitions(tree.root, tree.warehouse).assets or ()
    ops = [found for found in assets if isinstance(found, dg.AssetsDefinition)]
    return dg.materialize(ops, instance=instance, raise_on_error=False)


@contextmanager
def running(tree: Tree, instance: dg.DagsterInstance) -> Iterator[None]:
    """Runs every table of a project in the background; the run must succeed."""
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(materialize, tree, instance)
        yield
        assert run.result().success


def landed(instance: dg.DagsterInstance, tables: Sequence[str]) -> set[str]:
    """Returns the tables whose materialisation is in the event log."""
    return {name for name in tables if instance.get_latest_materialization_event(dg.AssetKey(["raw", name]))}


def add_waiting(tree: Tree, *tables: str, concurrency: int = 4) -> Path:
    """Writes the source `shop`, whose tables wait while a file exists; returns the folder of these files."""
    lines = [f"  - {{entry: data.get_rows, args: [{name}], destination: raw.{name}}}" for name in tables]
    return tree.add("shop", "\n".join([f"source: {{max_concurrency: {concurrency}}}", "resources:", *lines]), WAITING)


def test_a_slow_resource_does_not_delay_others(tree: Tree, instance: dg.DagsterInstance) -> None:
    """While one of six is still extracted, the other five are already materialised in the event log."""
    folder = add_waiting(tree, "slow", *TEN[:5])
    slow = folder / "slow.waits"
    slow.touch()
    with running(tree, instance):
        wait(lambda: landed(instance, TEN[:5]) == set(TEN[:5]))
        assert (folder / "slow.begun").exists()
        assert not landed(instance, ["slow"])
        slow.unlink()
    assert landed(instance, ["slow"])


@pytest.mark.parametrize("most", [1, 3])
def test_max_concurrency_limits_extraction(tree: Tree, instance: dg.DagsterInstance, most: int) -> None:
    """Of five slow tables, as many are extracted at a time as `max_concurrency` allows."""
    folder = add_waiting(tree, *TEN[:5], concurrency=most)
    for name in TEN[:5]:
        (folder / f"{name}.waits").touch()
    with running(tree, instance):
        wait(lambda: len(list(folder.glob("*.begun"))) == most)
        time.sleep(0.5)
        assert len(list(folder.glob("*.begun"))) == most
        for file in folder.glob("*.waits"):
            file.unlink()
    assert landed(instance, TEN) == set(TEN[:5])


STREAMED = """
import resource, sys
from pathlib import Path

import dagster as dg

from tests.promises.test_isolation import materialize
from tests.support.trees import Tree

with dg.DagsterInstance.ephemeral() as instance:
    assert materialize(Tree(Path(sys.argv[1])), instance).success
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
PAGES = """
import pyarrow as pa


def get_rows():
    for page in range(20):
        numbers = range(page * 10_000, (page + 1) * 10_000)
        yield pa.table({"id": numbers, "text": [f"row {number}, one of so many" for number in numbers]})
"""


@pytest.mark.rare
def test_memory_stays_flat(tmp_path: Path) -> None:
    """Ten tables of 200,000 rows need little more memory than one, because rows are streamed."""
    peaks = {}
    for count in (1, 10):
        tree = Tree(tmp_path / str(count))
        lines = [f"  - {{entry: data.get_rows, destination: raw.{name}}}" for name in TEN[:count]]
        tree.add("shop", "\n".join(["resources:", *lines]), PAGES)
        command = [sys.executable, "-c", STREAMED, str(tree.root)]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        peaks[count] = float(done.stdout.split()[-1])
        assert tree.query(" union all ".join(f"select count(*) from raw.{name}" for name in TEN[:count])) == (
            [200_000] * count
        )
    assert peaks[10] < 1.5 * peaks[1], peaks


FALTERING = """
import time
from pathlib import Path

FOLDER = Path(__file__).parent


def get_rows():
    with FOLDER.joinpath("times.txt").open("a") as times:
        for page in range(3):
            times.write(f"{time.time()} ")
            yield [{"id": page * 100 + row} for row in range(100)]
            time.sleep(0.3)
            if page == 1 and FOLDER.joinpath("fails").exists():
                FOLDER.joinpath("fails").unlink()
                raise ConnectionError("the vendor hung up")
        times.write(f"{time.time()} ")
"""


def add_faltering(tree: Tree) -> Path:
    """Writes source `shop`, which records the times of its pages and fails if a file exists; returns its folder."""
    settings = "destination: raw.rows, write_disposition: append, retries: {max: 1, backoff: 0.1}"
    return tree.add("shop", f"resources: [{{entry: data.get_rows, {settings}}}]", FALTERING)


def messages(instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> list[tuple[float, int, str]]:
    """Returns time, level and text of the messages of a run about the table `rows`, in order."""
    logs = [(log.timestamp, int(log.level), log.user_message) for log in instance.all_logs(result.run_id)]
    return [(at, level, text.removeprefix("raw.rows: ")) for at, level, text in logs if text.startswith("raw.rows: ")]


def test_progress_is_logged_as_it_happens(
    tree: Tree, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event log has the row count of each page before the next is extracted, and later phases after the last."""
    monkeypatch.setattr(ingestion, "PROGRESS_SECONDS", 0.0)
    folder = add_faltering(tree)
    result = materialize(tree, instance)
    assert result.success
    pages = [float(at) for at in (folder / "times.txt").read_text().split()]
    logged = messages(instance, result)
    for number, rows in enumerate((100, 200, 300)):
        at = next(at for at, _, text in logged if text == f"extract, {rows} rows")
        assert pages[number] < at < pages[number + 1]
    phases = [text.split(",")[0] for at, _, text in logged if at > pages[-1]]
    assert [phase for phase in dict.fromkeys(phases) if phase != "extract"] == ["normalize", "load", "done"]


def test_a_failed_attempt_is_logged_with_its_counts(tree: Tree, instance: dg.DagsterInstance) -> None:
    """The row count, the error and the start of the next attempt are logged as a warning before that attempt."""
    folder = add_faltering(tree)
    (folder / "fails").touch()
    result = materialize(tree, instance)
    assert result.success
    [(at, text)] = [(at, text) for at, _, text in messages(instance, result) if text.endswith(" s")]
    expected = "attempt 1 failed in extract after 200 rows: ConnectionError: the vendor hung up; attempt 2 of 2 in 0."
    assert text.startswith(expected)
    assert {level for _, level, logged in messages(instance, result) if logged == text} == {logging.WARNING}
    pages = [float(at) for at in (folder / "times.txt").read_text().split()]
    assert pages[1] < at < pages[2]
    assert tree.query("select count(*) from raw.rows") == [300]


def test_a_waiting_run_names_the_holder(tree: Tree, instance: dg.DagsterInstance) -> None:
    """A warning names the run and the process that hold the table, while they hold it."""
    folder = add_waiting(tree, "rows")
    (folder / "rows.waits").touch()
    first = killed.start(tree, "shop.rows", run_id="night")
    wait((folder / "rows.begun").exists)
    with running(tree, instance):
        wait(instance.get_runs)
        [run] = instance.get_runs()
        expected = f"raw.rows: waiting for run night, process {first.pid} on "
        wait(lambda: any(log.user_message.startswith(expected) for log in instance.all_logs(run.run_id)))
        assert first.is_alive()
        (folder / "rows.waits").unlink()
    first.join()
    assert tree.query("select count(*) from raw.rows") == [4]
