"""Debian's chromium without a screen, and the actions of a user."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    NoSuchElementException,
    StaleElementReferenceException,
)
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

PAGE_SECONDS = 120.0
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip


@contextmanager
def open_browser(profile: Path, width: int, height: int) -> Iterator[webdriver.Chrome]:
    """Runs a browser during the block.

    Args:
        profile: A folder for the browser's files.
        width: Width of the window in CSS pixels.
        height: Height of the window in CSS pixels.
    """
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in (*FLAGS, f"--window-size={width},{height}", f"--user-data-dir={profile}"):
        options.add_argument(flag)
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    with webdriver.Chrome(options, service) as driver:
        yield driver


def wait_for(browser: webdriver.Chrome, xpath: str, seconds: float = PAGE_SECONDS) -> None:
    """Waits until the page has an element."""
    WebDriverWait(browser, seconds).until(lambda driver: driver.find_element(By.XPATH, xpath))


def click(browser: webdriver.Chrome, xpath: str, seconds: float = PAGE_SECONDS) -> None:
    """Clicks an element, even if the page replaces it."""
    ignored = [StaleElementReferenceException, ElementClickInterceptedException, NoSuchElementException]
    WebDriverWait(browser, seconds, ignored_exceptions=ignored).until(
        lambda driver: driver.find_element(By.XPATH, xpath).click() or True  # type: ignore[func-returns-value]
    )


def run_script(browser: webdriver.Chrome, script: str, *arguments: object) -> Any:
    """Runs JavaScript in the page, and returns its result."""
    return browser.execute_script(script, *arguments)  # type: ignore[no-untyped-call]  # selenium leaves it untyped


def text_of(browser: webdriver.Chrome) -> str:
    """Returns the text that the page shows."""
    return browser.find_element(By.TAG_NAME, "body").text
