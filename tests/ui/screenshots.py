"""`make screenshots`: starts the sandbox, Dagster and a browser, and writes the pictures of the docs."""

from __future__ import annotations

import collections
import io
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from selenium import webdriver

import sandbox
from tests.docs.tutorial import copy_checkout, open_player
from tests.support.receivers import emptied, serve_receivers
from tests.support.shop_history import make_history
from tests.support.trees import Tree
from tests.ui.browser import PAGE_SECONDS, open_browser, run_script, text_of
from tests.ui.dagster_server import ROOT, create_home, serve, wait_until
from tests.ui.own_pages import WIDTHS, serve_pages, show
from tests.ui.pictures import ALERTS, SHIPPED, TUTORIAL, Moment, Picture
from tests.ui.scenes import Stage, ingest

FOLDER = ROOT / "docs" / "assets" / "screenshots"
WIDTH = 1600
"""Width of every picture in pixels, whatever the width of its window in CSS pixels."""
UNFINISHED = ("Loading", "fetching", "Materializing...", "Evaluating", "Refreshing")
PAGES = (
    ("ui-tables", "/", 1440, 500, "light"),
    ("ui-table", "/table/raw.shop_orders", 1440, None, "light"),
    ("ui-table-dark", "/table/raw.shop_orders", 1440, None, "dark"),
    ("ui-phone", "/table/raw.shop_orders", 390, 1000, "light"),
)
"""Pictures of `foundation ui`: name, path, width in CSS pixels, height in pixels, and scheme."""

THEME = {"dagster-theme": "themeLight", "dagster-nav-collapsed": "true"}


def main(names: Sequence[str]) -> None:
    """Takes the pictures of the sources that ship, of alerts, the tutorial and `foundation ui`, or of those named."""
    parts = {"shipped": take_shipped, "alerts": take_alerts, "tutorial": take_tutorial, "pages": take_pages}
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, open_browser(Path(folder, "profile"), WIDTH, WIDTH) as browser:
        for name in names or parts:
            parts[name](browser, Path(folder, name))


def take_shipped(browser: webdriver.Chrome, folder: Path) -> None:
    """Takes the pictures of the sources that ship: loads all of them, and starts one action after the other."""
    home = create_home(folder)
    with sandbox.serve_in_background() as sandbox_url:
        settings = {**sandbox.settings(sandbox_url), "DUCKDB_PATH": str(folder / "warehouse.duckdb")}
        ingest(home, settings)
        with serve(home, settings) as url:
            for moment in SHIPPED:
                take_all(browser, moment, Stage(url, sandbox_url))


def take_alerts(browser: webdriver.Chrome, folder: Path) -> None:
    """Takes the pictures of alerts: of a checkout with `alerts.yaml`, whose messages a server receives."""
    home, root = create_home(folder), folder / "data-foundation"
    copy_checkout(root)
    with (
        sandbox.serve_in_background() as sandbox_url,
        serve_receivers(folder) as running,
        emptied(running) as receivers,
    ):
        targets = f"alerts: {{targets: {{{receivers.target('slack', 'data-team')}}}}}\n"
        (root / "dlthub" / "alerts.yaml").write_text(targets, encoding="utf-8")
        settings = {**sandbox.settings(sandbox_url), "DUCKDB_PATH": str(folder / "warehouse.duckdb")}
        with serve(home, settings, root) as url:
            take_all(browser, ALERTS, Stage(url, sandbox_url))
        assert receivers.texts("slack", "data-team")


def take_tutorial(browser: webdriver.Chrome, folder: Path) -> None:
    """Takes the pictures of the tutorial: follows its pages, and shows the result of each in Dagster."""
    home = create_home(folder)
    with open_player(folder / "data-foundation") as player:
        for page, moment in TUTORIAL.items():
            collections.deque(player.play(ROOT / "docs" / "tutorial" / page), maxlen=0)
            # `dagster dev` prefers a setting of .env to the environment.
            (player.root / ".env").write_text(f"SOURCES__SHOP__BASE_URL={player.sandbox_url}/shop\n", encoding="utf-8")
            with serve(home, {}, player.root) as url:
                take_all(browser, moment, Stage(url, player.sandbox_url))


def take_pages(browser: webdriver.Chrome, folder: Path) -> None:
    """Takes the pictures of `foundation ui`: of a repository with five weeks of loads."""
    tree = Tree(folder / "shop")
    (tree.root / "data").mkdir(parents=True)
    make_history(tree, 35)
    with serve_pages(tree.root) as url:
        browser.get(url)
        for name, path, width, height, scheme in PAGES:
            show(browser, width, scheme, WIDTH / width if width == WIDTHS[0] else 2)
            browser.get(url.split("/enter/")[0] + path)
            png = _optimised(browser.get_screenshot_as_png(), height)
            file = FOLDER / f"{name}.png"
            file.write_bytes(png)
            sys.stdout.write(f"wrote {file.relative_to(ROOT)}, {len(png) // 1024} KB\n")


def take_all(browser: webdriver.Chrome, moment: Moment, stage: Stage) -> None:
    """Starts an action in a running Dagster, and takes its pictures."""
    begun = moment.begin(stage)
    browser.get(stage.url)
    for key, value in THEME.items():
        run_script(browser, "localStorage.setItem(arguments[0], arguments[1])", key, value)
    for picture in moment.pictures:
        png = take(browser, picture, stage.url + picture.path.format(id=begun))
        file = FOLDER / f"{picture.name}.png"
        file.write_bytes(png)
        sys.stdout.write(f"wrote {file.relative_to(ROOT)}, {len(png) // 1024} KB\n")


def take(browser: webdriver.Chrome, picture: Picture, url: str) -> bytes:
    """Returns a picture as a small PNG, taken once the page is drawn."""
    width, height = picture.size
    window = {"width": width, "height": height, "deviceScaleFactor": WIDTH / width, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", window)
    browser.get(url)
    if picture.prepare:
        wait_until(lambda: is_drawn(browser, ""), PAGE_SECONDS)
        picture.prepare(browser)
    wait_until(lambda: is_drawn(browser, picture.shows), PAGE_SECONDS)
    return _optimised(browser.get_screenshot_as_png())


def is_drawn(browser: webdriver.Chrome, shows: str) -> bool:
    """Returns whether the page shows a text and loads nothing, and only digits changed within two seconds."""
    before = re.sub(r"\d", "", text_of(browser))
    time.sleep(2)
    text = text_of(browser)
    return shows in text and re.sub(r"\d", "", text) == before and not any(word in text for word in UNFINISHED)


def _optimised(png: bytes, height: int | None = None) -> bytes:
    """Returns a PNG without an alpha channel, compressed as far as possible; `height` cuts it, in its own pixels."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        shown = image.crop((0, 0, image.width, min(height or image.height, image.height)))
        shown.convert("RGB").save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


if __name__ == "__main__":
    main(sys.argv[1:])
