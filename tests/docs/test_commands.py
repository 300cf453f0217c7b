"""Every command on a page exists, with its arguments and options; commands that change nothing are run."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from data_foundation.cli.main import app
from tests.docs.commands import find_faults, split_line
from tests.docs.pages import Block, all_blocks, inline_code, page_files
from tests.support.locations import Location

SHELL = [block for block in all_blocks() if block.language == "sh" and not block.title]
HARMLESS = {("foundation", "check"), ("foundation", "list"), ("foundation", "audit")}
RUN = sorted({
    " ".join(words)
    for block in SHELL
    for line in block.text.splitlines()
    if tuple((words := split_line(line)[1])[:2]) in HARMLESS
})  # fmt: skip


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_a_command_block_can_be_typed(block: Block) -> None:
    """Each line of a shell block names a program, a subcommand, options and targets that exist."""
    faults = {line: list(find_faults(line)) for line in block.text.splitlines()}
    assert {line: found for line, found in faults.items() if found} == {}


@pytest.mark.parametrize("page", page_files(), ids=lambda page: page.stem)
def test_a_command_in_prose_exists(page: Path) -> None:
    """`foundation ...` and `make ...` in a sentence are checked in the same way."""
    commands = [code for code in inline_code(page) if code.startswith(("foundation ", "make "))]
    faults = {command: list(find_faults(command, is_whole=False)) for command in commands}
    assert {command: found for command, found in faults.items() if found} == {}


@pytest.mark.parametrize("command", RUN)
def test_a_harmless_command_runs(command: str, location: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a repository with a source `shop`, commands that only read exit with 0."""
    location.add("shop", "resources: [{entry: data.get_rows, destination: raw.shop_orders}]")
    monkeypatch.chdir(location.root)
    done = CliRunner().invoke(app, command.split()[1:])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    "line",
    [
        "foundation chek",
        "foundation run --strat 1",
        "foundation preview",
        "make tset",
        "make run LIV=1",
        "docker build --file deploy/Dokerfile",
        "foo",
    ],
)
def test_a_command_that_cannot_work_is_found(line: str) -> None:
    """The checks above find misspelt commands, options, targets, variables and programs."""
    assert list(find_faults(f"{line}  # a comment"))
