"""Adds a warning to the result of the running load."""

from __future__ import annotations

import logging

import dlt

from data_foundation.dlt_keys import WARNINGS

logger = logging.getLogger(__name__)


def warn(text: str) -> None:
    """Adds `text` to the warnings of the running load, and logs it."""
    dlt.current.resource_metrics().setdefault(WARNINGS, []).append(text)
    logger.warning("%s", text)
