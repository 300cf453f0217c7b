"""Tests of the Dagster UI with a real `dagster dev` and a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from selenium import webdriver

import sandbox
from tests.ui.browser import click, open_browser, text_of, wait_for
from tests.ui.dagster_server import ROOT, ask, create_home, serve, wait_until


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new warehouse for these tests."""
    return tmp_path_factory.mktemp("warehouse") / "warehouse.duckdb"


@pytest.fixture(scope="module")
def dagster_url(warehouse: Path, sandbox_url: str) -> Iterator[str]:
    """`dagster dev` with this repository's code location, reading from the sandbox."""
    settings = {**sandbox.settings(sandbox_url), "DUCKDB_PATH": str(warehouse)}
    with serve(create_home(warehouse.parent), settings) as url:
        yield url


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A browser with a window that is wide enough for the lineage of a mart."""
    with open_browser(tmp_path_factory.mktemp("profile"), 2400, 1500) as driver:
        yield driver


@pytest.fixture(scope="module")
def pictures() -> Path:
    """The folder of the screenshots, to look at after the tests."""
    folder = ROOT / "data" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_the_graph_reads_from_source_to_mart(browser: webdriver.Chrome, dagster_url: str, pictures: Path) -> None:
    """The lineage of a mart shows the source, its raw tables, their staging models and the mart."""
    browser.get(f"{dagster_url}/assets/marts/fct_commits_daily?view=lineage&lineageScope=upstream&lineageDepth=5")
    wait_for(browser, "//*[text()='github_commits__parents']")
    browser.save_screenshot(str(pictures / "lineage.png"))
    shown = set(text_of(browser).split())
    assert shown >= {"github", "github_commits", "stg_github__commits", "fct_commits_daily"}


def test_a_click_on_materialize_loads_rows(
    browser: webdriver.Chrome, dagster_url: str, warehouse: Path, pictures: Path
) -> None:
    """Materialize on the page of a raw table starts a run that succeeds, and its rows are in the warehouse."""
    page = f"{dagster_url}/assets/raw/exchange_rate"
    browser.get(page)
    # The page may be redrawn while the button is there: a click on a replaced element is lost.
    started = "{ runsOrError { ... on Runs { results { status } } } }"

    def is_started() -> bool:
        click(browser, "//button[.//text()='Materialize']")
        return "status" in json.dumps(ask(dagster_url, started))

    wait_until(is_started, 120)
    key = '{path: ["raw", "exchange_rate"]}'
    landed = f"{{ assetOrError(assetKey: {key}) {{ ... on Asset {{ assetMaterializations {{ runId }} }} }} }}"
    wait_until(lambda: "runId" in json.dumps(ask(dagster_url, landed)), 180)
    browser.get(f"{page}?view=events")
    wait_for(browser, "//*[text()='rows_loaded']")
    browser.save_screenshot(str(pictures / "materialized.png"))
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert connection.sql("select count(*) > 20 from raw.exchange_rate").fetchone() == (True,)
