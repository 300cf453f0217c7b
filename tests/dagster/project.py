"""The project whose runs are stopped: two tables and a dbt model, each of which waits where a test wants it to."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg

from data_foundation.loading.lock import hold
from tests.dagster.services import Services
from tests.support.locations import Location

ROOT = Path(__file__).parents[2]
RAW = ("raw/first", "raw/second")
MODEL = "counted"
TABLES = ("first", "second")
PHASES = ("queued", "waiting", "extracting", "blocked", "commit", "between", "dbt")

DATA = """
import time
from pathlib import Path

from data_foundation.warehouses.one_load import OneTransaction

HERE = Path(__file__).parent
COMMIT = OneTransaction.commit


def wait(phase, seconds=90):
    (HERE / f"at_{phase}").touch()
    until = time.monotonic() + seconds
    while (HERE / phase).exists() and time.monotonic() < until:
        time.sleep(0.02)


def commit(transaction):
    transaction.before_commit()
    if (HERE / "commit").exists():
        wait("commit", seconds=3)
    COMMIT(transaction)


OneTransaction.commit = commit


def get_first():
    for phase in ("blocked", "queued"):
        if (HERE / phase).exists():
            wait(phase)
    yield [{"id": 1}]
    while (HERE / "extracting").exists():
        (HERE / "at_extracting").touch()
        time.sleep(0.05)
        yield [{"id": 2}]


def get_second():
    while (HERE / "between").exists():
        (HERE / "at_between").touch()
        time.sleep(0.05)
        yield [{"id": 2}]
    yield [{"id": 1}]
"""
YAML = """
source: {max_concurrency: 1}
resources:
  - {entry: data.get_first, destination: raw.first}
  - {entry: data.get_second, destination: raw.second}
"""
COUNTED = """
import os
import time
from pathlib import Path


def model(dbt, session):
    dbt.config(materialized="table")
    dbt.source("raw", "first")
    here = Path(os.environ["DLT_PROJECT_DIR"], "dlthub", "shop")
    if (here / "dbt").exists():
        (here / "at_dbt").touch()
        until = time.monotonic() + 90
        while (here / "dbt").exists() and time.monotonic() < until:
            time.sleep(0.02)
    return session.sql("select count(*) as n from raw.first where id = 1")
"""


def write_project(root: Path) -> Location:
    """Writes the project, with the composition root of the repository, whose automation starts no runs of its own."""
    location = Location(root)
    location.add("shop", YAML, DATA)
    composed = (ROOT / "definitions.py").read_text(encoding="utf-8")
    quiet = composed.replace("build_definitions(ROOT, warehouse)", "build_definitions(ROOT, warehouse, None, 86400)")
    assert quiet != composed
    location.write("definitions.py", quiet)
    location.write("dbt_project/dbt_project.yml", "name: shop\nprofile: data_foundation\nmodel-paths: [models]\n")
    location.write("dbt_project/profiles.yml", (ROOT / "dbt_project" / "profiles.yml").read_bytes())
    location.write("dbt_project/models/raw.yml", "sources: [{name: raw, tables: [{name: first}]}]\n")
    location.write(f"dbt_project/models/{MODEL}.py", COUNTED)
    return location


@contextmanager
def reached(services: Services, phase: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yields the id of a run that has come to a phase, and the function that lets it pass; else it stays there."""
    folder = services.location.root / "dlthub" / "shop"
    for file in folder.glob("at_*"):
        file.unlink()
    with ExitStack() as held:
        if phase == "waiting":
            held.enter_context(hold(work_folder(services), "raw-first", "other", print))
        else:
            (folder / phase).touch()
            held.callback((folder / phase).unlink)
        run = services.launch(*RAW, *([MODEL] if phase == "dbt" else []))
        if phase == "waiting":
            services.wait(lambda: "waiting for run other" in services.story_of(run))
        else:
            services.wait((folder / f"at_{phase}").exists)
        if phase != "queued":
            yield run, held.close
            return
        holder, run = run, services.launch(*RAW)
        time.sleep(3)  # more than two looks of the daemon at its queue
        assert services.run(run).status is dg.DagsterRunStatus.QUEUED, services.story_of(run)
        yield run, held.close
        held.close()
        services.ended(holder)


def work_folder(services: Services) -> Path:
    """Returns the folder of the locks, which the first run creates."""
    pipelines = services.location.root / "data" / "pipelines"
    if not pipelines.exists():
        services.ended(services.launch(*RAW))
    [folder] = pipelines.glob("duckdb_*")
    return folder


def read_rows(services: Services) -> dict[str, int]:
    """Returns how many undisturbed loads each table contains: each yields the id 1 once."""
    if not (services.location.root / "data" / "warehouse.duckdb").exists():
        return dict.fromkeys(TABLES, 0)
    listed = services.location.query("select table_name from information_schema.tables where table_schema = 'raw'")
    return {
        table: services.location.query(f"select count(*) from raw.{table} where id = 1")[0][0]
        if (table,) in listed
        else 0
        for table in TABLES
    }


def read_model(services: Services) -> int:
    """Returns the value of the dbt model."""
    return int(services.location.query(f"select n from main.{MODEL}")[0][0])
