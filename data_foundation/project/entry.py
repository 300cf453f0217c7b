"""Entries: the file of an entry path and its text, both without an import, and the imported object."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.machinery import BuiltinImporter, ModuleSpec, PathFinder
from pathlib import Path
from typing import Any, NoReturn

from typing_extensions import override

from data_foundation.errors import EntryError
from data_foundation.project.hints_in_text import read_text_hints
from data_foundation.project.module_text import FUNCTIONS, read_definitions
from data_foundation.project.source_import import import_module, shown


@dataclass(frozen=True)
class EntryPlace:
    """The place of an entry in the code.

    Attributes:
        folder: The source folder that holds the module; None for a module on the import path.
        module: Dotted name, relative to the folder or absolute; "" for the folder's own `__init__.py`.
        file: The module's file.
        attributes: Names of the attribute path inside the module, at least one.
        index: For `resources[2]`, the 2.
    """

    folder: Path | None
    module: str
    file: Path
    attributes: tuple[str, ...]
    index: int | None = None


@dataclass(frozen=True)
class EntryFacts:
    """Line, docstring and signature of an entry, read from its source text; None if the text does not show them.

    Attributes:
        hints: What its decorator and its arguments declare, by key of `sources.yaml`.
    """

    line: int
    docstring: str | None
    signature: inspect.Signature | None
    hints: Mapping[str, Any] = field(default_factory=dict)


def find_entry(folder: Path, entry: str) -> EntryPlace:
    """Finds the file of `entry` as written in `folder`'s `sources.yaml`; imports nothing.

    `data.f`, `<folder>.data.f` and `dlthub.<folder>.data.f` are the folder's own `data.py`, whatever else of that
    name is installed, and `__init__.f` or `<folder>.f` its `__init__.py`; `f` is one of these two, the latter if both
    have it. Anything else is looked up on the import path.

    Raises:
        EntryError: No such module, or a path that names a module and nothing inside it.
    """
    parts, index = _parse(folder, entry)
    own = parts[2:] if parts[:2] == ["dlthub", folder.name] else parts[1:] if parts[0] == folder.name else parts
    if parts[0] == _PACKAGE:
        return _place(folder, entry, parts, (folder / f"{_PACKAGE}.py", 1), index)
    for inside in (own, parts):
        if found := _walk(folder, inside):
            return _place(folder, entry, inside, found, index)
    if own is not parts:
        package = folder / f"{_PACKAGE}.py"
        if own and package.is_file() and own[0] in read_definitions(package, package.read_bytes())[0]:
            return _place(folder, entry, [_PACKAGE, *own], (package, 1), index)
        return _place(folder, entry, own, None, index)
    spec = _find_top_level(parts[0])
    if spec is None:
        _raise_no_module(folder, entry, parts[0])
    for location in spec.submodule_search_locations or ():
        if found := _walk(Path(location), parts[1:]):
            return _place(None, entry, parts, (found[0], found[1] + 1), index)
    if spec.origin is None:  # a folder on the import path that holds no such module, perhaps no Python at all
        _raise_no_module(folder, entry, parts[0])
    return _place(None, entry, parts, (Path(spec.origin), 1), index)


def is_installed(name: str) -> bool:
    """Returns whether a top-level module is on the import path; imports nothing."""
    return _find_top_level(name) is not None


def read_facts(place: EntryPlace) -> EntryFacts:
    """Reads the entry's line, docstring and signature from the module's text; imports nothing.

    Raises:
        EntryError: The module is not valid Python, or has nothing of that name.
    """
    if place.file.suffix != ".py":
        return EntryFacts(1, None, None)  # a compiled module has no text
    text = place.file.read_bytes()
    names, may_have_more = read_definitions(place.file, text)
    node = names.get(place.attributes[0])
    if node is None:
        if may_have_more:
            return EntryFacts(1, None, None)
        functions = ", ".join(name for name, found in names.items() if isinstance(found, FUNCTIONS))
        message = f"{shown(place.file)} has no '{place.attributes[0]}'; it has: {functions or 'no functions'}"
        raise EntryError(message)
    if not isinstance(node, FUNCTIONS) or len(place.attributes) > 1:
        return EntryFacts(node.lineno, None, None)
    # Hints that the code changes after the decorator are known only at run time.
    hints = {} if b"apply_hints" in text else read_text_hints(node)
    return EntryFacts(node.lineno, ast.get_docstring(node), _signature(node), hints)


def check_arguments(
    facts: EntryFacts, args: Sequence[object], kwargs: Mapping[str, object], *, takes_item: bool
) -> str | None:
    """Returns why `args` and `kwargs` do not fit the entry's signature; None if they fit or the signature is unknown.

    Args:
        facts: The facts of the entry.
        args: Positional arguments from the configuration.
        kwargs: Keyword arguments from the configuration.
        takes_item: True for a transformer, whose first argument is the item of its parent.
    """
    if facts.signature is None:
        return None
    item = (object(),) if takes_item else ()
    try:
        facts.signature.bind(*item, *args, **kwargs)
    except TypeError as error:
        return f"{error}; the entry's signature is {facts.signature}"
    return None


def import_entry(place: EntryPlace, deadline: float | None = None, *, anew: bool = False) -> Any:
    """Imports the entry's module and returns the object.

    A source's folder becomes a package under a private name, so that relative imports inside it work and a folder
    named like an installed package shadows nothing.

    Args:
        place: The place of the entry.
        deadline: Seconds that the import may take; None for the default.
        anew: True if the modules of a source folder are imported again, though they were imported before.

    Raises:
        EntryError: The import raised, exited, or did not end within `deadline` seconds; or nothing of that name.
    """
    module = import_module(place.folder, place.module, place.file, deadline, anew=anew)
    found: Any = module
    try:
        for attribute in place.attributes:
            found = getattr(found, attribute)
        return found if place.index is None else found[place.index]
    except (AttributeError, IndexError, TypeError) as error:
        message = f"{shown(place.file)}: {error}"
        raise EntryError(message) from None


_PACKAGE = "__init__"
"""Module name of a folder's own package in the path of an entry."""

_DLT_DECORATOR = re.compile(r"dlt\.|(resource|transformer|source)\b")


def _parse(folder: Path, entry: str) -> tuple[list[str], str]:
    """Returns the names of the path of an entry, at least two, and the text of its index."""
    path, _, index = entry.rstrip("]").partition("[")
    parts = path.split(".")
    return [_find_module(folder, path), path] if len(parts) == 1 else parts, index


def _find_module(folder: Path, name: str) -> str:
    """Returns which module of a folder has a name: its `__init__.py`, or else its `data.py`."""
    package = folder / f"{_PACKAGE}.py"
    is_there = package.is_file() and name in read_definitions(package, package.read_bytes())[0]
    return _PACKAGE if is_there else "data"


def _walk(base: Path, parts: Sequence[str]) -> tuple[Path, int] | None:
    """Returns the deepest module file that `parts` name under `base`, and how many parts name it."""
    deepest = None
    for count, part in enumerate(parts, 1):
        package, module = base / part / "__init__.py", base / f"{part}.py"
        if module.is_file():
            return module, count
        if not package.parent.is_dir():
            break
        deepest = (package, count) if package.is_file() else deepest
        base /= part
    return deepest


def _place(
    folder: Path | None, entry: str, parts: Sequence[str], found: tuple[Path, int] | None, index: str
) -> EntryPlace:
    if found is None:
        if folder and parts and not (folder / "__init__.py").is_file() and (folder / parts[0]).exists():
            parts = parts[1:]
        _raise_no_module(folder or Path(), entry, parts[0] if parts else "")
    file, depth = found
    package = file.parent / f"{_PACKAGE}.py"
    if (
        depth == len(parts) > 1
        and package.is_file()
        and parts[-1] in read_definitions(package, package.read_bytes())[0]
    ):
        # A function that hides the module of its name, for instance dlt.sources.filesystem.readers.
        file, depth = package, depth - 1
    if depth == len(parts):
        message = f"'{entry}' names the module {shown(file)} and nothing inside it; add .<function>"
        raise EntryError(message)
    module = "" if parts[0] == _PACKAGE else ".".join(parts[:depth])
    return EntryPlace(folder, module, file, tuple(parts[depth:]), int(index) if index else None)


def _raise_no_module(folder: Path, entry: str, module: str) -> NoReturn:
    modules = sorted(file.stem for file in folder.glob("*.py") if not file.stem.startswith("__"))
    own = f"{shown(folder)} has {', '.join(f'{name}.py' for name in modules) or 'no modules'}"
    message = f"'{entry}': there is no module '{module}', neither in this folder ({own}) nor installed"
    raise EntryError(message)


@lru_cache(maxsize=512)
def _find_top_level(name: str) -> ModuleSpec | None:
    """Finds a top-level module on the import path: unlike `importlib.util.find_spec` it imports no parent."""
    return BuiltinImporter.find_spec(name) or PathFinder.find_spec(name)


class _Default:
    """A default value in a signature of an error message."""

    @override
    def __repr__(self) -> str:
        return "..."


_DEFAULT = _Default()


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> inspect.Signature | None:
    """Returns the signature; None if a decorator may change it: one that is not dlt's, or one with `data_from`."""
    decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
    if not all(_DLT_DECORATOR.match(text) and "data_from" not in text for text in decorators):
        return None
    arguments = node.args
    kinds = inspect.Parameter
    positional = [*arguments.posonlyargs, *arguments.args]
    required = len(positional) - len(arguments.defaults)
    parameters = []
    for position, argument in enumerate(positional):
        kind = kinds.POSITIONAL_ONLY if position < len(arguments.posonlyargs) else kinds.POSITIONAL_OR_KEYWORD
        default = kinds.empty if position < required else _DEFAULT
        parameters.append(kinds(argument.arg, kind, default=default))
    if arguments.vararg:
        parameters.append(kinds(arguments.vararg.arg, kinds.VAR_POSITIONAL))
    for argument, default_node in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        default = kinds.empty if default_node is None else _DEFAULT
        parameters.append(kinds(argument.arg, kinds.KEYWORD_ONLY, default=default))
    if arguments.kwarg:
        parameters.append(kinds(arguments.kwarg.arg, kinds.VAR_KEYWORD))
    return inspect.Signature(parameters)
