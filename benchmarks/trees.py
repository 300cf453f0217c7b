"""Repositories as a user has them, written for a benchmark."""

from __future__ import annotations

from pathlib import Path


def write_source(root: Path, name: str, yaml: str, data: str = "") -> None:
    """Writes the folder of a source, with a `data.py` where it has one."""
    folder = root / "dlthub" / name
    folder.mkdir(parents=True)
    (folder / "sources.yaml").write_text(yaml.lstrip(), encoding="utf-8")
    if data:
        (folder / "data.py").write_text(data.lstrip(), encoding="utf-8")
