"""Tests that the source texts of dlt and Dagster are unchanged, and that the list of hooks is complete."""

import ast
import importlib.metadata
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.upstream.hooks import HOOKS, Hook
from tests.upstream.source_text import READ, digest, read

ROOT = Path(__file__).parents[2]

DOCUMENTED = frozenset({"_asdict", "_replace", "_current_frames", "_exit"})
"""Public names of Python that begin with an underscore."""

OF_OTHERS = frozenset({"_Binary", "_result", "_worksheet_path", "_register_atexit"})
"""Private names of SQLAlchemy, openpyxl and CPython, covered by the tests of readers, workbooks and stopped runs."""


@pytest.mark.parametrize("theirs", READ)
def test_source_texts_are_unchanged(theirs: str) -> None:
    """The text of each hooked name is the one for which our code was written."""
    package = theirs.partition(".")[0].replace("_", "-")
    used = "".join(f"\n  {hook}. {hook.why}" for hook in HOOKS if theirs in hook.theirs)
    found = digest(read(theirs))
    assert found == READ[theirs], (
        f"{theirs} of {package} {importlib.metadata.version(package)} has changed. It is used by:{used}\n"
        f"Compare the two (`make upstream` shows the difference), adapt the code that uses it, and enter '{found}' in "
        "tests/upstream/digests.toml."
    )


@pytest.mark.parametrize("hook", HOOKS, ids=str)
def test_each_hook_has_tests(hook: Hook) -> None:
    """A changed text shows that something has changed; only a test shows the effect."""
    assert hook.tests
    assert [test for test in hook.tests if not (ROOT / "tests" / test).exists()] == []


def test_digests_are_those_of_the_hooked_names() -> None:
    """A digest that no hook uses is removed."""
    assert READ.keys() == {theirs for hook in HOOKS for theirs in hook.theirs}


def test_every_private_name_is_listed() -> None:
    """Every private name of dlt or Dagster in the code is listed in a hook."""
    unguarded = [
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for file in (ROOT / "data_foundation").rglob("*.py")
        for line, name in _private_names(file)
        if not _is_listed(file, name)
    ]
    assert unguarded == []


def _is_listed(file: Path, name: str) -> bool:
    """Returns whether a hook of the module lists the name, or lists a class or function whose text contains it."""
    listed = [theirs for hook in HOOKS if ROOT / hook.file == file for theirs in hook.theirs]
    return any(name in re.findall(r"\w+", f"{theirs} {read(theirs)}") for theirs in listed)


def _private_names(file: Path) -> Iterator[tuple[int, str]]:
    """Yields line and name of imports from private modules, overridden methods, and private foreign attributes."""
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
    """Returns the names that a module defines: functions, classes and attributes."""
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
