"""Projects of a user, written for a benchmark."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

ROWS = '''
"""Rows made up in this process."""

from collections.abc import Iterator
from typing import Any

from {module} import get_pages


def get_rows(size: int) -> Iterator[list[dict[str, Any]]]:
    """Pages of 1,000 rows."""
    yield from get_pages(size)
'''
ROWS_YAML = """
resources:
  - entry: data.get_rows
    kwargs: {{size: {size}}}
    destination: raw.rows
"""


def write_source(root: Path, name: str, yaml: str, data: str = "") -> None:
    """Writes the folder of a source, with a `data.py` if `data` is given."""
    folder = root / "dlthub" / name
    folder.mkdir(parents=True)
    (folder / "sources.yaml").write_text(yaml.lstrip(), encoding="utf-8")
    if data:
        (folder / "data.py").write_text(data.lstrip(), encoding="utf-8")


def prepare_rows(module: str) -> Callable[[Path, int], AbstractContextManager[Mapping[str, str]]]:
    """Returns a function that writes a source whose rows `module` generates; other sides generate the same rows."""

    @contextmanager
    def prepare(folder: Path, size: int) -> Iterator[Mapping[str, str]]:
        write_source(folder, "shop", ROWS_YAML.format(size=size), ROWS.format(module=module))
        yield {}

    return prepare
