"""Parts of a source that failed alone, for instance one account of many, while the others were loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data_foundation.dlt_keys import FAILED_PARTS
from data_foundation.errors import EntryError
from data_foundation.process_wide.redaction import redact


def read_failed_parts(metrics: Mapping[str, Any]) -> Mapping[str, str]:
    """Returns the reason of each failed part, on one line and without secrets.

    Args:
        metrics: Metrics of a resource, which its entry set in `dlt.current.resource_metrics()`.

    Raises:
        EntryError: The metric is not a dict.
    """
    failed = metrics.get(FAILED_PARTS) or {}
    if not isinstance(failed, Mapping):
        message = (
            f"resource_metrics()['{FAILED_PARTS}'] is a {type(failed).__name__}; accepted: a dict of part to reason"
        )
        raise EntryError(message)
    return {redact(str(part)): redact(" ".join(str(reason).split())) for part, reason in failed.items()}


def list_parts(failed: Mapping[str, str]) -> str:
    """Returns a sentence that lists the failed parts, "" if there are none."""
    listed = "; ".join(f"{part}: {reason}" for part, reason in failed.items())
    return f"{len(failed)} failed and did not land: {listed}" if failed else ""
