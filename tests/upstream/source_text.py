"""Source texts of dlt and Dagster as installed; run as a program, it prints all of them as JSON."""

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
"""The digest of each name's source text at the time when our code was written; the keys are `module:name`."""


def find(name: str) -> Any:
    """Returns the object with a name.

    Raises:
        ImportError: The module does not exist.
        AttributeError: The module does not have the name.
    """
    module, _, path = name.partition(":")
    return reduce(inspect.getattr_static, path.split("."), import_module(module))


def read(name: str) -> str:
    """Returns the source text of a class or function, or the `repr` of any other object.

    Raises:
        ImportError: The module does not exist.
        AttributeError: The module does not have the name.
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
    """Returns the text of every name in the digests; for a missing name, the error."""
    texts = {}
    for name in READ:
        try:
            texts[name] = read(name)
        except (ImportError, AttributeError) as error:
            texts[name] = f"gone: {error}"
    return texts


if __name__ == "__main__":
    sys.stdout.write(json.dumps(read_all()))
