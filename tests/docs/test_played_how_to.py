"""Plays the how-to pages that change and recover tables: their commands print what the pages show."""

from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.docs.tutorial import open_player

HOW_TO = ROOT / "docs" / "how-to"
PLAYED = ("change-a-table", "migrate-from-another-tool", "recover")


@pytest.mark.parametrize("page", PLAYED)
def test_a_page_shows_the_output_of_its_commands(page: str, tmp_path: Path) -> None:
    """Each line of output is printed by the commands above it; only a command that the page expects to fail does."""
    with open_player(tmp_path) as player:
        steps = list(player.play(HOW_TO / f"{page}.md"))
    assert {step.block.line: (step.missing_lines(), step.output) for step in steps if step.missing_lines()} == {}
    unexpected = [
        step for step in steps if any(step.exit_codes) and not (step.expected and "error " in step.expected.text)
    ]
    assert [(step.block.text, step.output) for step in unexpected] == []
