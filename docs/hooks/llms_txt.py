"""Writes llms.txt into the built site: a list of all pages for programs that read the docs, as llmstxt.org has it.

mkdocs calls the functions by their names: https://www.mkdocs.org/user-guide/configuration/#hooks
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.nav import Navigation
    from mkdocs.structure.pages import Page

SUMMARY = (
    "A Dagster code location that ingests with dlt and hands over to dbt. A person drops a folder into dlthub/; its "
    "tables arrive in the warehouse and appear in Dagster as assets."
)
_PROSE = re.compile(r"^[A-Za-z`\[*].*(?:\n(?![#|`>\n-]).+)*", re.MULTILINE)
_CODE = re.compile(r"(?s:^```.*?^```)|(?s:<!--.*?-->)|^[#!|].*$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")

_pages: list[tuple[str, Page]] = []


def on_nav(nav: Navigation, **_: Any) -> None:
    """Keeps the pages with the section of each, in the order of the navigation."""
    _pages[:] = [(_section(page), page) for page in nav.pages]


def on_post_build(config: MkDocsConfig, **_: Any) -> None:
    """Writes the list, and beside each page its Markdown, which the list links."""
    site = Path(config.site_dir)
    for _, page in _pages:
        (site / page.file.src_uri).write_text(page.markdown or "", encoding="utf-8")
    (site / "llms.txt").write_text("\n".join(_lines(config.site_name)) + "\n", encoding="utf-8")


def _lines(title: str) -> Iterator[str]:
    yield from (f"# {title}", "", f"> {SUMMARY}")
    section = None
    for name, page in _pages:
        if name != section:
            yield from ("", f"## {name}", "")
            section = name
        yield f"- [{page.title}]({page.file.src_uri}): {_first_sentence(page.markdown or '')}"


def _section(page: Page) -> str:
    return page.ancestors[-1].title if page.ancestors else "Start"


def _first_sentence(markdown: str) -> str:
    """Returns the first sentence of a page's prose, as plain text."""
    prose = _PROSE.search(_CODE.sub("", markdown))
    text = " ".join(_LINK.sub(r"\1", prose[0]).split()) if prose else ""
    return re.split(r"(?<=[.:])\s", text, maxsplit=1)[0].rstrip(":")
