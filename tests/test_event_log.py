"""Dagster's event log with kept engines: the same files, read and written by either."""

import hashlib
import inspect
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from data_foundation.event_log import KeptSqliteEventLog

DEPLOYED = Path(__file__).parents[1] / "deploy" / "dagster.yaml"
ORDERS = dg.AssetKey("orders")


@dg.asset(key=ORDERS, check_specs=[dg.AssetCheckSpec("complete", asset=ORDERS)])
def orders() -> Iterator[dg.MaterializeResult[Any]]:
    """A table, and a check of it."""
    yield dg.MaterializeResult(check_results=[dg.AssetCheckResult(check_name="complete", passed=True)])


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Two settings of Dagster over one history: as this project is deployed, and Dagster's own."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "kept"))
    homes = {name: tmp_path / name for name in ("kept", "stock")}
    for home in homes.values():
        home.mkdir()
    (homes["kept"] / "history").mkdir()
    (homes["stock"] / "history").symlink_to(homes["kept"] / "history")
    shutil.copy(DEPLOYED, homes["kept"] / "dagster.yaml")
    (homes["stock"] / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    return homes


@pytest.mark.parametrize(("writer", "reader"), [("kept", "stock"), ("stock", "kept")])
def test_either_log_reads_what_the_other_wrote(homes: dict[str, Path], writer: str, reader: str) -> None:
    """The history of a deployment that changes its event log, to this one or back, stays."""
    with dg.DagsterInstance.from_config(str(homes[writer])) as instance:
        run_id = dg.materialize([orders], instance=instance).run_id
    with dg.DagsterInstance.from_config(str(homes[reader])) as instance:
        assert (record := instance.get_latest_materialization_event(ORDERS))
        [check] = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(ORDERS, "complete"), limit=9
        )
        assert record.run_id == run_id == check.run_id
        assert {entry.message for entry in instance.all_logs(run_id)} > {"Materialized value orders."}
        assert dg.materialize([orders], instance=instance).success


def test_the_deployed_settings_name_it(homes: dict[str, Path]) -> None:
    """Who copies `deploy/dagster.yaml` gets the log that keeps its engines, beside the files of Dagster's own."""
    with dg.DagsterInstance.from_config(str(homes["kept"])) as instance:
        assert isinstance(instance.event_log_storage, KeptSqliteEventLog)
    assert (homes["kept"] / "history" / "runs" / "index.db").exists()


@pytest.mark.parametrize(
    ("method", "digest"),
    [
        ("_connect", "b8435f2665689760"),
        ("has_table", "577d801c70b2a4a5"),
        ("has_secondary_index", "75ea1eb99d7519bc"),
        ("has_asset_key_col", "042827679888fa6e"),
        ("_has_asset_key_col_on_connection", "981049dfa81d2e47"),
    ],
)
def test_dagster_has_not_changed_what_is_replaced(method: str, digest: str) -> None:
    """What was read in dagster 1.13.27 reads as it did: where this fails, compare `event_log.py` with the new one."""
    source = inspect.getsource(getattr(SqliteEventLogStorage, method))
    assert hashlib.sha256(source.encode()).hexdigest()[:16] == digest
