"""Tests that links of pages outside docs/ have a target; `make docs` checks those within docs/."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, prose

LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _anchors(page: Path) -> set[str]:
    headings = HEADING.findall(prose(page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md"])
def test_a_link_has_a_file_and_a_heading_as_target(name: str) -> None:
    """Every relative link is a file of the repository, and every anchor a heading of that file."""
    page = ROOT / name
    lost = []
    for path, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        target = (page.parent / path) if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            lost.append(f"{path}#{anchor}")
    assert lost == []


def test_the_readme_stays_short() -> None:
    """The README can be read in three minutes; everything else is a page of docs/."""
    assert len((ROOT / "README.md").read_bytes()) <= 10_000


def test_paths_of_pages_in_code_exist() -> None:
    """If a message, a comment or an example setting names a page, the page exists."""
    mention = re.compile(r"(?<![\w/.])docs/[\w/-]+\.md")
    places = ["data_foundation", "dlthub", "sandbox", "tests", "deploy", "dbt_project/models", ".dlt", ".env.example"]
    files = [f for place in places for f in [ROOT / place, *(ROOT / place).rglob("*")] if f.is_file()]
    texts = {file: file.read_bytes().decode("utf-8", "ignore") for file in files if file.suffix != ".pyc"}
    lost = {(f.relative_to(ROOT).as_posix(), p) for f, text in texts.items() for p in mention.findall(text)}
    assert {(name, path) for name, path in lost if not (ROOT / path).exists()} == set()
