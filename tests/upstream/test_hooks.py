"""Holds dlt and Dagster to what was read of their insides, and the list of these to what this project relies on."""

import ast
import importlib.metadata
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.upstream.hooks import HOOKS, Hook
from tests.upstream.source_text import READ, digest, read

ROOT = Path(__file__).parents[2]

DOCUMENTED = frozenset({"_asdict", "_replace", "_current_frames"})
"""Names of Python's own that begin with an underscore and are public."""

OF_OTHERS = frozenset({"_Binary", "_worksheet_path"})
"""Private names of SQLAlchemy and of openpyxl, which the tests of the readers and of the workbook hold."""


@pytest.mark.parametrize("theirs", READ)
def test_what_was_read_reads_as_it_did(theirs: str) -> None:
    """What this project calls, overrides, replaces or was written after is what it was when that was done."""
    package = theirs.partition(".")[0].replace("_", "-")
    used = "".join(f"\n  {hook}. {hook.why}" for hook in HOOKS if theirs in hook.theirs)
    found = digest(read(theirs))
    assert found == READ[theirs], (
        f"{theirs} of {package} {importlib.metadata.version(package)} is not what was read. What relies on it:{used}\n"
        f"Compare the two (`make upstream` shows the difference), adapt what relies on it, and enter '{found}' in "
        "tests/upstream/digests.toml."
    )


@pytest.mark.parametrize("hook", HOOKS, ids=str)
def test_each_hook_has_tests(hook: Hook) -> None:
    """A text says that something has changed, and only a test what that does."""
    assert hook.tests
    assert [test for test in hook.tests if not (ROOT / "tests" / test).exists()] == []


def test_there_is_a_digest_of_what_is_relied_on_and_of_nothing_else() -> None:
    """What is not relied on any more is not looked at any more."""
    assert READ.keys() == {theirs for hook in HOOKS for theirs in hook.theirs}


def test_every_private_name_is_listed() -> None:
    """No module reaches into dlt or Dagster without a guard."""
    unguarded = [
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for file in (ROOT / "data_foundation").rglob("*.py")
        for line, name in _private_names(file)
        if not _is_listed(file, name)
    ]
    assert unguarded == []


def _is_listed(file: Path, name: str) -> bool:
    """Tells whether a hook of the module names it, or names a class or a function whose text has it."""
    listed = [theirs for hook in HOOKS if ROOT / hook.file == file for theirs in hook.theirs]
    return any(name in re.findall(r"\w+", f"{theirs} {read(theirs)}") for theirs in listed)


def _private_names(file: Path) -> Iterator[tuple[int, str]]:
    """Yields line and name of imports from private modules, overridden methods, and attributes of no class of ours."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    own = DOCUMENTED | OF_OTHERS | _own_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and "._" in f".{node.module}" and node.module != "__future__":
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.Attribute) and _is_private(node.attr) and node.attr not in own:
            yield node.lineno, node.attr
        elif isinstance(node, ast.FunctionDef) and _is_private(node.name) and _is_override(node):
            yield node.lineno, node.name


def _own_names(tree: ast.Module) -> frozenset[str]:
    """Returns what a module defines itself: functions, classes and attributes."""
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    stored = {node.attr for node in attributes if isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self"}
    declared = {
        node.target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    return frozenset(defined | stored | declared)


def _is_override(function: ast.FunctionDef) -> bool:
    return any(isinstance(decorator, ast.Name) and decorator.id == "override" for decorator in function.decorator_list)


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")
