"""The same source with a generator that yields the response bodies, undecoded."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.http import ours


def measure(folder: Path, size: int) -> Generator[str, None, Any]:
    """Measures everything that Dagster does for one asset."""
    return ours.measure(folder, size, entry="get_bytes")
