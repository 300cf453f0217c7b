"""What a person should know although nothing failed."""

from __future__ import annotations

import logging

import dlt

from data_foundation.dlt_keys import WARNINGS

logger = logging.getLogger(__name__)


def warn(text: str) -> None:
    """Has `text` among the warnings of the load, and in the log."""
    dlt.current.resource_metrics().setdefault(WARNINGS, []).append(text)
    logger.warning("%s", text)
