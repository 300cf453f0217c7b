"""Tests of `foundation ui` in a real browser: every page fits a desk and a phone, in light and dark."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from tests.support.shop_history import make_history
from tests.support.trees import Tree
from tests.ui.browser import click, open_browser, run_script, text_of, wait_for
from tests.ui.dagster_server import ROOT
from tests.ui.own_pages import SCHEMES, WIDTHS, faint_texts, is_too_wide, serve_pages, show

PAGES = {
    "tables": "/",
    "table": "/table/raw.shop_orders",
    "never loaded": "/table/raw.shop_customers",
    "loads": "/loads",
    "sql": "/sql?sql=select+1",
    "unknown": "/nowhere",
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address that the command prints, of a repository with nine days of loads and a broken source."""
    tree = Tree(tmp_path_factory.mktemp("history"))
    (tree.root / "data").mkdir()
    make_history(tree, 9)
    tree.write_source("broken", "resources: [{entry: data.x, destinaton: raw.x}]", "")
    with serve_pages(tree.root) as address:
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory, url: str) -> Iterator[webdriver.Chrome]:
    """A browser that has opened the address."""
    with open_browser(tmp_path_factory.mktemp("profile"), 1440, 900) as driver:
        driver.get(url)
        yield driver


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_page_fits(width: int, scheme: str, browser: webdriver.Chrome, url: str) -> None:
    """No page is wider than its window, no text is faint, nothing fails to load, and every plot has words."""
    show(browser, width, scheme)
    folder = ROOT / "data" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in PAGES.items():
        browser.get(url.split("/enter/", maxsplit=1)[0] + path)
        browser.save_screenshot(str(folder / f"ui-{name}-{width}-{scheme}.png"))
        assert not is_too_wide(browser), name
        assert faint_texts(browser) == [], name
        unnamed = (
            "return [...document.querySelectorAll('svg')].filter(one => !one.ariaLabel && !one.ariaLabelledByElements)"
        )
        assert run_script(browser, unnamed) == [], name
        logged = browser.get_log("browser")  # type: ignore[no-untyped-call] # selenium leaves it untyped
        failed = [one["message"] for one in logged if "favicon" not in one["message"]]
        assert [message for message in failed if "404" not in message or name != "unknown"] == []


def test_a_select_is_run_by_a_click(browser: webdriver.Chrome, url: str) -> None:
    """A person comes from a table to SQL, runs a SELECT, and sees its rows; a refusal is an alert, the text is kept."""
    show(browser, 1440, "light")
    browser.get(url.split("/enter/", maxsplit=1)[0] + "/table/raw.shop_orders")
    click(browser, "//a[text()='Open in SQL']")
    wait_for(browser, "//textarea[contains(text(), 'select * from raw.shop_orders')]")
    click(browser, "//button[text()='Run']")
    wait_for(browser, "//td[text()='Customer 0']")
    box = browser.find_element(By.ID, "sql")
    box.clear()
    box.send_keys("delete from raw.shop_orders")
    click(browser, "//button[text()='Run']")
    wait_for(browser, "//*[@role='alert']")
    assert "accepted is one SELECT" in text_of(browser)
    assert "delete from raw.shop_orders" in browser.find_element(By.ID, "sql").text


def test_another_browser_sees_nothing(url: str, tmp_path: Path) -> None:
    """A browser without the address gets no table."""
    with open_browser(tmp_path / "profile", 800, 600) as stranger:
        stranger.get(url.split("/enter/", maxsplit=1)[0])
        assert "raw." not in text_of(stranger)
        assert "open the address that" in text_of(stranger)
