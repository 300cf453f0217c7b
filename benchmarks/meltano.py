"""A tap of Meltano's SDK into target-duckdb: two processes and a pipe, as Meltano runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def load(tap: str, folder: Path, size: int, **settings: Any) -> Path:
    """Returns the DuckDB file with the table `raw.rows`.

    Args:
        tap: Module of the tap, whose only setting is `size`.
        folder: Folder for all files.
        size: Number of rows that the tap emits.
        settings: Settings of the target, added to its defaults.

    Raises:
        subprocess.CalledProcessError: The tap or the target failed.
    """
    database = folder / "meltano.duckdb"
    options = {"filepath": str(database), "default_target_schema": "raw", **settings}
    for name, config in {"tap.json": {"size": size}, "target.json": options}.items():
        (folder / name).write_text(json.dumps(config), encoding="utf-8")
    extract = [sys.executable, "-m", tap, "--config", str(folder / "tap.json")]
    target = [str(Path(sys.executable).parent / "target-duckdb"), "--config", str(folder / "target.json")]
    with subprocess.Popen(extract, stdout=subprocess.PIPE) as tapping:
        subprocess.run(target, stdin=tapping.stdout, stdout=subprocess.DEVNULL, check=True)
    if tapping.returncode:
        raise subprocess.CalledProcessError(tapping.returncode, extract)
    return database
