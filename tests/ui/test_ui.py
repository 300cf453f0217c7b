"""The Dagster UI as a person sees it: a real `dagster dev`, a real browser."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    NoSuchElementException,
    StaleElementReferenceException,
)
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

import sandbox

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of the test's own."""
    return tmp_path_factory.mktemp("warehouse") / "warehouse.duckdb"


@pytest.fixture(scope="module")
def dagster_url(warehouse: Path, sandbox_url: str) -> Iterator[str]:
    """`dagster dev` on the shipped code location, reading from the sandbox."""
    home = warehouse.parent / "home"
    home.mkdir()
    shutil.copy(ROOT / "deploy" / "dagster.yaml", home)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"DAGSTER_HOME": str(home), "DUCKDB_PATH": str(warehouse), "PATH": f"{BIN}:{os.environ['PATH']}"}
    command = [str(BIN / "dagster"), "dev", "--port", str(port)]
    server = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **sandbox.settings(sandbox_url), **settings}, start_new_session=True
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(lambda: _ask(url, "{ workspaceOrError { ... on Workspace { locationEntries { loadStatus } } } }"), 240)
        yield url
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Debian's chromium without a screen."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    profile = tmp_path_factory.mktemp("profile")
    for flag in (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=2400,1500",
        f"--user-data-dir={profile}",
    ):  # fmt: skip
        options.add_argument(flag)
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    with webdriver.Chrome(options, service) as driver:
        yield driver


@pytest.fixture(scope="module")
def pictures() -> Path:
    """Where the screenshots go, to be looked at after the test."""
    folder = ROOT / "data" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _ask(url: str, query: str) -> dict[str, object] | None:
    """Asks Dagster's GraphQL; None while nobody answers."""
    request = urllib.request.Request(  # noqa: S310 - this machine
        f"{url}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            answer: dict[str, object] = json.load(response)["data"]
            return answer
    except OSError:
        return None


def _wait(condition: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"nothing within {seconds} s"
        time.sleep(2)


def _wait_for(browser: webdriver.Chrome, xpath: str, seconds: float = 120) -> None:
    WebDriverWait(browser, seconds).until(lambda driver: driver.find_element(By.XPATH, xpath))


def _click(browser: webdriver.Chrome, xpath: str, seconds: float = 120) -> None:
    """Clicks what the page may be drawing anew at the moment."""
    ignored = [StaleElementReferenceException, ElementClickInterceptedException, NoSuchElementException]
    WebDriverWait(browser, seconds, ignored_exceptions=ignored).until(
        lambda driver: driver.find_element(By.XPATH, xpath).click() or True  # type: ignore[func-returns-value]
    )


def _texts(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "body").text


def test_the_graph_reads_from_source_to_mart(browser: webdriver.Chrome, dagster_url: str, pictures: Path) -> None:
    """The lineage of a mart shows the source, its raw tables, their staging models and the mart."""
    browser.get(f"{dagster_url}/assets/marts/fct_commits_daily?view=lineage&lineageScope=upstream&lineageDepth=5")
    _wait_for(browser, "//*[text()='github_commits__parents']")
    browser.save_screenshot(str(pictures / "lineage.png"))
    shown = set(_texts(browser).split())
    assert shown >= {"github", "github_commits", "stg_github__commits", "fct_commits_daily"}


def test_a_click_on_materialize_lands_rows(
    browser: webdriver.Chrome, dagster_url: str, warehouse: Path, pictures: Path
) -> None:
    """Materialize on the page of a raw table starts a run that succeeds, and its rows are in the warehouse."""
    page = f"{dagster_url}/assets/raw/exchange_rate"
    browser.get(page)
    # The page may still be drawn anew when the button is there: a click on what is replaced at that moment is lost.
    started = "{ runsOrError { ... on Runs { results { status } } } }"

    def is_started() -> bool:
        _click(browser, "//button[.//text()='Materialize']")
        return "status" in json.dumps(_ask(dagster_url, started))

    _wait(is_started, 120)
    key = '{path: ["raw", "exchange_rate"]}'
    landed = f"{{ assetOrError(assetKey: {key}) {{ ... on Asset {{ assetMaterializations {{ runId }} }} }} }}"
    _wait(lambda: "runId" in json.dumps(_ask(dagster_url, landed)), 180)
    browser.get(f"{page}?view=events")
    _wait_for(browser, "//*[text()='rows_loaded']")
    browser.save_screenshot(str(pictures / "materialized.png"))
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert connection.sql("select count(*) > 20 from raw.exchange_rate").fetchone() == (True,)
