"""A source folder itself: its name, and the text of its `__init__.py`."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from data_foundation.errors import Problem

RESERVED_FOLDERS = ("transformation", "runner", "current")
"""Module names of dlt's plugin `dlthub`."""

OP_NAMES = (
    "context", "conf", "config", "meta", "arg_dict", "dict", "input_arg_dict", "output_arg_dict", "int", "str", "float",
    "bool", "input", "output", "type",
)  # fmt: skip
"""Names that Dagster refuses for an op, in addition to Python's keywords."""


def find_folder_problems(folder: Path) -> Iterator[Problem]:
    """Yields the problems of a folder that do not depend on its resources: its name and its `__init__.py`."""
    if not re.fullmatch(r"[A-Za-z0-9_]+", folder.name):
        yield Problem(folder, f"folder name '{folder.name}': accepted are letters, digits and _; rename the folder")
    if folder.name in RESERVED_FOLDERS:
        yield Problem(
            folder, f"no folder may be called '{folder.name}': dlt's plugin owns that name; rename the folder"
        )
    if folder.name in OP_NAMES or keyword.iskeyword(folder.name):
        yield Problem(folder, f"no folder may be called '{folder.name}': Dagster and Python own that word; rename it")
    init = folder / "__init__.py"
    try:
        _parse(init.read_bytes() if init.exists() else b"")
    except SyntaxError as error:
        yield Problem(init, f"is not valid Python: {error.msg}", error.lineno)
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        yield Problem(init, f"is not valid Python: {error}")


def read_docstring(folder: Path) -> str:
    """Returns the docstring of the folder's `__init__.py` without an import; "" if it has none."""
    try:
        return ast.get_docstring(_parse((folder / "__init__.py").read_bytes())) or ""
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ""


@lru_cache(maxsize=1)
def _parse(text: bytes) -> ast.Module:
    """Returns the parsed `__init__.py`; cached, as its problems and its docstring are read one after the other."""
    return ast.parse(text)
