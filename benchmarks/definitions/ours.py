"""The tree with this project: folders and YAML, read and checked."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.definitions.phases import measure_definitions
from data_foundation.orchestration.factory import build_definitions


def measure(folder: Path, _size: int) -> Generator[str, None, Any]:
    """Measures `build_definitions`."""
    return measure_definitions(lambda: build_definitions(folder))
