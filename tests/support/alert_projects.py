"""A project with a source for each event that alerts report, loaded on the command line or by Dagster."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from data_foundation.cli.main import main
from data_foundation.orchestration.alerts.sensor import SENSOR_NAME
from data_foundation.orchestration.factory import build_definitions
from tests.support.checkouts import Checkout

KINDS = ("failure", "blocking_check", "schema_drift", "freshness", "nothing_loaded")
CAUSES = {
    "failure": ("raw.breaks failed", "ValueError: the vendor hung up", "foundation preview breaks.breaks"),
    "blocking_check": ("raw.limited failed a check", "row_count: 3 rows; accepted: at most 2", "dbt models"),
    "schema_drift": ("raw.drifts changed its columns", "new: vat", "schema_contract"),
    "freshness": ("raw.ages is overdue", "freshness allows 1", "foundation audit"),
    "nothing_loaded": ("raw.empty loaded nothing", "the last 2 successful runs loaded no row", "the vendor"),
}
"""What the second run shows of each event: table, cause and hint."""

DATA = '''
from pathlib import Path

SECOND = Path(__file__).parents[1] / "second"


def get_rows(name):
    """Rows of the first run, and of the second."""
    second = SECOND.exists()
    if second and name in {"breaks", "ages"}:
        raise ValueError("the vendor hung up")
    if name == "limited":
        yield [{"id": number} for number in range(3 if second else 2)]
    elif name != "empty":
        yield [{"id": 1, "vat": 2} if second and name == "drifts" else {"id": 1}]
'''
MORE = {
    "breaks": "",
    "limited": ", write_disposition: replace, checks: {row_count: {max: 2}}",
    "drifts": ", checks: {schema_drift: ignore}",
    "ages": ", freshness: {fail_after_hours: 1}",
    "empty": "",
}


@dataclass(frozen=True)
class AlertProject(Checkout):
    """A project of which a test writes `alerts.yaml`."""

    def write_alerts(self, *lines: str) -> None:
        """Writes `alerts.yaml`; each line is a key of `alerts:` and its value."""
        self.write("dlthub/alerts.yaml", "\n".join(["alerts:", *(f"  {line}" for line in lines)]) + "\n")

    def add(self, name: str, alerts: str = "") -> None:
        """Writes a source of one table, which is one of `MORE`."""
        resource = f"{{entry: data.get_rows, args: [{name}], destination: raw.{name}{MORE[name]}}}"
        self.write_source(name, f"{alerts}\nresources: [{resource}]\n", DATA)

    def begin_second_run(self) -> None:
        """Has the sources yield what the second run shows; the loads before it were two hours ago."""
        self.write("dlthub/second", "")
        with duckdb.connect(str(self.root / "data" / "warehouse.duckdb")) as connection:
            connection.sql(
                "UPDATE raw._load_audit SET started = started - INTERVAL 2 HOURS, ended = ended - INTERVAL 2 HOURS"
            )

    def foundation(self, *arguments: str) -> int:
        """Runs the command `foundation` and returns its exit code."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "path", list(sys.path))
            patch.setattr(sys, "argv", ["foundation", *arguments])
            with pytest.raises(SystemExit) as ended:
                main()
        return ended.value.code if isinstance(ended.value.code, int) else 0


@dataclass
class DagsterRuns:
    """Runs of a project in Dagster, and the sensor, which the test evaluates.

    Attributes:
        cursor: What the sensor remembers.
        log: The reasons that its evaluations gave.
    """

    project: AlertProject
    instance: dg.DagsterInstance
    cursor: str | None = None

    def run(self, *names: str) -> dg.ExecuteInProcessResult:
        """Materializes the tables of these sources, of all if none is named, in one run."""
        job = build_definitions(self.project.root).resolve_implicit_global_asset_job_def()
        keys = [dg.AssetKey(["raw", name]) for name in names] or None
        return job.execute_in_process(asset_selection=keys, instance=self.instance, raise_on_error=False)

    def evaluate(self) -> str:
        """Evaluates the sensor as the daemon does, in definitions that are built anew, and returns its reason."""
        definitions = build_definitions(self.project.root)
        sensor: Any = definitions.resolve_sensor_def(SENSOR_NAME)
        with dg.build_sensor_context(self.instance, self.cursor, definitions=definitions) as context:
            reason = sensor(context)
            self.cursor = context.cursor
        assert isinstance(reason, dg.SkipReason)
        return reason.skip_message or ""


@contextmanager
def open_project(root: Path) -> Iterator[AlertProject]:
    """Yields an empty project, with the settings of a fresh checkout, as the current folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLT_PROJECT_DIR", str(root))
        for name in ("WAREHOUSE", "DEPLOYMENT", "DUCKDB_PATH", "DAGSTER_HOME"):
            patch.delenv(name, raising=False)
        patch.chdir(root)
        yield AlertProject(root)


@contextmanager
def open_dagster(project: AlertProject) -> Iterator[DagsterRuns]:
    """Yields Dagster with a history on disk."""
    folder = project.root / "dagster"
    folder.mkdir()
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        yield DagsterRuns(project, instance)


def run_on_command_line(project: AlertProject) -> None:
    """Runs everything twice on the command line; the second run fails."""
    assert project.foundation("run") == 0
    project.begin_second_run()
    assert project.foundation("run") == 1


def run_in_dagster(project: AlertProject) -> None:
    """Runs everything twice in Dagster, and evaluates the sensor before, between and afterwards."""
    with open_dagster(project) as dagster:
        dagster.evaluate()
        assert dagster.run().success
        dagster.evaluate()
        project.begin_second_run()
        assert not dagster.run().success
        dagster.evaluate()


WAYS: dict[str, Callable[[AlertProject], None]] = {"command line": run_on_command_line, "Dagster": run_in_dagster}
