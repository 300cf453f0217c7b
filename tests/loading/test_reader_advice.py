"""Tests of the words of a refusal for a resource without code."""

import ast
from pathlib import Path

import pytest

from data_foundation.errors import LoadError
from data_foundation.loading.failures.reader_advice import advise
from tests.support.file_sources import FileTree, files

__all__ = ["files"]

ROOT = Path(__file__).parents[2]
FILES = "data_foundation.readers.files.get_rows"


def find_advice() -> list[str]:
    """Returns every text of the room `rows` that advises to yield something."""
    modules = [file for file in (ROOT / "data_foundation" / "rows").rglob("*.py") if file.name != "__init__.py"]
    texts = []
    for module in modules:
        tree = ast.parse(module.read_text(encoding="utf-8"))
        docstrings = {
            node.body[0].value  # type: ignore[attr-defined] # a docstring is an expression
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node)
        }
        constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in docstrings]
        texts += [node.value for node in constants if isinstance(node.value, str) and "yield " in node.value]
    return texts


def test_no_advice_about_code_reaches_somebody_without_code() -> None:
    """Whatever the checks of rows advise, a reader's message does not say `yield`; that of code keeps its words."""
    found = find_advice()
    assert len(found) > 10
    for advice in found:
        message = advice if ";" in advice else f"row 1, column x: got a value; {advice}"
        assert "yield " not in advise(FILES, message), message
        assert advise("data.get_rows", message) == message


def test_a_refusal_names_what_can_be_set(files: FileTree) -> None:
    """The advice is a line of sources.yaml."""
    files.put("a.jsonl", '{"a": 100000000000000000000}')
    files.read()
    with pytest.raises(
        LoadError, match=r"key a: got 1\d+, beyond 64 bits; declare its column: `columns: .a: .data_"
    ) as caught:
        files.load("bank.landed")
    assert "yield" not in str(caught.value)
