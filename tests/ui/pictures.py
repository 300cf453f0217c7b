"""The pictures of the docs: the page of each, and the steps before it is taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By

from tests.ui.browser import click, run_script, wait_for
from tests.ui.scenes import Stage

MATERIALIZE = "//button[.//text()='Materialize']"
NEWEST_PARTITION = "//input[starts-with(@placeholder, 'Filter by name')]/following::*[starts-with(text(), '20')][1]"
PLOTS = "//button[.//text()='Plots']"
CONFIG = """\
ops:
  github:
    config:
      # Load this range again; the stored cursor stays.
      start: "2026-10-01"
      end: "2026-11-01"
      # At most this many rows per table: a sample, in raw__sample.
      # limit: 1000
      # state: forget the cursor; drop: drop the table first.
      refresh: none
      # Arguments of the entry, by table.
      kwargs: {}
"""
MOST_STEPS = 20
# Whether a node of the graph is outside the window, or below the bars above the graph.
IS_CUT = """return [...document.querySelectorAll('foreignObject')].some(node => {
  const box = node.getBoundingClientRect();
  return box.top < 165 || box.left < 70 || box.bottom > innerHeight - 15 || box.right > innerWidth - 70; })"""


@dataclass(frozen=True)
class Picture:
    """One page of Dagster.

    Attributes:
        name: Name of the file, without its extension.
        path: Path of the page; `{id}` is the id of the run or backfill that the moment starts.
        shows: A text that the page contains once it is drawn.
        prepare: Steps on the page before the picture is taken.
        size: Size of the window in CSS pixels.
    """

    name: str
    path: str
    shows: str
    prepare: Callable[[webdriver.Chrome], None] | None = None
    size: tuple[int, int] = (1280, 720)


@dataclass(frozen=True)
class Moment:
    """An action in Dagster, and the pictures that are taken after it.

    Attributes:
        begin: Starts the action, and returns the id of the run or backfill.
        pictures: The pictures.
    """

    begin: Callable[[Stage], str]
    pictures: tuple[Picture, ...]


def fit_graph(browser: webdriver.Chrome) -> None:
    """Closes the list beside the graph, and shrinks the graph until all of it is in the window."""
    if browser.find_elements(By.XPATH, "//input[@placeholder='Jump to…']"):
        click(browser, "//input[@placeholder='Jump to…']/following::button[1]")
    body = browser.find_element(By.TAG_NAME, "body")
    # A double click on the canvas, here in its lower left corner, centres the graph.
    corner = (80 - body.size["width"] // 2, body.size["height"] // 2 - 20)
    ActionChains(browser).move_to_element_with_offset(body, *corner).double_click().pause(1).perform()
    for _ in range(MOST_STEPS):
        if not run_script(browser, IS_CUT):
            return
        click(browser, "//*[@aria-label='zoom_out']")
        ActionChains(browser).pause(1).perform()


def open_launchpad(browser: webdriver.Chrome) -> None:
    """Opens the launchpad of an asset, and fills in a range."""
    wait_for(browser, MATERIALIZE)
    button = browser.find_element(By.XPATH, MATERIALIZE)
    ActionChains(browser).key_down(Keys.SHIFT).click(button).key_up(Keys.SHIFT).perform()
    wait_for(browser, "//*[contains(@class, 'CodeMirror-code')]//*[contains(text(), 'refresh')]")
    run_script(browser, "document.querySelector('.CodeMirror').CodeMirror.setValue(arguments[0])", CONFIG)


def open_plots(browser: webdriver.Chrome) -> None:
    """Opens the plots of an asset's metadata, and scrolls to them."""
    click(browser, PLOTS)
    wait_for(browser, "//canvas")
    metadata = browser.find_element(By.XPATH, "//*[text()='Metadata']")
    run_script(browser, "arguments[0].scrollIntoView()", metadata)


def select_newest_partition(browser: webdriver.Chrome) -> None:
    """Selects the newest partition of an asset."""
    click(browser, NEWEST_PARTITION)


def show_last_hour(browser: webdriver.Chrome) -> None:
    """Shows the runs of the last hour, by schedule and sensor."""
    click(browser, "//button[.//text()='1hr']")


def _lineage(marts: Sequence[str], groups: Sequence[str]) -> str:
    """Returns the path of the lineage of marts, back to where the data comes from, with groups expanded."""
    selection = " or ".join(f'3+key:"marts/{mart}"' for mart in marts)
    expanded = ",".join(f"global@global:{group}" for group in (*groups, "staging", "marts"))
    return f"/asset-groups~{quote(selection, safe='')}?expanded={quote(expanded, safe='')}"


SHIPPED = (
    Moment(
        Stage.work,
        (
            Picture(
                "asset-graph",
                _lineage(("fct_exchange_rate_daily", "fct_pull_requests"), ("exchange_rate", "github")),
                "fct_pull_requests",
                fit_graph,
                (1440, 870),
            ),
            Picture("source", "/locations/data_foundation/asset-groups/github", "github_pulls", fit_graph, (1600, 960)),
            Picture("catalogue", "/assets?asset-selection=kind%3A%22dlt%22", "facebook_ads", size=(1600, 900)),
            Picture("asset", "/assets/raw/github_commits", "commit__message"),
            Picture("plots", "/assets/raw/github_commits", "rows_loaded", open_plots),
            Picture("load", "/assets/raw/github_commits?view=events", "rows_loaded"),
            Picture("launchpad", "/assets/raw/github_commits", "No errors", open_launchpad),
            Picture("schedules", "/automation", "Scheduled At", size=(1280, 400)),
        ),
    ),
    Moment(
        Stage.fail_newest_partitions,
        (
            Picture(
                "partitions", "/assets/raw/exchange_rate_history?view=partitions", "failed", select_newest_partition
            ),
        ),
    ),
    Moment(Stage.complete, (Picture("backfill", "/runs/b/{id}", "Succeeded", size=(1280, 480)),)),
    Moment(
        Stage.fail,
        (
            Picture(
                "home", "/overview/activity/timeline?groupBy=automation", "data_foundation", show_last_hour, (1280, 400)
            ),
            Picture(
                "automation", "/locations/data_foundation/sensors/default_automation_condition_sensor", "Evaluations"
            ),
            Picture("failed-run", "/runs/{id}?logs=type%3ASTEP_FAILURE", "1 of 3 resources of github failed"),
        ),
    ),
)
"""Pictures of the sources that ship, in order."""

ALERTS = Moment(
    Stage.alert,
    (Picture("alerts", "/locations/data_foundation/sensors/alerts_sensor", "Skipped", size=(1280, 560)),),
)
"""Pictures of a checkout with `alerts.yaml`, after a run has failed."""

TUTORIAL = {
    "first-source.md": Moment(
        Stage.load_shop,
        (
            Picture("tutorial-source", "/locations/data_foundation/asset-groups/shop", "shop_orders", fit_graph),
            Picture("tutorial-asset", "/assets/raw/shop_orders", "customer__country"),
        ),
    ),
    "first-hour.md": Moment(
        Stage.load_and_build_shop,
        (Picture("tutorial-lineage", _lineage(["fct_shop_sales_daily"], ["shop"]), "fct_shop_sales_daily", fit_graph),),
    ),
}
"""Pictures of the tutorial's source, after a page was followed."""
