"""The top-level names of a module, read from its text; nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
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


def is_dlt_name(expression: ast.expr, name: str, names: Mapping[str, ast.stmt]) -> bool:
    """Returns True if an expression, for instance a decorator, is dlt's `name`, or a call of it.

    Args:
        expression: The expression.
        name: For instance `source`.
        names: The top-level names of its module, with the statements that bind them.
    """
    match expression.func if isinstance(expression, ast.Call) else expression:
        case ast.Attribute(value=ast.Name(id=module), attr=attribute):
            return attribute == name and _is_from_dlt(names.get(module))
        case ast.Name(id=own):
            node = names.get(own)
            original = {alias.asname or alias.name: alias.name for alias in getattr(node, "names", ())}
            return original.get(own) == name and _is_from_dlt(node)
    return False


def _is_from_dlt(node: ast.stmt | None) -> bool:
    match node:
        case ast.Import(names=names):
            return any(alias.name.split(".")[0] == "dlt" for alias in names)
        case ast.ImportFrom(level=0, module=str(module)):
            return module.split(".")[0] == "dlt"
    return False


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
