"""Generates the page of the Python interface: every public name, with its signature and its purpose."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from types import FunctionType
from typing import Any

MODULES = ("data_foundation", "data_foundation.testing")
"""The modules whose `__all__` is public."""

OWN = ("self", "cls")
"""Parameters that Python passes."""

PLAIN = (str, int, float, bool, tuple, type(None))
"""Types whose values are spelt in the same way in each process."""


def describe_python() -> str:
    """Returns a section for each public name."""
    return "\n\n".join(section for module in MODULES for section in _describe_module(module))


def _describe_module(name: str) -> Iterator[str]:
    module = import_module(name)
    yield f"## `{name}`"
    for public in module.__all__:
        found = getattr(module, public)
        yield f"### `{public}`\n\n```text\n{public}{_signature(found)}\n```\n\n{_purpose(found)}"
        methods = list(_describe_methods(found)) if inspect.isclass(found) else []
        if methods:
            yield "\n".join(["| method | meaning |", "|---|---|", *methods])


def _describe_methods(cls: type) -> Iterator[str]:
    """Yields a row for each public method and property that a class of this package defines itself."""
    for name, member in vars(cls).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            yield f"| `{name}` | {_purpose(member)} |"
        elif isinstance(member, FunctionType | classmethod | staticmethod):
            function = member if isinstance(member, FunctionType) else member.__func__
            if function.__doc__:
                yield f"| `{name}{_signature(function)}` | {_purpose(function)} |"


def _signature(found: Callable[..., Any]) -> str:
    """Returns the parameters and their defaults, without types, which are long; an object as default is `...`."""
    parameters = [_parameter(one) for one in inspect.signature(found).parameters.values() if one.name not in OWN]
    return str(inspect.Signature(parameters)).replace("Ellipsis", "...")


def _parameter(parameter: inspect.Parameter) -> inspect.Parameter:
    default = parameter.default
    if default is not inspect.Parameter.empty and not isinstance(default, PLAIN):
        default = Ellipsis
    return parameter.replace(annotation=inspect.Parameter.empty, default=default)


def _purpose(found: Any) -> str:
    """Returns the first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(found) or "").split("\n\n", maxsplit=1)[0].split())
