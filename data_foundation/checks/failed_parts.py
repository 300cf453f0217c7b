"""The parts of a source that failed alone, for instance one account of many, while the others landed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data_foundation.dlt_keys import FAILED_PARTS
from data_foundation.errors import EntryError
from data_foundation.process_wide.redaction import redact


def read_failed_parts(metrics: Mapping[str, Any]) -> Mapping[str, str]:
    """Returns by part why it failed, on one line and without secrets.

    Args:
        metrics: Of a resource, as its entry filled `dlt.current.resource_metrics()`.

    Raises:
        EntryError: It is no dict.
    """
    said = metrics.get(FAILED_PARTS) or {}
    if not isinstance(said, Mapping):
        message = f"resource_metrics()['{FAILED_PARTS}'] is a {type(said).__name__}; accepted: a dict of part to reason"
        raise EntryError(message)
    return {redact(str(part)): redact(" ".join(str(reason).split())) for part, reason in said.items()}


def list_parts(failed: Mapping[str, str]) -> str:
    """Returns a sentence on the parts that failed alone, "" where there are none."""
    listed = "; ".join(f"{part}: {reason}" for part, reason in failed.items())
    return f"{len(failed)} failed and did not land: {listed}" if failed else ""
