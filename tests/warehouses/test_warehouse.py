"""Tests of one DuckDB file used by several processes and threads, one at a time."""

import multiprocessing
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from data_foundation.errors import SettingMissing, WarehouseBusy, WarehouseError
from data_foundation.warehouses.alchemy.warehouse import AlchemyWarehouse
from data_foundation.warehouses.duckdb import warehouse as module
from data_foundation.warehouses.duckdb.warehouse import DuckDBWarehouse
from data_foundation.warehouses.settings import build_warehouse
from data_foundation.warehouses.snowflake.warehouse import SnowflakeWarehouse
from tests.support.trees import Tree

ROOT = Path(__file__).parents[2]
TWO_TABLES = """
resources:
  - {entry: data.get_rows, destination: raw.a, write_disposition: append}
  - {entry: data.get_rows, destination: raw.b, write_disposition: append}
"""
HOLDING = """
import sys, time
from pathlib import Path
from data_foundation.warehouses.duckdb.warehouse import DuckDBWarehouse

with DuckDBWarehouse(Path("work"), sys.argv[1]).exclusive():
    print("held", flush=True)
    time.sleep(60)
"""


def load_often(root: Path, name: str) -> None:
    """Loads a table three times; runs in a process of its own."""
    for _ in range(3):
        Tree(root).load(name)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("tables", [("shop.a", "shop.b"), ("shop.a", "shop.a")], ids=["two tables", "one table"])
def test_two_processes_load_into_one_file(tree: Tree, tables: tuple[str, str]) -> None:
    """Two processes on one file, even on one table, wait for each other; no row is lost or duplicated."""
    tree.add("shop", TWO_TABLES)
    tree.give("shop", [{"id": 1}])
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=load_often, args=(tree.root, name)) for name in tables]
    for process in processes:
        process.start()
    for process in processes:
        process.join(90)
    assert [process.exitcode for process in processes] == [0, 0]
    assert sum(tree.query(f"select count(*) from raw.{name[5:]}")[0] for name in set(tables)) == 6


def test_two_threads_load_into_one_file(tree: Tree) -> None:
    """The same for two threads of one process."""
    tree.add("shop", TWO_TABLES)
    tree.give("shop", [{"id": 1}])
    with ThreadPoolExecutor(4) as pool:
        for loaded in [pool.submit(load_often, tree.root, f"shop.{name}") for name in "abab"]:
            loaded.result(60)
    assert tree.query("select count(*) from raw.a union all select count(*) from raw.b") == [6, 6]


def test_a_foreign_client_is_named(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client without our lock that keeps the file open ends the load with an error that explains what to do."""
    monkeypatch.setattr(module, "FOREIGN_WAIT_SECONDS", 0.3)
    tree.add("shop", TWO_TABLES)
    tree.give("shop", [{"id": 1}])
    tree.load("shop.a")
    code = "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('open', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, tree.warehouse.path], stdout=subprocess.PIPE) as client:
        try:
            assert client.stdout
            client.stdout.readline()
            with pytest.raises(WarehouseBusy, match=rf"is held by another client, \S+ \(PID {client.pid}\): close it"):
                tree.load("shop.a")
        finally:
            client.kill()
    assert tree.load("shop.a").row_count == 2


def test_a_load_waits_for_a_foreign_client(tree: Tree) -> None:
    """The load waits for a client without our lock to close the file."""
    tree.add("shop", TWO_TABLES)
    tree.give("shop", [{"id": 1}])
    tree.load("shop.a")
    code = "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('open', flush=True); time.sleep(1)"
    with subprocess.Popen([sys.executable, "-c", code, tree.warehouse.path], stdout=subprocess.PIPE) as client:
        assert client.stdout
        client.stdout.readline()
        assert tree.load("shop.a").row_count == 2


def test_a_load_waits_for_another_load_and_then_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that holds the file too long is named in the error of the waiting load."""
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.2)
    warehouse = DuckDBWarehouse(tmp_path, str(tmp_path / "warehouse.duckdb"))
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with warehouse.exclusive():
            held.set()
            done.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(20)
    with pytest.raises(WarehouseBusy, match=r"in use by another run for more than 0.2 s"), warehouse.open():
        pass
    done.set()
    thread.join()
    with warehouse.open():
        pass


def test_the_lock_of_a_killed_process_is_released(tmp_path: Path) -> None:
    """A process that is killed while it holds the file leaves nothing to clean up."""
    path = str(tmp_path / "warehouse.duckdb")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, path], stdout=subprocess.PIPE, env={"PYTHONPATH": str(ROOT)}
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        holder.send_signal(signal.SIGKILL)
    started = time.monotonic()
    with DuckDBWarehouse(tmp_path, path).open():
        pass
    assert time.monotonic() - started < 5


def test_a_file_that_is_not_a_database_is_refused(tmp_path: Path) -> None:
    """If the file is not a database, the error names it."""
    path = tmp_path / "warehouse.duckdb"
    path.write_text("hello " * 4000)
    with pytest.raises(WarehouseError, match="cannot be opened"), DuckDBWarehouse(tmp_path, str(path)).open():
        pass


def test_the_connection_is_closed_after_the_block(tmp_path: Path) -> None:
    """After the block ends, even with an error, the file can be opened by others."""
    warehouse = DuckDBWarehouse(tmp_path, str(tmp_path / "folder" / "warehouse.duckdb"))
    with pytest.raises(ZeroDivisionError), warehouse.open():
        _ = 1 / 0
    code = "import duckdb, sys; duckdb.connect(sys.argv[1])"
    assert subprocess.run([sys.executable, "-c", code, warehouse.path], check=False).returncode == 0


def test_the_environment_chooses_the_warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default is DuckDB below the repository; `WAREHOUSE` selects another; `DUCKDB_PATH` may be relative."""
    for name in ("WAREHOUSE", "DUCKDB_PATH", "DEPLOYMENT"):
        monkeypatch.delenv(name, raising=False)
    assert build_warehouse(tmp_path).describe() == str(tmp_path / "data" / "warehouse.duckdb")
    monkeypatch.setenv("DUCKDB_PATH", "other/place.duckdb")
    warehouse = build_warehouse(tmp_path)
    assert (warehouse.describe(), warehouse.database) == (str(tmp_path / "other" / "place.duckdb"), "place")
    assert warehouse.dbt_settings() == {"DBT_DUCKDB_PATH": str(tmp_path / "other" / "place.duckdb")}
    monkeypatch.setenv("WAREHOUSE", "snowflake")
    monkeypatch.setenv("DEPLOYMENT", "production")
    assert isinstance(build_warehouse(tmp_path), SnowflakeWarehouse)
    monkeypatch.setenv("WAREHOUSE", "oracle")
    with pytest.raises(WarehouseError, match="got 'oracle'; accepted: duckdb, snowflake"):
        build_warehouse(tmp_path)
    assert not list(tmp_path.iterdir())


def test_two_files_never_share_pending_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each warehouse has a working folder of its own."""
    monkeypatch.delenv("WAREHOUSE", raising=False)
    folders = set()
    for path in ("one.duckdb", "two.duckdb"):
        monkeypatch.setenv("DUCKDB_PATH", path)
        folders.add(build_warehouse(tmp_path).work_folder)
    assert len(folders) == 2


def test_snowflake_names_every_missing_setting(tmp_path: Path) -> None:
    """The error names all missing settings."""
    settings = {"SNOWFLAKE_ACCOUNT": "acme", "SNOWFLAKE_DATABASE": "PROD"}
    warehouse = SnowflakeWarehouse(tmp_path, settings)
    with pytest.raises(SettingMissing) as missing:
        warehouse.destination()
    secrets = "SNOWFLAKE_PRIVATE_KEY_PATH (or SNOWFLAKE_PASSWORD, or SNOWFLAKE_TOKEN)"
    assert missing.value.settings == ("SNOWFLAKE_USER", "SNOWFLAKE_WAREHOUSE", secrets)
    assert (warehouse.describe(), warehouse.database) == ("snowflake://acme/PROD", "PROD")


def test_a_reader_of_the_same_process_does_not_hold_a_load(tree: Tree) -> None:
    """A connection that the process itself has open, such as a notebook's, does not block a load."""
    tree.add("shop", TWO_TABLES)
    tree.give("shop", [{"id": 1}])
    tree.load("shop.a")
    with duckdb.connect(tree.warehouse.path) as connection:
        assert tree.load("shop.a").row_count == 2
        assert connection.execute("select count(*) from raw.a").fetchone() == (2,)


def test_a_load_restores_the_memory_limit(tree: Tree) -> None:
    """The memory limit is lowered for the copy of rows only, not for the merge and later statements."""
    tree.add("shop", TWO_TABLES)
    tree.give("shop", [{"id": 1}])
    tree.load("shop.a")
    with duckdb.connect(tree.warehouse.path) as connection:
        connection.execute("SET temp_directory = ''")
        tree.load("shop.a")
        # DuckDB may display another limit than it applies.
        groups = "SELECT count(*) FROM (SELECT DISTINCT 'a text that needs room ' || range FROM range(2500000))"
        assert connection.execute(groups).fetchone() == (2_500_000,)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("feature/a", "feature-a"),
        ("feature/a", "feature_a"),
        ("feature--a", "feature-a"),
        ("Anna B", "anna_b"),
        ("é/1", "e/1"),
        ("订单", "客户"),
        ("FixIt/A", "fixit/a"),
    ],
)
def test_deployments_whose_names_differ_share_no_schema(
    one: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Branches whose names are alike without their punctuation write to schemas of their own."""
    monkeypatch.setenv("DEPLOYMENT", "dev")
    schemas = []
    for name in (one, other):
        monkeypatch.setenv("DEPLOYMENT_USER", name)
        schemas.append(build_warehouse(tmp_path).dataset("raw"))
    assert schemas[0] != schemas[1]


@pytest.mark.parametrize(
    ("name", "schema"), [("anna", "raw__anna"), ("Anna", "raw__anna"), ("feature_a", "raw__feature_a")]
)
def test_a_deployment_whose_name_is_a_schemas_has_it(
    name: str, schema: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain name stays as it is, but for its capitals."""
    monkeypatch.setenv("DEPLOYMENT", "dev")
    monkeypatch.setenv("DEPLOYMENT_USER", name)
    assert build_warehouse(tmp_path).dataset("raw") == schema


def test_a_driver_of_sqlalchemy_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """The message has the setting and the driver of the address, and not its password."""
    warehouse = AlchemyWarehouse(tmp_path, tmp_path, "oracle+nix://user:hidden@host/x")
    with (
        pytest.raises(WarehouseError, match=r"CREDENTIALS: got oracle\+nix, and SQLAlchemy has no") as error,
        warehouse.open(),
    ):
        pass
    assert "hidden" not in str(error.value)
