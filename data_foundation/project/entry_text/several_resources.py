"""Recognises, in source text, an entry that is several dlt resources instead of the rows of one."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from data_foundation.errors import EntryError
from data_foundation.project.entry import EntryPlace, find_entry
from data_foundation.project.module_text import FUNCTIONS, is_dlt_name, read_definitions

_MOST_IMPORTS = 4
"""Imports that are followed from one module to the next."""

_RETURNS_RESOURCES = re.compile(
    r"\bDltSource\b|\b(list|sequence|collection|iterable|iterator|tuple|set|dict|mapping)\[.*\bDltResource\b",
    re.IGNORECASE,
)


def refuse_loader(entry: str, what: str) -> EntryError:
    """Returns the error for an entry that loads tables itself.

    Args:
        entry: The entry.
        what: What it is instead of rows.
    """
    return EntryError(
        f"entry '{entry}' is {what}, which loads tables itself; name the dlt source that it loads as `source`, or the "
        "resource or function whose rows it loads as `entry`"
    )


def refuse_resources(entry: str, what: str, example: str = "") -> EntryError:
    """Returns the error for an entry that is several resources.

    Args:
        entry: The entry.
        what: What it is instead of rows.
        example: An expression for one of the resources, for instance `shop().orders`.
    """
    name = example.rpartition(".")[2]
    code = f": in data.py `def get_{name}(): return {example}`, and here `entry: data.get_{name}`" if example else ""
    return EntryError(
        f"entry '{entry}' is {what}. A destination is one table, and its entry one resource: the rows of several would "
        f"overwrite each other. To load each into a table, write `source: {entry}` in place of `entry`, and "
        f"`{{table}}` in the destination; for one table, write a function that returns one of them{code}"
    )


def refuse_resources_in_text(entry: str, place: EntryPlace) -> None:
    """Refuses an entry whose text shows that it is a dlt source or several resources.

    Recognised are dlt's decorator `source`, an annotation of the returned value, and at the module's top level the
    call of such a function, a list of resources, and an import of one of these.

    Raises:
        EntryError: The text shows it.
    """
    if what := _describe(place, _MOST_IMPORTS):
        inside = what.partition(", which holds ")[2]
        raise refuse_resources(entry, what, f"{place.attributes[0]}().{inside.split(', ')[0]}" if inside else "")


def _describe(place: EntryPlace, imports: int) -> str:
    if place.file.suffix != ".py" or place.index is not None or len(place.attributes) > 1:
        return ""
    names, _ = read_definitions(place.file, place.file.read_bytes())
    return _Module(place.folder, place.module, names, imports).describe(place.attributes[0])


@dataclass(frozen=True)
class _Module:
    """One module's text.

    Attributes:
        folder: The source folder; None for an installed module, whose imports are not followed.
        module: The dotted name.
        names: The top-level names with the statements that bind them.
        imports: How many imports may still be followed.
    """

    folder: Path | None
    module: str
    names: Mapping[str, ast.stmt]
    imports: int

    def describe(self, name: str) -> str:
        """Returns what a top-level name is if it is several resources, otherwise ""."""
        match self.names.get(name):
            case ast.FunctionDef() | ast.AsyncFunctionDef() as function:
                return self._describe_function(function)
            case ast.Assign(targets=[ast.Name()], value=value) | ast.AnnAssign(value=ast.expr() as value):
                return self._describe_value(value)
            case ast.ImportFrom() as node:
                return self._describe_imported(node, name)
        return ""

    def _describe_function(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
        if any(is_dlt_name(decorator, "source", self.names) for decorator in function.decorator_list):
            inside = [
                node.name for node in ast.walk(function) if isinstance(node, FUNCTIONS) and self._is_resource(node)
            ]
            return "a dlt source" + (f", which holds {', '.join(inside)}" if inside else "")
        if function.returns and _RETURNS_RESOURCES.search(ast.unparse(function.returns)):
            returned = ast.unparse(function.returns).strip("'")
            return f"a function that returns {returned}"
        return ""

    def _describe_value(self, value: ast.expr) -> str:
        match value:
            case ast.Call(func=ast.Name(id=name)):
                return self.describe(name)
            case ast.Call() if is_dlt_name(value, "source", self.names):
                return "a dlt source"
            case ast.List(elts=items) | ast.Tuple(elts=items) if items and all(map(self._is_resource_value, items)):
                return f"a list of the dlt resources {', '.join(map(ast.unparse, items))}"
        return ""

    def _describe_imported(self, node: ast.ImportFrom, name: str) -> str:
        is_near = node.level == 0 or (node.level == 1 and "." not in self.module)
        if not (self.folder and node.module and is_near and self.imports):
            return ""
        original = next((alias.name for alias in node.names if (alias.asname or alias.name) == name), "")
        with suppress(EntryError, OSError):
            return _describe(find_entry(self.folder, f"{node.module}.{original}"), self.imports - 1)
        return ""

    def _is_resource_value(self, item: ast.expr) -> bool:
        called = item.func if isinstance(item, ast.Call) else item
        bound = self.names.get(called.id) if isinstance(called, ast.Name) else None
        return isinstance(bound, FUNCTIONS) and self._is_resource(bound)

    def _is_resource(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        return any(
            is_dlt_name(decorator, kind, self.names)
            for decorator in function.decorator_list
            for kind in ("resource", "transformer")
        )
