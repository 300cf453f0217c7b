"""Fixtures of all tests: the sandbox, its settings and its faults; a repository and a warehouse."""

import gc
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest
import requests

import sandbox
from data_foundation.loading.parallel import Outcome, load_side_by_side
from data_foundation.local.selection import select_tasks
from data_foundation.project.find_sources import find_sources
from data_foundation.warehouses.duckdb.warehouse import DuckDBWarehouse
from data_foundation.warehouses.settings import read_settings
from tests.databases.servers import OPENSSH, find_servers
from tests.support.dbt_builds import Build, build_once
from tests.support.locations import Location
from tests.support.memory_disk import Folders, use_memory_disk
from tests.support.postgres_server import PostgresServer, PostgresTree, run_server
from tests.support.receivers import Receivers, emptied, serve_receivers
from tests.support.trees import Tree

ROOT = Path(__file__).parents[1]

# dlt reads `.dlt/` of the folder in which it is used first: the repository, whichever test comes first.
dlt.current.run_context()

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # A shell makes background processes ignore SIGINT. Dagster then handles SIGTERM in the same way, so processes that
    # a run starts could not be ended, and each would wait a minute for its `tail`.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_instance_of_another_test() -> Iterator[None]:
    """Hides the instance that was entered last from Dagster, which loads definitions with what it has stored.

    It may have ended: instances of fixtures are not left in the reverse order, nor is one that the garbage collector
    finds open. Only definitions of components are stored, and no test stores any.
    """
    with pytest.MonkeyPatch.context() as patch:
        if base := sys.modules.get("dagster._core.storage.defs_state.base"):
            patch.setattr(base.DefsStateStorage, "get", staticmethod(lambda: None))
        yield


FOLDERS = Folders()


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder of the test."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    return FOLDERS.keep(tmp_path_factory.mktemp(f"{name}_{FOLDERS.next_number()}", numbered=False))


@pytest.fixture(scope="session")
def sandbox_url() -> Iterator[str]:
    """A real server that simulates the vendors' APIs."""
    with sandbox.serve_in_background() as url:
        yield url


@pytest.fixture
def sandbox_settings(sandbox_url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Sets every source's settings in the environment, so that it reads from the sandbox."""
    settings = sandbox.settings(sandbox_url)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


@pytest.fixture
def arm_fault(sandbox_url: str) -> Iterator[Callable[..., None]]:
    """A function that arms a fault for a path prefix; all faults are disarmed at the end of the test."""

    def arm(path: str, fault: str, **options: Any) -> None:
        order = {"path": path, "fault": fault, **options}
        requests.post(f"{sandbox_url}/_faults", json=order, timeout=10).raise_for_status()

    yield arm
    requests.delete(f"{sandbox_url}/_faults", timeout=10).raise_for_status()


@pytest.fixture(scope="session")
def running_receivers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receivers]:
    """Servers that receive alerts."""
    with serve_receivers(tmp_path_factory.mktemp("receivers")) as running:
        yield running


@pytest.fixture
def receivers(running_receivers: Receivers) -> Iterator[Receivers]:
    """Receivers of every service, which have received nothing yet, and the settings of their targets."""
    with emptied(running_receivers) as receivers:
        yield receivers


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """An empty checkout with a warehouse of its own."""
    return Tree(tmp_path)


@pytest.fixture(scope="session")
def ingest(sandbox_url: str) -> Callable[[DuckDBWarehouse], None]:
    """A function that loads everything from the sandbox into a warehouse."""
    settings = sandbox.settings(sandbox_url)
    # The sandbox has no data for a folder that somebody added to this checkout.
    names = {key.split("__")[1].lower() for key in settings} | {"personal_finance"}
    tasks = select_tasks(sorted(names), *find_sources(ROOT))

    def load(warehouse: DuckDBWarehouse) -> None:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            outcomes = [event for event in load_side_by_side(tasks, warehouse) if isinstance(event, Outcome)]
        assert [str(outcome.error) for outcome in outcomes if outcome.error] == []

    return load


@pytest.fixture(scope="session")
def loaded_warehouse(
    ingest: Callable[[DuckDBWarehouse], None], tmp_path_factory: pytest.TempPathFactory
) -> DuckDBWarehouse:
    """A warehouse with everything from the sandbox, for reading; a test that writes must copy its folder."""
    folder = tmp_path_factory.mktemp("loaded")
    warehouse = DuckDBWarehouse(folder / "pipelines", str(folder / "warehouse.duckdb"))
    ingest(warehouse)
    return warehouse


@pytest.fixture(scope="session")
def built(loaded_warehouse: DuckDBWarehouse, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A warehouse with everything from the sandbox, in which every model is built."""
    return build_once(loaded_warehouse, tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this test worker."""
    with run_server() as running:
        yield running


@pytest.fixture
def postgres_tree(tmp_path: Path, postgres_server: PostgresServer) -> PostgresTree:
    """An empty checkout with an empty database of PostgreSQL."""
    return PostgresTree(tmp_path, postgres_server.settings(postgres_server.create_database()))


@pytest.fixture(params=["duckdb", "postgres"])
def any_tree(request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    """An empty checkout with an empty warehouse of either kind."""
    if request.param == "postgres":
        postgres_tree: PostgresTree = request.getfixturevalue("postgres_tree")
        return postgres_tree
    (tmp_path / "data").mkdir()
    return Tree(tmp_path)


@pytest.fixture
def location(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Location:
    """An empty repository, with the settings of a fresh checkout, as the current folder."""
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    for name in ("WAREHOUSE", "DEPLOYMENT", "DUCKDB_PATH", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return Location(tmp_path)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options `--live` and `--promises`."""
    parser.addoption("--live", action="store_true", help="test the Snowflake account that the settings name")
    parser.addoption("--promises", action="store_true", help="prove every point and history, not a sample of them")


def pytest_configure() -> None:
    """Chooses the folder of temporary files before any is made."""
    use_memory_disk()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves out the tests of databases that are not available."""
    if collection_path.parent.name == "databases" and collection_path.name.startswith("test_"):
        there, _ = find_servers(read_settings(ROOT), live=config.getoption("--live"))
        return not there or (collection_path.name == "test_mariadb.py" and "mariadb" not in there) or None
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves to `make test-promises` what is marked `rare`, and of a test marked `sampled(n)` all but each nth case."""
    if config.getoption("--promises"):
        return
    cases = Counter[str]()
    left_out = set()
    for item in items:
        name = item.nodeid.partition("[")[0]
        sampled = item.get_closest_marker("sampled")
        if item.get_closest_marker("rare") or (sampled and cases[name] % sampled.args[0]):
            left_out.add(item)
        cases[name] += 1
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """Excludes imported objects from garbage collection, which took a sixth of the tests' CPU."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Prints which servers were left out, and the sums of the counts that tests recorded."""
    for reason in find_servers(read_settings(ROOT), live=config.getoption("--live"))[1]:
        terminalreporter.write_line(f"left out: tests/databases on {reason}")
    if not OPENSSH:
        terminalreporter.write_line("left out: OpenSSH: sshd is not here (on Debian: apt-get install openssh-server)")
    counts = Counter[str]()
    for report in terminalreporter.getreports("passed"):
        counts.update({name: count for name, count in report.user_properties if isinstance(count, int)})
    for name, count in counts.items():
        terminalreporter.write_line(f"{count:,} {name}")
