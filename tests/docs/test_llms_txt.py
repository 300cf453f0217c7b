"""Tests of llms.txt: programs that read the docs find every page, with a sentence, in a text that they can read."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_page_is_listed_with_a_sentence(tmp_path: Path) -> None:
    """The built site has llms.txt, whose links lead to the Markdown of each page of the navigation."""
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=200)
    text = (tmp_path / "llms.txt").read_text(encoding="utf-8")
    assert text.startswith("# Data foundation\n\n> ")
    entries = re.findall(r"^- \[(.+)\]\((.+)\): (.*)$", text, re.MULTILINE)
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert {link for _, link, _ in entries} == pages
    assert not [title for title, _, sentence in entries if len(sentence.split()) < 3]
    for _, link, _ in entries:
        assert (tmp_path / link).read_text(encoding="utf-8").strip()
    assert not (tmp_path / "hooks").exists()
