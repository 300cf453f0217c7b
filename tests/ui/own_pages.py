"""The pages of `foundation ui` for tests and pictures: served by the real command, seen in windows of two widths."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver

from tests.ui.browser import run_script

FOUNDATION = Path(sys.executable).parent / "foundation"
WIDTHS = (1440, 390)
SCHEMES = ("light", "dark")


@contextmanager
def serve_pages(root: Path) -> Iterator[str]:
    """Runs `foundation ui` in a repository; yields the address that it prints, with the token."""
    unset = {"WAREHOUSE", "DEPLOYMENT", "DUCKDB_PATH"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    server = subprocess.Popen(
        [str(FOUNDATION), "ui", "--no-open", "--port", "0", "--json"],
        cwd=root, env={**environment, "DLT_PROJECT_DIR": str(root)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stdout
        line = json.loads(server.stdout.readline())
        assert (line["kind"], line["action"]) == ("page", "serving")
        yield line["name"]
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)


def show(browser: webdriver.Chrome, width: int, scheme: str, scale: float = 1) -> None:
    """Gives the window a width in CSS pixels, and the browser a person's choice of light or dark."""
    size = {"width": width, "height": 900, "deviceScaleFactor": scale, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)


def is_too_wide(browser: webdriver.Chrome) -> bool:
    """Returns whether the page can be scrolled to the side; a wide table scrolls in a frame of its own."""
    return bool(run_script(browser, "return document.documentElement.scrollWidth > innerWidth"))


CONTRAST = """
const luminance = colour => {
  const parts = colour.match(/[0-9.]+/g).slice(0, 3).map(Number).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]; };
const ground = node => { for (let one = node; one; one = one.parentElement) {
  const colour = getComputedStyle(one).backgroundColor;
  if (!/rgba\\(.*, 0\\)|transparent/.test(colour)) return colour; } return 'rgb(255, 255, 255)'; };
return [...document.querySelectorAll('main *, header *, footer')]
  .filter(node => !['title', 'desc'].includes(node.tagName))
  .filter(node => [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim()))
  .map(node => { const style = getComputedStyle(node), svg = node.closest('svg');
    const pair = [luminance(svg ? style.fill : style.color), luminance(ground(node))].sort((a, b) => b - a);
    return [node.tagName + '.' + node.getAttribute('class'), (pair[0] + 0.05) / (pair[1] + 0.05)]; })
  .filter(pair => pair[1] < 4.5).map(pair => pair.join(' '));
"""


def faint_texts(browser: webdriver.Chrome) -> list[str]:
    """Returns the texts with less contrast than 4.5 to 1, the limit of WCAG 2 AA."""
    found: list[str] = run_script(browser, CONTRAST)
    return sorted(set(found))
