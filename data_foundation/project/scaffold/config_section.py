"""Adds the settings of a new source to `.dlt/config.toml`, which keeps all that it has."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from data_foundation.errors import ConfigError, Problem

CONFIG_FILE = ".dlt/config.toml"


def add_section(root: Path, section: str) -> Path | None:
    """Adds a section to the end of `.dlt/config.toml`; returns the file, or None if it has the section already.

    Args:
        root: The repository.
        section: The section as TOML: its heading, and its settings.

    Raises:
        ConfigError: The file is not valid TOML, or a section cannot be added to its end; it is unchanged.
    """
    file = root / CONFIG_FILE
    before = file.read_text(encoding="utf-8") if file.is_file() else ""
    try:
        if _holds(tomllib.loads(before), tomllib.loads(section)):
            return None
        after = f"{before.rstrip()}\n\n{section}".lstrip()
        tomllib.loads(after)
    except tomllib.TOMLDecodeError as error:
        hint = f"write the section yourself:\n{section}"
        raise ConfigError([Problem(file, f"no section can be added: {error}; {hint}")]) from None
    file.parent.mkdir(exist_ok=True)
    file.write_text(after, encoding="utf-8")
    return file


def _holds(there: Any, new: Any) -> bool:
    """Returns True if a value has something at the place of each table that has settings in `new`."""
    if not isinstance(there, dict):
        return True
    tables = {key: value for key, value in new.items() if isinstance(value, dict)}
    return all(key in there and _holds(there[key], value) for key, value in tables.items())
