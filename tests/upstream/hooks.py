"""The hooks into dlt and Dagster, as hooks.toml lists them, and the source text that each relies on."""

from __future__ import annotations

import hashlib
import inspect
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from importlib import import_module
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("hooks.toml")


@dataclass(frozen=True)
class Hook:
    """Something of ours that relies on insides of dlt or Dagster, which any release of theirs may change.

    Attributes:
        ours: What relies on them, as `module:name` below `data_foundation`.
        why: What it does.
        theirs: The names that it relies on, as `module:name`.
        tests: Files below `tests/` that fail where these behave differently.
    """

    ours: str
    why: str
    theirs: Sequence[str]
    tests: Sequence[str]

    @property
    def file(self) -> str:
        """The path of the module, from the root of the repository."""
        return f"data_foundation/{self.ours.partition(':')[0].replace('.', '/')}.py"


def load_hooks() -> tuple[list[Hook], Mapping[str, str]]:
    """Returns the hooks, and by each name of theirs the digest of the text that was read."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return [Hook(**hook) for hook in table["hooks"]], table["digests"]


def find(name: str) -> Any:
    """Returns the object that a name `module:name` stands for.

    Raises:
        ImportError: There is no such module.
        AttributeError: The module has no such name.
    """
    module, _, path = name.partition(":")
    return reduce(inspect.getattr_static, path.split("."), import_module(module))


def read(name: str) -> str:
    """Returns the source text of a class or a function, and the `repr` of any other object.

    Raises:
        ImportError: There is no such module.
        AttributeError: The module has no such name.
    """
    found = find(name)
    if isinstance(found, property):
        found = found.fget
    elif isinstance(found, cached_property):
        found = found.func
    found = getattr(found, "__func__", found)
    return inspect.getsource(found) if callable(found) else repr(found)


def digest(text: str) -> str:
    """Returns a short digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def build_table(hooks: Sequence[Hook]) -> str:
    """Returns the table of hooks in docs/architecture.md."""
    rows = ["| Ours, in `data_foundation/` | Why | Theirs | Tests, in `tests/` |", "|---|---|---|---|"]
    for hook in hooks:
        name = hook.ours.partition(":")[2]
        theirs = ", ".join(dict.fromkeys(f"`{theirs.partition(':')[2]}`" for theirs in hook.theirs))
        tests = ", ".join(f"`{test}`" for test in hook.tests)
        rows.append(f"| `{hook.file.removeprefix('data_foundation/')}`: `{name}` | {hook.why} | {theirs} | {tests} |")
    return "\n".join(rows)
