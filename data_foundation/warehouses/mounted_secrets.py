"""Reads settings from the files of a folder, as Docker, Kubernetes and the agents of vaults mount secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from data_foundation.errors import WarehouseError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def read_mounted(folder: Path) -> dict[str, str]:
    """Returns the settings of a folder, {} if it does not exist.

    The file `snowflake-password`, or `SNOWFLAKE_PASSWORD`, contains the setting SNOWFLAKE_PASSWORD, in the folder or in
    a folder of it. Line breaks at its end are no part of the value; an empty file counts as not set.

    Args:
        folder: The folder, in which other files and folders may be too.

    Raises:
        WarehouseError: A file cannot be read, or is no text; or two files contain different values of a setting.
    """
    settings: dict[str, str] = {}
    places: dict[str, Path] = {}
    for file in _find_files(folder):
        name, value = file.name.upper().replace("-", "_"), _read(file)
        if settings.setdefault(name, value) != value:
            raise WarehouseError(f"{name}: {places[name]} and {file} contain different values; remove one of them")
        places.setdefault(name, file)
    return {name: value for name, value in settings.items() if value}


def _find_files(folder: Path) -> Iterator[Path]:
    """Yields the files whose names are those of settings, in the folder and in its folders."""
    if not folder.is_dir():
        return
    for path in _list(folder):
        if path.is_dir():
            yield from (file for file in _list(path) if file.is_file())
        else:
            yield path


def _list(folder: Path) -> list[Path]:
    try:
        return [path for path in sorted(folder.iterdir()) if _NAME.fullmatch(path.name)]
    except OSError as error:
        raise _unreadable(folder, error) from None


def _unreadable(path: Path, error: OSError) -> WarehouseError:
    hint = "the user of this process must be allowed to read it, or SECRETS_FOLDER names another folder"
    return WarehouseError(f"{path} cannot be read: {error.strerror}; {hint}")


def _read(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise _unreadable(file, error) from None
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise WarehouseError(f"{file}: its content is no text in UTF-8; accepted: the value of a setting")
    return text.rstrip("\r\n")
