"""Tests that CONTRIBUTING.md describes the repository."""

import re
import tomllib

from tests.docs.pages import ROOT, inline_code

PAGE = ROOT / "CONTRIBUTING.md"
BLOCK = re.compile(r"```text\n(.*?)```", re.DOTALL)


def test_the_rooms_are_those_of_import_linter() -> None:
    """The list of rooms is that of the contract in pyproject.toml, in the same order."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    [walls] = [contract for contract in contracts if contract.get("containers") == ["data_foundation"]]
    [listed] = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    rooms = [re.split(r" {2,}", line)[0] for line in listed.splitlines()]
    # event_log is an import path for users' dagster.yaml, and not a room.
    assert rooms == [layer for layer in walls["layers"] if layer != "event_log"]


def test_the_folders_and_files_that_it_names_exist() -> None:
    """Every path in code is a file: in the repository, in the framework, or in docs/."""
    paths = [code for code in inline_code(PAGE) if re.fullmatch(r"[\w.]+(/[\w.]+)*/?", code) and "/" in code]
    places = [ROOT, ROOT / "data_foundation", ROOT / "docs"]
    assert [path for path in paths if not any((place / path).exists() for place in places)] == []
