"""Reads, in the text of a dlt source, its functions with dlt's decorators and the settings that they need."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_foundation.project.module_text import FUNCTIONS, is_dlt_name, read_definitions

Function = ast.FunctionDef | ast.AsyncFunctionDef
SECRET = "dlt.secrets.value"  # noqa: S105 - the name of dlt for one
CONFIG = "dlt.config.value"
SOURCE = "source"


@dataclass(frozen=True)
class Argument:
    """An argument of a function.

    Attributes:
        annotation: Its type as the code has it, "" if it has none.
        default: The text of its default, None if it has none.
    """

    name: str
    annotation: str
    default: str | None

    @property
    def is_setting(self) -> bool:
        """True if dlt reads it from its settings."""
        return self.default in {SECRET, CONFIG}


@dataclass(frozen=True)
class DltFunction:
    """A function of a module's top level that is a dlt source, or a resource of its own.

    Attributes:
        path: Its path in `sources.yaml`.
        is_source: False for a resource.
        summary: The first sentence of its docstring, in one line.
        arguments: Its arguments, in their order.
    """

    path: str
    is_source: bool
    summary: str
    arguments: tuple[Argument, ...]

    @property
    def name(self) -> str:
        """The function's own name."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True)
class DltCode:
    """What the code of a folder declares.

    Attributes:
        functions: Its sources, then the resources that no other code of the folder names.
        settings: Arguments that dlt reads from its settings, those of resources inside a source too, each once.
    """

    functions: tuple[DltFunction, ...]
    settings: tuple[Argument, ...]


def read_dlt_code(folder: Path) -> DltCode:
    """Returns the sources and resources that the modules of a folder declare; imports nothing.

    Raises:
        EntryError: A module is not valid Python.
    """
    functions: list[DltFunction] = []
    settings: dict[str, Argument] = {}
    named: set[str] = set()
    for file in sorted(folder.rglob("*.py"), key=lambda file: (len(file.parts), file)):
        text = file.read_bytes()
        names, _ = read_definitions(file, text)
        for node in names.values():
            if isinstance(node, FUNCTIONS) and (kind := _kind(node, names)):
                path = _path(folder, file, node.name)
                functions.append(DltFunction(path, kind == SOURCE, _summary(node), tuple(_arguments(node))))
        for inner in ast.walk(ast.parse(text)):
            if isinstance(inner, FUNCTIONS) and _kind(inner, names):
                settings |= {one.name: one for one in _arguments(inner) if one.is_setting}
            named |= {inner.id} if isinstance(inner, ast.Name) else set()
    sources = [function for function in functions if function.is_source]
    resources = [one for one in functions if not one.is_source and (not sources or one.name not in named)]
    return DltCode((*sources, *resources), tuple(settings.values()))


def _kind(node: Function, names: Mapping[str, ast.stmt]) -> str:
    """Returns `source` or `resource` if a function has this decorator of dlt, otherwise ""."""
    found = (kind for kind in (SOURCE, "resource") for one in node.decorator_list if is_dlt_name(one, kind, names))
    return next(found, "")


def _path(folder: Path, file: Path, name: str) -> str:
    """Returns the path of a function: in `sources.yaml` a bare name is one of the folder's `__init__.py`."""
    module = ".".join(file.relative_to(folder).with_suffix("").parts).removesuffix("__init__").rstrip(".")
    return f"{module}.{name}" if module else name


def _summary(node: Function) -> str:
    paragraph = (ast.get_docstring(node) or "").partition("\n\n")[0]
    return re.split(r"(?<=[.!?]) ", _in_one_line(paragraph))[0]


def _arguments(node: Function) -> Iterator[Argument]:
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    missing: Sequence[None] = [None] * (len(positional) - len(arguments.defaults))
    for argument, default in [
        *zip(positional, [*missing, *arguments.defaults], strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]:
        annotation = _in_one_line(ast.unparse(argument.annotation)) if argument.annotation else ""
        yield Argument(argument.arg, annotation, ast.unparse(default) if default else None)


def _in_one_line(text: str) -> str:
    """Returns a text of the code as a comment can hold it."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
