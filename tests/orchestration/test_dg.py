"""Tests of `dg`: the component `data_foundation.SourceFolders` in a project, and this repository as a project."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg
import pytest

from data_foundation.orchestration.executor import side_by_side_executor
from tests.docs.pages import find_blocks
from tests.support.locations import Location
from tests.ui.dagster_server import BIN, ROOT, ask, create_home, environment, find_port, wait_until

PROJECT = """
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "shopco"
"""
DEFINITIONS = """
from pathlib import Path

import dagster as dg


@dg.definitions
def defs():
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
"""
REPORT = """
import dagster as dg


@dg.asset(deps=[dg.AssetKey(["raw", "shop"])], automation_condition=dg.AutomationCondition.eager())
def report(): ...
"""
TRANSLATORS = """
from data_foundation import SourceTranslator


class Grouped(SourceTranslator):
    def get_group_name(self, data):
        return "company"


class Unfinished(SourceTranslator):
    def __init__(self, group):
        super().__init__()


keyed = SourceTranslator(asset_key="{dataset}/landed/{table}")
"""
SCHEDULED = "resources: [{entry: data.get_rows, destination: raw.shop, automation: '0 6 * * *'}]"

PAGE = ROOT / "docs" / "how-to" / "use-dg.md"

# Of Dagster itself, whenever it loads a project in this process.
pytestmark = pytest.mark.filterwarnings("ignore:.*currently in preview", "ignore:`parse_obj_as` is deprecated")


def component(**attributes: str) -> str:
    """Returns the text of a `defs.yaml`."""
    return f"type: data_foundation.SourceFolders\nattributes: {json.dumps(attributes)}\n"


@pytest.fixture
def project(location: Location, monkeypatch: pytest.MonkeyPatch) -> Iterator[Location]:
    """A `dg` project with an asset of its own, and a source folder beside its package."""
    location.write("pyproject.toml", PROJECT)
    location.write("src/shopco/__init__.py", "")
    location.write("src/shopco/definitions.py", DEFINITIONS)
    location.write("src/shopco/translators.py", TRANSLATORS)
    location.write("src/shopco/defs/__init__.py", "")
    location.write("src/shopco/defs/report.py", REPORT)
    location.write("src/shopco/defs/ingestion/defs.yaml", component())
    location.add("shop", SCHEDULED)
    monkeypatch.syspath_prepend(location.root / "src")
    yield location
    for name in [name for name in sys.modules if name.partition(".")[0] == "shopco"]:
        del sys.modules[name]


def run_dg(root: Path, *arguments: str, settings: Mapping[str, str] | None = None) -> str:
    """Runs `dg` in a folder, and returns its output; it must exit with 0 and without a warning of Dagster's."""
    command = [str(BIN / "dg"), *arguments]
    env = {**os.environ, "PYTHONPATH": str(root / "src"), **(settings or {})}
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Warning" not in done.stderr, done.stderr
    return done.stdout


def build(project: Location) -> dg.Definitions:
    """Returns the definitions of the project, which Dagster has validated."""
    definitions = dg.ComponentTree.for_project(project.root).build_defs()
    dg.Definitions.validate_loadable(definitions)
    return definitions


def sensors_of(definitions: dg.Definitions) -> dict[str, set[str]]:
    """Returns the keys that each sensor of a code location evaluates, by the sensor's name."""
    repository = definitions.get_repository_def()
    graph = repository.asset_graph
    return {
        sensor.name: {key.to_user_string() for key in sensor.asset_selection.resolve(graph)}
        for sensor in repository.sensor_defs
        if isinstance(sensor, dg.AutomationConditionSensorDefinition)
    }


@pytest.mark.rare
def test_a_project_takes_source_folders_in(project: Location) -> None:
    """`dg check defs` accepts a component without attributes, and `dg launch` loads a table of its folders."""
    project.write("src/shopco/defs/ingestion/defs.yaml", component(executor="in_process"))
    assert "All definitions loaded successfully" in run_dg(project.root, "check", "defs")
    run_dg(project.root, "launch", "--assets", "raw/shop")
    assert project.query("SELECT id FROM raw.shop ORDER BY id") == [(1,), (2,)]


@pytest.mark.rare
def test_dg_finds_and_scaffolds_the_component(project: Location) -> None:
    """`dg list components` shows it, `dg scaffold defs` writes a file that is valid, and `dg list defs` its assets."""
    (project.root / "src/shopco/defs/ingestion/defs.yaml").unlink()
    assert "data_foundation.SourceFolders" in run_dg(project.root, "list", "components")
    run_dg(project.root, "scaffold", "defs", "data_foundation.SourceFolders", "landing")
    listed = json.loads(run_dg(project.root, "list", "defs", "--json"))
    assert {asset["asset_key"] for asset in listed["assets"]} == {"raw/shop", "report", "source/shop"}


PATHS = {
    "the project": (".", ""),
    "its dlthub": (".", "../../../../dlthub"),
    "the folder above dlthub": (".", "../../../.."),
    "beside defs.yaml": ("src/shopco/defs/ingestion", "."),
    "another folder": ("company", "../../../../company"),
}


@pytest.mark.parametrize("case", PATHS)
def test_where_the_folders_are(project: Location, case: str) -> None:
    """`path` is `dlthub`, or the folder that holds it, relative to the `defs.yaml`; the project's unless it is set."""
    folder, path = PATHS[case]
    if folder != ".":
        (project.root / folder).mkdir(exist_ok=True)
        (project.root / "dlthub").rename(project.root / folder / "dlthub")
    project.write("src/shopco/defs/ingestion/defs.yaml", component(**({"path": path} if path else {})))
    keys = {spec.key.to_user_string() for spec in build(project).resolve_all_asset_specs()}
    assert keys == {"raw/shop", "report", "source/shop"}


def test_the_translator_decides_attributes(project: Location) -> None:
    """A subclass of `SourceTranslator`, or an instance of it, is named by its path."""
    for name, key, group in (("Grouped", "raw/shop", "company"), ("keyed", "raw/landed/shop", "shop")):
        project.write("src/shopco/defs/ingestion/defs.yaml", component(translator=f"shopco.translators.{name}"))
        groups = {spec.key.to_user_string(): spec.group_name for spec in build(project).resolve_all_asset_specs()}
        assert groups[key] == group


def test_the_project_keeps_its_executor_unless_one_is_named(project: Location) -> None:
    """Without `executor` the definitions have none; with it, all jobs of the project have it."""
    assert build(project).executor is None
    executors = {"side_by_side": side_by_side_executor, "in_process": dg.in_process_executor}
    for name, executor in executors.items():
        project.write("src/shopco/defs/ingestion/defs.yaml", component(executor=name))
        assert build(project).executor is executor


def test_the_sensors_of_a_project_stay_its_own(project: Location) -> None:
    """Crons run by default, from a sensor that evaluates the tables of its component and no asset of the project."""
    project.write("more/dlthub/bank/data.py", "def get_rows():\n    yield {'id': 1}\n")
    project.write("more/dlthub/bank/sources.yaml", SCHEDULED.replace("raw.shop", "raw.bank"))
    second = component(path=str(project.root / "more"))
    project.write("src/shopco/defs/ingestion/defs.yaml", f"{component()}---\n{second}")
    definitions = build(project)
    assert sensors_of(definitions) == {
        "ingestion_automation": {"raw/shop", "source/shop"},
        "ingestion__1_automation": {"raw/bank", "source/bank"},
        "default_automation_condition_sensor": {"report"},
    }
    assert sorted(schedule.name for schedule in definitions.schedules or ()) == [
        "ingestion__1_cron_0_6_x_x_x_utc", "ingestion_cron_0_6_x_x_x_utc",
    ]  # fmt: skip
    own = next(sensor for sensor in definitions.sensors or () if sensor.name == "ingestion_automation")
    assert isinstance(own, dg.SensorDefinition)
    assert own.default_status is dg.DefaultSensorStatus.RUNNING


REFUSED = {
    "no such folder": ({"path": "nowhere"}, "got '", "accepted: the folder dlthub, or the folder that holds it"),
    "no such module": ({"translator": "nowhere.Grouped"}, "got 'nowhere.Grouped'", "accepted: module.Name of a"),
    "no module": ({"translator": "Grouped"}, "got 'Grouped'", "accepted: module.Name of a"),
    "no such class": ({"translator": "shopco.translators.Groped"}, "Groped", "accepted: module.Name of a"),
    "no translator": ({"translator": "pathlib.Path"}, "'pathlib.Path'", "a subclass of data_foundation.SourceTranslat"),
    "arguments": ({"translator": "shopco.translators.Unfinished"}, "TypeError", "an instance of one"),
    "no such executor": ({"executor": "multi_process"}, "got 'multi_process'", "Did you mean 'multiprocess'?"),
    "a misspelt attribute": ({"folder": "dlthub"}, "folder", "Extra inputs are not permitted"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(project: Location, case: str) -> None:
    """A wrong attribute is an error that names its value and what is accepted."""
    attributes, *texts = REFUSED[case]
    project.write("src/shopco/defs/ingestion/defs.yaml", component(**attributes))
    with pytest.raises(Exception) as raised:  # noqa: PT011 - Dagster wraps an error in one of several classes
        build(project)
    message: str = ""
    error: BaseException | None = raised.value
    while error:
        message, error = f"{message}\n{error}", error.__cause__
    assert all(text in message for text in texts), message


def test_the_files_of_the_page_are_a_project(project: Location) -> None:
    """The files that `docs/how-to/use-dg.md` shows are accepted, and what they set is so."""
    (project.root / "src/shopco/defs/ingestion/defs.yaml").unlink()
    for block in find_blocks(PAGE):
        if block.title:
            project.write(block.title.replace("my_project", "shopco"), block.text.replace("my_project", "shopco"))
    project.write("sources_of_others/dlthub/bank/data.py", "def get_rows():\n    yield {'id': 1}\n")
    project.write("sources_of_others/dlthub/bank/sources.yaml", SCHEDULED.replace("raw.shop", "raw.bank"))
    definitions = build(project)
    groups = {spec.key.to_user_string(): spec.group_name for spec in definitions.resolve_all_asset_specs()}
    assert (groups["raw/shop"], groups["raw/bank"]) == ("shop", "ingestion")
    assert definitions.executor is side_by_side_executor


@pytest.mark.rare
def test_this_repository_is_a_project(tmp_path: Path) -> None:
    """`dg check defs` and `dg list defs` work here, and show what `definitions.py` defines."""
    settings = {"DAGSTER_HOME": str(create_home(tmp_path))}
    assert "All definitions loaded successfully" in run_dg(ROOT, "check", "defs", settings=settings)
    listed = json.loads(run_dg(ROOT, "list", "defs", "--json", settings=settings))
    keys = {asset["asset_key"] for asset in listed["assets"]}
    assert {"raw/github_commits", "marts/fct_commits_daily"} <= keys


@pytest.mark.rare
def test_dg_dev_serves_this_repository(tmp_path: Path) -> None:
    """`dg dev` serves the code location that `make dev` serves, without a warning, and ends by one Ctrl-C."""
    port, home, log = find_port(), create_home(tmp_path), tmp_path / "log"
    command = [str(BIN / "dg"), "dev", "--port", str(port)]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(home, {}), stdout=output, stderr=output, start_new_session=True
        )
    try:
        query = "{ assetNodes { repository { location { name } } } }"
        wait_until(lambda: (ask(f"http://127.0.0.1:{port}", query) or {}).get("assetNodes"), 240.0)
        nodes = (ask(f"http://127.0.0.1:{port}", query) or {})["assetNodes"]
        assert {node["repository"]["location"]["name"] for node in nodes} == {"data_foundation"}  # type: ignore[attr-defined]
        os.killpg(process.pid, signal.SIGINT)
        started = time.monotonic()
        process.wait(60)
        assert time.monotonic() - started < 60
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert "Warning" not in log.read_text(), log.read_text()
