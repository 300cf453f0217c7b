"""Tests of PostgreSQL as Dagster's storage, as the files of deploy/ and Dagster's documents configure it."""

import re
from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster_postgres import PostgresEventLogStorage, PostgresRunStorage, PostgresScheduleStorage

from tests.support.instances import open_instance
from tests.support.postgres_server import ADMINISTRATOR, PASSWORD, PostgresServer

DEPLOY = Path(__file__).parents[2] / "deploy"
OPTION = re.compile(r"^# storage:\n(?:#   .+\n)+", re.MULTILINE)
"""The commented lines of `dagster.yaml` that choose it."""

DOCUMENTED = {
    "postgres_db": {
        "username": {"env": "DAGSTER_POSTGRES_USER"},
        "password": {"env": "DAGSTER_POSTGRES_PASSWORD"},
        "hostname": {"env": "DAGSTER_POSTGRES_HOST"},
        "db_name": {"env": "DAGSTER_POSTGRES_DATABASE"},
        "port": {"env": "DAGSTER_POSTGRES_PORT"},
    }
}
"""As in Dagster's documents, without a driver."""


def _uncommented() -> Mapping[str, object]:
    [lines] = OPTION.findall((DEPLOY / "dagster.yaml").read_text(encoding="utf-8"))
    chosen: Mapping[str, object] = yaml.safe_load(re.sub("^# ", "", lines, flags=re.MULTILINE))
    return chosen


STORAGES: Mapping[str, Mapping[str, object]] = {
    "dagster.yaml": _uncommented(),
    "celery/dagster.yaml": {
        "storage": yaml.safe_load((DEPLOY / "celery" / "dagster.yaml").read_text(encoding="utf-8"))["storage"]
    },
    "Dagster's documents": {"storage": {"postgres": DOCUMENTED}},
}


@dg.asset
def orders() -> dg.MaterializeResult[None]:
    """A table."""
    return dg.MaterializeResult(metadata={"rows": 1})


@pytest.mark.parametrize("name", STORAGES)
def test_the_history_is_in_postgresql(
    name: str, postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run and its events are written and read, also with the connections of the webserver; no file is written."""
    settings = {"HOST": "127.0.0.1", "PORT": postgres_server.port, "USER": ADMINISTRATOR, "PASSWORD": PASSWORD}
    for key, value in {**settings, "DATABASE": postgres_server.create_database()}.items():
        monkeypatch.setenv(f"DAGSTER_POSTGRES_{key}", str(value))
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump({**STORAGES[name], "telemetry": {"enabled": False}}))
    with open_instance(tmp_path) as instance:
        assert isinstance(instance.run_storage, PostgresRunStorage)
        assert isinstance(instance.schedule_storage, PostgresScheduleStorage)
        assert isinstance(events := instance.event_log_storage, PostgresEventLogStorage)
        run = dg.materialize([orders], instance=instance).run_id
        instance.optimize_for_webserver(statement_timeout=5000, pool_recycle=3600, max_overflow=20)
        assert (event := instance.get_latest_materialization_event(orders.key))
        assert event.run_id == run
        assert [row for row in events.get_logs_for_run(run) if "Materialized value orders" in row.message]
    assert not list(tmp_path.rglob("*.db"))
