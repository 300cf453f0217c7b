"""Downloads a verified source of dlt, by the command `dlt init`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from data_foundation.errors import FoundationError
from data_foundation.suggestions import nearest
from data_foundation.warehouses.settings import read_settings

REPOSITORY = "https://github.com/dlt-hub/verified-sources"
_DESTINATION = "duckdb"
"""`dlt init` needs one; what it writes for it is not used."""

_LONGEST = 300
"""Seconds."""


def download_source(root: Path, origin: str, location: str | None, folder: Path) -> Path:
    """Lays a verified source into an empty folder, and returns the folder of its code.

    Args:
        root: The repository, whose `.env` may hold what git needs.
        origin: Its name, for instance `chess`.
        location: The repository: an address for git, or a folder. None is that of dlt.
        folder: An empty folder.

    Raises:
        FoundationError: The repository cannot be read, or has no such source.
    """
    # dlt writes to the project of the environment, if it names one.
    environment = {**read_settings(root), "DLT_PROJECT_DIR": str(folder), "RUNTIME__DLTHUB_TELEMETRY": "false"}
    at = ("--location", location) if location else ()
    repository = location or REPOSITORY
    printed = _dlt_init(folder, environment, origin, _DESTINATION, *at)
    code = folder / origin
    if code.is_dir():
        requirements = folder / "requirements.txt"
        if requirements.is_file() and not (code / requirements.name).exists():
            requirements.rename(code / requirements.name)
        return code
    if not (folder / f"{origin}_pipeline.py").is_file():
        raise FoundationError(
            f"--from: `dlt init {origin}` could not read {repository}: {_reason(printed)}. If this machine does not "
            f"reach it, take the repository from one that does, with `git clone {REPOSITORY}`, and name the folder: "
            f"--from dlt:verified-sources/sources/{origin}"
        )
    # A name that it does not know becomes an empty pipeline.
    listed = _dlt_init(folder, environment, "--list-sources", *at).partition("verified sources:")[2]
    names = re.findall(r"^([a-z]\w*): ", listed, re.MULTILINE)
    there = ", ".join(names) or "none"
    raise FoundationError(f"--from: {repository} has no source '{origin}'; it has {there}{nearest(origin, names)}")


def _dlt_init(folder: Path, environment: Mapping[str, str], *arguments: str) -> str:
    """Runs `dlt init` in a folder and returns what it prints; its exit code is 0 after an error too."""
    command = [sys.executable, "-m", "dlt", "--non-interactive", "init", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - arguments of the person at the keyboard, without a shell
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"error: no answer within {_LONGEST} seconds"
    return done.stdout


def _reason(printed: str) -> str:
    """Returns the line of git's or dlt's output that says what failed."""
    lines = [line.strip() for line in printed.splitlines() if re.search(r"\w", line) and "NOTE" not in line]
    fatal = [line for line in lines if re.match(r"(fatal|error)\b", line, re.IGNORECASE)]
    return (fatal or lines or ["it printed nothing"])[-1].rstrip(".")
