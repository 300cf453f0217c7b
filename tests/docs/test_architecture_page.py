"""Tests that docs/architecture.md agrees with the code: the modules that it names, and the hooks that it lists."""

import re

from tests.docs.pages import ROOT
from tests.upstream.table import build_table

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_modules_that_the_page_names_exist() -> None:
    """Every path on the page is a file or a folder."""
    named = set(re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.py)?)`", PAGE)) - {"data_foundation/"}
    places = ("data_foundation", ".", "tests")
    assert [path for path in sorted(named) if not any((ROOT / place / path).exists() for place in places)] == []
    assert len(named) > 60


def test_the_page_lists_the_hooks() -> None:
    """The table is that of tests/upstream/hooks.py; `python -m tests.upstream.table` updates it."""
    assert build_table() in PAGE
