"""`foundation new`: writes a source folder that loads a paged JSON API, and a test of it that passes."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from string import Template

from data_foundation.errors import ConfigError, Problem
from data_foundation.project.source import OP_NAMES, RESERVED_FOLDERS

TEMPLATES = Path(__file__).parent / "new_source_templates"
FILES = {
    "__init__.py": "dlthub/{name}/__init__.py",
    "data.py": "dlthub/{name}/data.py",
    "sources.yaml": "dlthub/{name}/sources.yaml",
    "test_source.py": "tests/sources/test_{name}.py",
}


def create_source(root: Path, name: str) -> list[Path]:
    """Writes the files of a new source and returns their paths.

    Raises:
        ConfigError: The name is not accepted, or a file exists already.
    """
    targets = {template: root / target.format(name=name) for template, target in FILES.items()}
    problems = list(_name_problems(root, name))
    problems += [Problem(file, "is already there; nothing was written") for file in targets.values() if file.exists()]
    if problems:
        raise ConfigError(problems)
    for template, target in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        text = (TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")
        target.write_text(Template(text).substitute(name=name, NAME=name.upper()), encoding="utf-8")
    return list(targets.values())


def _name_problems(root: Path, name: str) -> list[Problem]:
    folder = root / "dlthub" / name
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or "__" in name or keyword.iskeyword(name):
        message = f"'{name}' cannot be a source's name: accepted are lower-case letters, digits and single _"
        return [Problem(folder, message)]
    if name in RESERVED_FOLDERS:
        return [Problem(folder, f"no folder may be called '{name}': dlt's plugin owns that name")]
    if name in OP_NAMES:
        return [Problem(folder, f"no folder may be called '{name}': Dagster owns that word")]
    return []
