"""What a new source consists of, before anything is written; and the templates that it is made from."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from string import Template

TEMPLATES = Path(__file__).parent / "templates"
TEST = "test_source.py"


@dataclass(frozen=True)
class Draft:
    """The files of a new source.

    Attributes:
        files: Their contents, by path relative to the repository.
        steps: What to do when they are written, in order.
        settings: A section for `.dlt/config.toml`, as TOML; "" if none is needed.
        is_in_place: True if the code of the source is in the folder already.
    """

    files: Mapping[str, bytes]
    steps: tuple[str, ...]
    settings: str = ""
    is_in_place: bool = False


def read_templates(kind: str, name: str) -> dict[str, bytes]:
    """Returns the files of a folder in `templates/`, by path relative to the repository, with the name put in.

    A `.sql` becomes the SQLite file that its statements make.
    """
    return dict(_fill(TEMPLATES / kind, name))


def _fill(folder: Path, name: str) -> Iterator[tuple[str, bytes]]:
    for template in sorted(folder.iterdir()):
        file = template.name.removesuffix(".txt")
        text = Template(template.read_text(encoding="utf-8")).substitute(name=name, NAME=name.upper())
        if file == TEST:
            yield f"tests/sources/test_{name}.py", text.encode()
        elif file.endswith(".sql"):
            yield f"dlthub/{name}/{file.removesuffix('.sql')}.sqlite", _make_database(text)
        else:
            yield f"dlthub/{name}/{file}", text.encode()


def _make_database(statements: str) -> bytes:
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(statements)
        return database.serialize()
