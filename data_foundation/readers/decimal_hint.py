"""The digits of a decimal column that `columns` of `sources.yaml` declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEFAULT_PRECISION, DEFAULT_SCALE = 38, 9
"""dlt's own defaults."""


def declared_digits(hint: Mapping[str, Any]) -> tuple[int, int]:
    """Returns precision and scale of a column's hint, by default those of dlt."""
    precision = hint.get("precision") or DEFAULT_PRECISION
    scale = hint.get("scale")
    return precision, min(DEFAULT_SCALE, precision) if scale is None else scale
