"""The top-level names of a module, read from its text; nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from data_foundation.errors import EntryError
from data_foundation.project.source_import import shown

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BLOCKS = (ast.If, ast.Try, ast.With, ast.For, ast.While)


@lru_cache(maxsize=64)
def read_definitions(file: Path, text: bytes) -> tuple[dict[str, ast.stmt], bool]:
    """Returns the module's top-level names with the statements that bind them; True if it may have more at run time.

    Raises:
        EntryError: The text is not valid Python.
    """
    try:
        tree = ast.parse(text, str(file))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        message = f"{shown(file)}{line} is not valid Python: {getattr(error, 'msg', str(error) or 'too deep')}"
        raise EntryError(message) from None
    names = dict(_bindings(tree.body))
    return names, "*" in names or "__getattr__" in names


def _bindings(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    """Yields each name that the statements bind at the module's top level, with the statement."""
    for node in body:
        yield from ((name, node) for name in _names_bound(node))
        for part in ("body", "orelse", "finalbody") if isinstance(node, _BLOCKS) else ():
            yield from _bindings(getattr(node, part, []))
        for handler in getattr(node, "handlers", []):
            yield from _bindings(handler.body)


def _names_bound(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Import() | ast.ImportFrom():
            return [(alias.asname or alias.name).split(".")[0] for alias in node.names]
        case ast.Assign():
            return [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
        case ast.AnnAssign(target=ast.Name() as target):
            return [target.id]
    return []
