"""The source text of names of dlt and Dagster, as it is installed; as a program it prints all as JSON."""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
import tomllib
from functools import cached_property, reduce
from importlib import import_module
from pathlib import Path
from typing import Any

READ: dict[str, str] = tomllib.loads(Path(__file__).with_name("digests.toml").read_text(encoding="utf-8"))
"""By name, as `module:name`, the digest of the text that it had when our code was written."""


def find(name: str) -> Any:
    """Returns the object that a name stands for.

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


def read_all() -> dict[str, str]:
    """Returns the text of every name that was read; of one that is gone, why it is not found."""
    texts = {}
    for name in READ:
        try:
            texts[name] = read(name)
        except (ImportError, AttributeError) as error:
            texts[name] = f"gone: {error}"
    return texts


if __name__ == "__main__":
    sys.stdout.write(json.dumps(read_all()))
