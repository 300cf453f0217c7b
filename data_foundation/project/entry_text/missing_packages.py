"""The packages that the code of a source folder imports and that are not installed, read from its text."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from data_foundation.errors import Place
from data_foundation.project.entry import is_installed

_ON_PATH_ONLY_HERE = "dlthub"
"""The folder of all sources: code of one may name another by it."""


def find_missing_packages(folder: Path) -> Mapping[str, Place]:
    """Returns the first place of each missing package; imports nothing.

    An import that the code itself catches, or that only a type checker follows, needs no package.
    """
    missing: dict[str, Place] = {}
    for file in sorted(folder.rglob("*.py")):
        try:
            tree = ast.parse(file.read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for name, line in _imports(tree.body):
            if name not in {_ON_PATH_ONLY_HERE, folder.name} and not is_installed(name):
                missing.setdefault(name, Place(file, line))
    return missing


def _imports(body: list[ast.stmt]) -> Iterator[tuple[str, int]]:
    """Yields the top-level package of each import of other code than the folder's own, and its line."""
    for node in body:
        match node:
            case ast.Import():
                yield from ((alias.name.split(".")[0], node.lineno) for alias in node.names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.split(".")[0], node.lineno
            case ast.Try() if any(map(_catches_import, node.handlers)):
                continue
            case ast.If() if "TYPE_CHECKING" in ast.unparse(node.test):
                yield from _imports(node.orelse)
            case _:
                for part in ("body", "orelse", "finalbody"):
                    yield from _imports(getattr(node, part, []))


def _catches_import(handler: ast.ExceptHandler) -> bool:
    names = ast.unparse(handler.type) if handler.type else "Exception"
    return any(name in names for name in ("ImportError", "ModuleNotFoundError", "Exception"))
